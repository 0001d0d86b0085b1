"""`twinboot takeover`: builds the process from the site file that render has left, and runs it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from twinboot import paths
from twinboot.alarms import kinds
from twinboot.core.effects import LogLevel
from twinboot.errors import ResourceError
from twinboot.log import log_event, start_logging
from twinboot.takeover.logic.record import ConnectionKind

from ...kernel import tcp_repair
from ...kernel.nflog import NetfilterLog
from . import liveness
from .capabilities import Capabilities, Limit
from .capture.capture import Capture
from .claim import connection_tracking
from .claim.moves import TakeoverMode
from .nftables import NftablesRules, NoRules, TakeoverRules
from .process import TakeoverProcess
from .published.boot_files import BootFiles
from .published.contents import Contents
from .published.tree import PublishedTree

log = logging.getLogger(__name__)


def main(socket: Path, environ: Mapping[str, str] = os.environ) -> int:
    """Run the takeover process; returns its exit code."""
    server = environ.get("TWINBOOT_SERVER", "")
    handler = start_logging(server or "-", debug=environ.get("TWINBOOT_DEBUG", "") not in ("", "0"))
    try:
        interface, modes = _settings(server)
        return asyncio.run(_run(socket, interface, modes))
    except ResourceError as exc:
        log_event(log, LogLevel.ERROR, "cannot-start", resource=exc.resource, reason=exc.reason)
        return 1
    except Exception:
        log.exception("the takeover process failed")
        return 1
    finally:
        handler.close()


def _settings(server: str) -> tuple[str, dict[ConnectionKind, TakeoverMode]]:
    from twinboot.site import SiteError, load

    try:
        site = load(paths.RENDERED_SITE)
    except SiteError as exc:
        raise ResourceError(str(paths.RENDERED_SITE), str(exc.faults[0])) from exc
    if server not in site.servers:
        raise ResourceError(f"TWINBOOT_SERVER={server}", "not a server of the site")
    modes = {
        ConnectionKind.FTP_CONTROL: TakeoverMode(str(site.takeover.ftp)),
        ConnectionKind.HTTP: TakeoverMode(str(site.takeover.http)),
    }
    return str(site.servers[server].interface), modes


def capabilities_of(interface: str, modes: Mapping[ConnectionKind, TakeoverMode]) -> Capabilities:
    """What this kernel and container allow; for what is missing, the fallback mode and a limit."""
    limits: list[Limit] = []
    capture: Capture | None = None
    rules: TakeoverRules = NoRules()
    try:
        capture = Capture(interface)
    except ResourceError as exc:
        text = f"connections are neither seen nor carried over: {exc}"
        limits.append(Limit(kinds.TAKEOVER_BLIND, text))
    missing = tcp_repair.unavailable_reason()
    try:
        rules = made = NftablesRules()
        if made.missing_feature:
            text = f"new connections are refused while a service starts: {made.missing_feature}"
            limits.append(Limit(kinds.TAKEOVER_REFUSES_AT_START, text))
    except ResourceError as exc:
        missing = missing or str(exc)
    if missing and capture is not None and TakeoverMode.ON in modes.values():
        text = f"connections are reset instead of carried over: {missing}"
        limits.append(Limit(kinds.TAKEOVER_BY_RESET, text))
    if capture is None:
        modes = dict.fromkeys(modes, TakeoverMode.OFF)
    elif missing:
        modes = {
            kind: TakeoverMode.TICKLE if mode is TakeoverMode.ON else mode for kind, mode in modes.items()
        }
    untracked = connection_tracking.unavailable_reason()
    if untracked and any(mode is not TakeoverMode.OFF for mode in modes.values()):
        text = f"a packet filter that drops what is invalid ends connections that come here: {untracked}"
        limits.append(Limit(kinds.TAKEOVER_UNTRACKED, text))
    netfilter_log: NetfilterLog | None = None
    carried = [kind for kind, mode in modes.items() if mode is TakeoverMode.ON]
    if carried and isinstance(rules, NftablesRules):
        try:
            rules.install_input_hold(carried)
            netfilter_log = NetfilterLog()
        except ResourceError as exc:
            text = f"what a client says in the moment of its server's death is lost: {exc}"
            limits.append(Limit(kinds.TAKEOVER_INPUT_NOT_HELD, text))
    return Capabilities(capture, rules, modes, tuple(limits), netfilter_log)


async def _run(socket: Path, interface: str, modes: Mapping[ConnectionKind, TakeoverMode]) -> int:
    index = liveness.index_of(interface)
    means = capabilities_of(interface, modes)
    contents = Contents(paths.INSTALL / "trees")  # the very same below paths.TFTP
    tree, boot = PublishedTree(paths.INSTALL, contents), BootFiles(paths.TFTP, paths.LOADERS, contents)
    process = TakeoverProcess(interface, tree, boot, means)
    contents.start()
    task = asyncio.create_task(process.serve(socket))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    anew = asyncio.create_task(liveness.made_anew(interface, index))
    anew.add_done_callback(lambda _done: task.cancel())
    for limit in means.limits:
        log_event(log, LogLevel.WARNING, "takeover-limited", code=limit.kind.code, reason=limit.text)
    log_event(log, LogLevel.INFO, "takeover-process-started", interface=interface,
        ftp=means.modes[ConnectionKind.FTP_CONTROL].value, http=means.modes[ConnectionKind.HTTP].value)
    with contextlib.suppress(asyncio.CancelledError):
        await task
    if anew.done():
        log_event(log, LogLevel.WARNING, "interface-made-anew", interface=interface, action="start again")
    return 0


if __name__ == "__main__":
    sys.exit(main(paths.TAKEOVER_SOCKET))
