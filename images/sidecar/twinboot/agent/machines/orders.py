"""What `twinboot machines`, `machine`, `install` and `local` ask for: values for the control socket."""

from __future__ import annotations

import asyncio
import time
from typing import Any, TypeAlias

from twinboot.machines.facts import Facts
from twinboot.machines.record import Order, Record
from twinboot.machines.view import as_dict

from .keeper import MachineKeeper

_SHOWN = 20
_AT_ONCE = 200
"""Orders in one turn of the loop."""


async def machines(keeper: MachineKeeper) -> dict[str, Any]:
    """Every host of the site, in its order. Ten thousand of them take a tenth of a second: in a thread."""
    table = keeper.table
    now = [row(keeper, name) for name in table.facts]
    return {"ok": True, "ready": table.ready, "machines": await asyncio.to_thread(rows, now)}


_Row: TypeAlias = tuple[str, Record, Facts, float, Order, dict[str, Any]]


def row(keeper: MachineKeeper, name: str) -> _Row:
    """What is known of one now, for rows(), which may be called in a thread."""
    table = keeper.table
    return (name, table.of(name), table.facts[name], keeper.silent_s(name), table.offered(name),
            keeper.sharing.of(name))  # fmt: skip


def rows(now: list[_Row]) -> list[dict[str, Any]]:
    """The orders as JSON values."""
    return [
        {**as_dict(name, record, facts, silent_s=silent_s, boots=boots), "group": facts.group,
         "addresses": list(facts.addresses), "macs": list(facts.macs), "profile": facts.profile,
         "installed_with": record.profile, "reports": facts.reports,
         "once": facts.once, **load, **({"state": "queued"} if "turn" in load else {})}
        for name, record, facts, silent_s, boots, load in now
    ]  # fmt: skip


def machine(keeper: MachineKeeper, name: str) -> dict[str, Any]:
    """One of them, with its state history."""
    if name not in keeper.table.facts:
        return refused(f"no host {name!r} in the site file")
    (found,) = rows([row(keeper, name)])
    return {"ok": True, "machine": {**found,
                                    "state_history": [one._asdict() for one in keeper.state_history(name)],
                                   "files": keeper.fetches.of(name)}}


async def order(keeper: MachineKeeper, request: dict[str, Any]) -> dict[str, Any]:
    """{"order": "install" | "local", "hosts": [NAME...], "profile": NAME or ""}."""
    names = named(keeper, request)
    return names if isinstance(names, dict) else await give(keeper, str(request.get("order")), names)


def named(keeper: MachineKeeper, request: dict[str, Any]) -> list[str] | dict[str, Any]:
    """The hosts that a request means; or its refusal."""
    table = keeper.table
    if not table.ready:
        return refused("this server has just started, and does not yet know what its peers know; ask again")
    profile = str(request.get("profile") or "")
    names = [str(name) for name in request.get("hosts") or ()]
    unknown = [name for name in names if name not in table.facts]
    if unknown:
        return refused(f"no host {unknown[0]!r} in the site file; nothing was changed")
    if profile:
        names += [name for name, facts in table.facts.items() if facts.profile == profile]
    if not names:
        return refused(f"no host has the profile {profile!r}" if profile else "name a host, or a profile")
    return list(dict.fromkeys(names))


async def give(keeper: MachineKeeper, what: str, names: list[str], note: str = "") -> dict[str, Any]:
    """Order hosts of the site to be installed, or not to be. note: words for those that are to be
    installed."""
    wanted = {"install": Order.INSTALL, "local": Order.LOCAL}.get(what)
    if wanted is None:
        return refused("no such order; there are: install, local")
    told: list[str] = []
    for at in range(0, len(names), _AT_ONCE):
        told += keeper.table.order(names[at:at + _AT_ONCE], wanted, time.time())
        if note:
            keeper.table.note(names[at:at + _AT_ONCE], note)
        keeper.spread()
        await asyncio.sleep(0)  # heartbeats go on
    if not await keeper.kept():
        return refused("ordered here, but not every live server, or this one's disk, has it yet: ask "
                        "`twinboot machines` on them before you start the machines")  # fmt: skip
    how = "started from the disk"
    if wanted is Order.INSTALL:
        how = "installed at the next start from the network"
    return {"ok": True, "told": told, "message": _sentence(names, told, how)}


def _sentence(names: list[str], told: list[str], what: str) -> str:
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    again = "" if told else " (so it was already)"
    return f"{len(names)} to be {what}{again}: {shown}"


def refused(why: str) -> dict[str, Any]:
    """The reply that says no."""
    return {"ok": False, "error": why}
