"""`twinboot apply`: from the operator's wish to its end, in the order in which it is printed."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinboot import paths

from .. import client
from ..options import fail
from . import changes, in_use, progress

if TYPE_CHECKING:
    from twinboot.rollout.record import Record

_PROPOSE_LIMIT_S = 30.0
NOT_APPLIED = 3
EARLIER = 4
"""The file is that of an earlier site: somebody has applied another one on another server."""


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """The options of `twinboot apply`."""

    yes: bool = False
    without: tuple[str, ...] = ()
    previous: bool = False
    full: bool = False
    dry_run: bool = False
    status: bool = False


def run(wish: ApplyOptions, site_file: Path = paths.SITE_FILE) -> None:
    """Ends the process: 0 in use everywhere, or nothing to do."""
    try:
        status = client.ask("rollout")
    except client.AgentDown as exc:
        fail(str(exc))
    if not status.get("ok"):
        fail(str(status.get("error")))
    if wish.status:
        print("\n".join(progress.status_lines(status)))
        return
    record = in_use.read_record()
    if record is None:
        fail("no site is in use here yet: `make up`")
    digest = _show(wish, status, record, site_file)
    if wish.dry_run:
        sys.exit(EARLIER if digest in record.past else NOT_APPLIED)
    servers = ", ".join((str(status["server"]), *status["servers"]))
    if not wish.yes and not progress.confirmed(f"apply this on {servers}? [y/N]"):
        fail("nothing was changed", code=NOT_APPLIED)
    _apply(wish, digest)


def _show(wish: ApplyOptions, status: dict[str, Any], record: Record, site_file: Path) -> str:
    """Print what changes; the digest of what was shown. Ends when nothing does."""
    from twinboot.site import SiteError, identity, load
    from twinboot.site.transition import transition_faults

    number = record.committed.version.number
    try:
        old = in_use.site_of(record.committed.text)
        if wish.previous:
            if record.previous is None:
                fail("there is no site before this one")
            new = in_use.site_of(record.previous.text)
        else:
            new = load(site_file)
        digest = identity.digest(new)
        if digest == record.committed.version.digest and _same_everywhere(status):
            print(f"nothing to apply: site {number} is in use on all servers")
            sys.exit(0)
        if not wish.previous and digest.hex() in record.past:
            print(f"config/site.yaml is that of site {record.past[digest.hex()]}, and site "
                  f"{number} is in use: this would take the later one back")
        print(f"what changes (in use: site {number}):" if number else "what changes (none was applied yet):")
        for line in changes.entry_lines(old, new):
            print(line)
        faults = [str(fault) for fault in transition_faults(old, new)]
        servers = tuple(dict.fromkeys((*old.servers, *new.servers)))
        stay = [name for name in old.servers if name in new.servers] if not faults else []
        files = {name: changes.file_changes(old, new, name) for name in stay}
    except SiteError as exc:
        for fault in exc.faults:
            print(f"FAULT   {fault}", file=sys.stderr)
        sys.exit(2)
    for one in faults:
        print(f"FAULT   {one}", file=sys.stderr)
    if faults:
        sys.exit(2)
    print("files:" if any(files.values()) else "files: none changes")
    for line in changes.file_lines(files, full=wish.full):
        print(line)
    for name in servers:
        if name not in stay:
            print(f"  all files of {name}, which {'goes' if name in old.servers else 'is new'}")
    for name in servers:
        if name != status["server"] and name not in status["heard"]:
            print(f"{name} was never heard: it takes the site when it is started")
    return digest.hex()


def _same_everywhere(status: dict[str, Any]) -> bool:
    mine = status["committed"]["digest"]
    return all(
        not peer["alive"] or (peer["working"] or {}).get("digest", mine) == mine
        for peer in status["servers"].values()
    )


def _apply(wish: ApplyOptions, digest: str) -> None:
    options: dict[str, bool | str | list[str]] = {
        "digest": digest, "previous": wish.previous, "without": list(wish.without),
    }
    try:
        reply = client.ask("apply", options, timeout_s=_PROPOSE_LIMIT_S)
    except client.AgentDown as exc:
        fail(str(exc))
    if not reply.get("ok"):
        fail(f"nothing was changed: {reply.get('error')}")
    number = int(reply["attempt"]["number"])
    print(f"site {number}: every server checks it", flush=True)
    try:
        progress.follow(client.ask, number, lambda line: print(line, flush=True))
    except progress.Failed as exc:
        fail(str(exc))
    except KeyboardInterrupt:
        fail("the servers go on by themselves: scripts/twinboot apply --status")
    print(f"site {number} is in use on all servers that are heard")
