"""The text to change, what others have changed in it, and the changed one for whoever writes it.

What is changed is the operator's file. Where that is one of an earlier site, which was applied from another
server since, the text of the site in use takes its place: nothing of anybody's is lost by it. A file with
changes that were not applied is left alone unless the operator says that they are to go along.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from twinboot import paths
from twinboot.enrolment.change import SiteFileChange
from twinboot.site.editing import EditError, edited

from .. import site_file as files
from ..changing import changes, in_use
from ..options import fail

if TYPE_CHECKING:
    from twinboot.site import Site

WOULD_CHANGE = 3
TO_APPLY, TO_WRITE = 10, 11
"""Ends of the commands that leave a proposal: it is to be written and applied, or written alone."""
PLACE = "TWINBOOT_PROPOSAL"
"""Environment: the name under which whoever calls will ask for the proposal."""
_NAME = re.compile(r"[0-9A-Za-z-]{1,64}")
_SHOWN = 200
_OTHERS_SHOWN = 20
_FORGOTTEN_S = 3600.0


@dataclass(frozen=True, slots=True)
class Base:
    """text: what is to be changed, which says `site`. used: the site in use. on_disk: the file as it is."""

    text: str
    site: Site
    used: Site
    on_disk: str


@dataclass(frozen=True, slots=True)
class ProposalOptions:
    """dry_run: only show. apply: on all servers, after it was written. everything: other changes of the file,
    which were not applied, go along."""

    dry_run: bool = False
    apply: bool = True
    everything: bool = False


def base(command: str, wish: ProposalOptions, site_file: Path = paths.SITE_FILE) -> Base:
    """Ends the process when the file is not to be changed."""
    from twinboot.site import SiteError, identity, loads

    record = in_use.read_record()
    if record is None:
        fail("no site is in use here yet: `make up`")
    try:
        used = in_use.site_of(record.committed.text)
        on_disk = files.read(site_file)
        site = used if on_disk == record.committed.text else loads(on_disk)
    except EditError as exc:
        fail(f"{command}: {exc}", code=2)
    except SiteError as exc:
        end_with(command, [f"FAULT   {fault}" for fault in exc.faults], "config/site.yaml has faults")
    digest = identity.digest(site)
    if digest == record.committed.version.digest:
        return Base(on_disk, site, used, on_disk)
    if digest.hex() in record.past:
        print(f"config/site.yaml is that of site {record.past[digest.hex()]}: site "
              f"{record.committed.version.number}, which is in use, takes its place")
        return Base(record.committed.text, used, used, on_disk)
    if wish.everything:
        return Base(on_disk, site, used, on_disk)
    others = list(changes.entry_lines(used, site))
    more = len(others) - _OTHERS_SHOWN
    shown = others[:_OTHERS_SHOWN] + ([f"  and {more} more"] if more > 0 else [])
    end_with(command, shown, "config/site.yaml has other changes, which were not applied: `scripts/twinboot "
             "apply` them first, or say --all to have them go along")


def end_with(command: str, lines: Collection[str], why: str) -> NoReturn:
    """Several lines of why nothing is changed."""
    for line in lines:
        print(line, file=sys.stderr)
    fail(f"{command}: {why}; nothing was changed", code=2)


def propose(
    command: str, given: Base, change: SiteFileChange, wish: ProposalOptions, places: Mapping[str,
        str] | None = None
) -> NoReturn:
    """Show the change and leave it for whoever writes it. places: of hosts, in the operator's table."""
    from twinboot.site import SiteError, identity, loads

    if not change.put and not change.drop:
        _show(change.lines)
        print("nothing to change")
        sys.exit(0)
    try:
        text = edited(given.text, change.put, change.drop)
        new = loads(text)
    except EditError as exc:
        fail(f"{command}: config/site.yaml: {exc}; nothing was changed", code=2)
    except SiteError as exc:
        faults = [f"FAULT   {_placed(str(fault), fault.path, places or {})}" for fault in exc.faults]
        end_with(command, faults, "the site file would have faults")
    assert identity.digest(new) != identity.digest(given.site), "a change that changes nothing"
    _show(change.lines)
    if given.site is not given.used:
        others = list(changes.entry_lines(given.used, given.site))
        if others:
            print("and what was changed in config/site.yaml before:")
            _show(others)
    if wish.dry_run:
        print("nothing was changed (--dry-run)")
        sys.exit(WOULD_CHANGE)
    _leave({"old": given.on_disk, "new": text}, command)
    sys.exit(TO_APPLY if wish.apply else TO_WRITE)


def _placed(text: str, path: str, places: Mapping[str, str]) -> str:
    parts = path.split(".")
    place = places.get(parts[1]) if parts[0] == "hosts" and len(parts) > 1 else None
    return f"{place}: {text}" if place else text


def _show(lines: Collection[str]) -> None:
    for line in list(lines)[:_SHOWN]:
        print(line)
    if len(lines) > _SHOWN:
        print(f"  and {len(lines) - _SHOWN:,} lines more")
    sys.stdout.flush()


# What is left for whoever writes it ---------------------------------------------------------------


def _place() -> Path:
    name = os.environ.get(PLACE, "")
    if not _NAME.fullmatch(name):
        fail("call scripts/twinboot on the server itself: this container cannot write the site file", code=2)
    return paths.CONTROL_SOCKET.with_name(f"proposal-{name}")


def _leave(proposal: Mapping[str, str], command: str) -> None:
    try:
        for old in _place().parent.glob("proposal-*"):  # of calls that were ended before they took it
            if time.time() - old.stat().st_mtime > _FORGOTTEN_S:
                old.unlink(missing_ok=True)
        _place().write_text(json.dumps(proposal), encoding="utf-8")
    except OSError as exc:
        fail(f"{command}: {exc.filename}: {exc.strerror}; nothing was changed")


def take() -> None:
    """Print what was left, and remove it."""
    place = _place()
    try:
        text = place.read_text(encoding="utf-8")
        place.unlink()
    except OSError as exc:
        fail(f"{place}: {exc.strerror}")
    sys.stdout.write(text)


def write(*, back: bool, site_file: Path = paths.SITE_FILE) -> None:
    """Write the site file by the proposal on the standard input, unless somebody else has written it since.

    back: take it back, unless it has become the site in use.
    """
    said: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    old, new = str(said["old"]), str(said["new"])
    try:
        there = files.read(site_file)
        if back:
            record = in_use.read_record()
            if there != new or (record is not None and record.committed.text == new):
                return
            files.write(site_file, old)
            print("config/site.yaml is as it was before")
            return
        if there != old:
            fail("config/site.yaml was written by somebody else just now; nothing was changed", code=2)
        files.write(site_file, new)
    except EditError as exc:
        fail(str(exc), code=2)
    except OSError as exc:
        fail(f"config/site.yaml cannot be written: {exc.strerror}", code=2)
