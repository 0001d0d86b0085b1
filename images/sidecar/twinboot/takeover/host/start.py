"""`twinboot adopter`: builds the process from the site file that render has left, and runs it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from twinboot import log as story
from twinboot import paths
from twinboot.core.effects import Level
from twinboot.errors import ResourceError
from twinboot.log import say
from twinboot.takeover.logic.record import Kind

from ...kernel.nflog import ThrownAway
from . import tcp_repair
from .capture.capture import Capture
from .claim.moves import Mode
from .nftables import Filter, NoShield, Shield
from .process import Means, Process
from .published.boot_files import BootFiles
from .published.tree import Tree

log = logging.getLogger(__name__)


def main(socket: Path, environ: Mapping[str, str] = os.environ) -> int:
    """Run the adopter; returns its exit code."""
    server = environ.get("TWINBOOT_SERVER", "")
    handler = story.start(server or "-", debug=environ.get("TWINBOOT_DEBUG", "") not in ("", "0"))
    try:
        interface, modes = _settings(server)
        return asyncio.run(_run(socket, interface, modes))
    except ResourceError as exc:
        say(log, Level.ERROR, "cannot-start", resource=exc.resource, reason=exc.reason)
        return 1
    finally:
        handler.close()


def _settings(server: str) -> tuple[str, dict[Kind, Mode]]:
    from twinboot.site import SiteError, load

    try:
        site = load(paths.RENDERED_SITE)
    except SiteError as exc:
        raise ResourceError(str(paths.RENDERED_SITE), str(exc.faults[0])) from exc
    if server not in site.servers:
        raise ResourceError(f"TWINBOOT_SERVER={server}", "not a server of the site")
    modes = {Kind.FTP_CONTROL: Mode(str(site.adopt.ftp)), Kind.HTTP: Mode(str(site.adopt.http))}
    return str(site.servers[server].interface), modes


def means_of(interface: str, modes: Mapping[Kind, Mode]) -> Means:
    """What this kernel and engine let us do, and the next best for what they do not."""
    faults: list[str] = []
    capture: Capture | None = None
    shield: Filter = NoShield()
    try:
        capture = Capture(interface)
    except ResourceError as exc:
        faults.append(f"connections are neither seen nor carried over: {exc}")
    missing = tcp_repair.available()
    try:
        shield = made = Shield()
        faults += [made.lacks] if made.lacks else []
    except ResourceError as exc:
        missing = missing or str(exc)
    if missing and capture is not None and Mode.ON in modes.values():
        faults.append(f"connections are reset instead of carried over: {missing}")
    if capture is None:
        modes = dict.fromkeys(modes, Mode.OFF)
    elif missing:
        modes = {kind: Mode.TICKLE if mode is Mode.ON else mode for kind, mode in modes.items()}
    thrown_away: ThrownAway | None = None
    carried = [kind for kind, mode in modes.items() if mode is Mode.ON]
    if carried and isinstance(shield, Shield):
        try:
            shield.hold(carried)
            thrown_away = ThrownAway()
        except ResourceError as exc:
            faults.append(f"what a client says in the moment of its server's death is lost: {exc}")
    return Means(capture, shield, modes, tuple(faults), thrown_away)


async def _run(socket: Path, interface: str, modes: Mapping[Kind, Mode]) -> int:
    means = means_of(interface, modes)
    process = Process(interface, Tree(paths.INSTALL), BootFiles(paths.TFTP, paths.LOADERS), means)
    task = asyncio.create_task(process.serve(socket))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    for fault in means.faults:
        say(log, Level.WARNING, "adopt-impossible", reason=fault)
    say(log, Level.INFO, "adopter-started", interface=interface,
        ftp=means.modes[Kind.FTP_CONTROL].value, http=means.modes[Kind.HTTP].value)
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return 0


if __name__ == "__main__":
    sys.exit(main(paths.ADOPTER_SOCKET))
