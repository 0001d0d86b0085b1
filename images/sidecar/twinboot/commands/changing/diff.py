"""What `twinboot diff` prints: what the edited site file would change for each machine, and in what the other
servers' site files differ from this one's."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinboot import paths

from .. import client
from ..options import fail
from . import in_use, machine_diff

if TYPE_CHECKING:
    from twinboot.render.machine_view import MachineView


def run(name: str, site_file: Path = paths.SITE_FILE) -> None:
    """name: a server, a host, or empty for all. Ends the process: 1 when anything differs."""
    from twinboot.site import SiteError

    try:
        reply = client.ask("diff", {"server": ""})
    except client.AgentDown as exc:
        fail(str(exc))
    if not reply.get("ok"):
        fail(f"diff: {reply.get('error')}")
    same = True
    if name in reply["peers"]:
        reply = {**reply, "peers": {name: reply["peers"][name]}}
    else:
        try:
            same = _machines(name, site_file)
        except SiteError as exc:
            for fault in exc.faults:
                print(f"FAULT   {fault}", file=sys.stderr)
            sys.exit(2)
    if not name or name in reply["peers"]:
        print("\n".join(lines(reply)))
        same = same and same_everywhere(reply)
    sys.exit(0 if same else 1)


def _machines(name: str, site_file: Path) -> bool:
    """What the site file would change, or change for one host; is that nothing?"""
    from twinboot.site import identity, load

    record = in_use.read_record()
    if record is None:
        fail("no site is in use here yet: `make up`")
    old, new = in_use.site_of(record.committed.text), load(site_file)
    number = record.committed.version.number
    if identity.digest(old) == identity.digest(new):
        before = after = machine_diff.views_of(new) if name else {}
    else:
        before, after = machine_diff.views_of(old), machine_diff.views_of(new)
    if name:
        return _one(name, before, after)
    found = list(machine_diff.lines(before, after))
    in_use_now = f"site {number}" if number else "the site in use"
    print(f"{site_file.name} would change, against {in_use_now}:" if found else
          f"{site_file.name} changes nothing for machines, against {in_use_now}")  # fmt: skip
    print("".join(f"{line}\n" for line in found), end="")
    return not found


def _one(name: str, before: Mapping[str, MachineView], after: Mapping[str, MachineView]) -> bool:
    if name not in before and name not in after:
        from twinboot.site.faults import did_you_mean

        fail(f"{name}: no such server or host; {did_you_mean(name, after)}", code=2)
    found = list(machine_diff.full_lines(name, before.get(name), after.get(name)))
    print("\n".join(found) if found else f"nothing changes for {name}")
    return not found


def lines(reply: Mapping[str, Any]) -> Iterator[str]:
    """One block for each server that was asked for."""
    here = reply["server"]
    for name, peer in reply["peers"].items():
        if not peer["known"]:
            yield f"{name}: its site file is not known here (not heard yet, or of an older release)"
        elif not peer["differences"]:
            yield f"{name}: the same site file"
        else:
            yield f"{name}: another site file"
            for one in peer["differences"]:
                yield f"  {one['path']}: {one['here']} on {here}, {one['there']} on {name}"
            if peer["left_out"]:
                yield f"  and {peer['left_out']} more"


def same_everywhere(reply: Mapping[str, Any]) -> bool:
    return all(peer["known"] and not peer["differences"] for peer in reply["peers"].values())
