"""What each page shows: by its address a function that asks for the facts it needs."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from ..facts import Facts
from ..models import Alarm, Machine, Move, Status
from . import machines as table
from . import moves, words
from .pages import Page

Said: TypeAlias = Mapping[str, str]
View: TypeAlias = Callable[[Facts, Said], Awaitable[Page]]

SEVERITIES = ("critical", "warning")
"""The gravest first. Alarms without a severity, or with one that is not known here, come last."""


async def overview(facts: Facts, _: Said) -> Page:
    """Alarms, machines by state, servers, groups, the last move."""
    status, known = await facts.status(), await _machines(facts)
    history = await facts.history()
    return Page("overview.html", {
        "alarms": in_order(status.alarms), "shares": table.shares(known), "machines": known,
        "servers": servers(status, known), "move": moves.shown(history[-1]) if history else None,
        "reasons": reasons(status),
    })  # fmt: skip


async def all_machines(facts: Facts, said: Said) -> Page:
    known, query = await _machines(facts), table.Query.of(said)
    chosen = table.choose(known, query)
    aged = replace(chosen, machines=[facts.aged(one) for one in chosen.machines])
    return Page("machines.html", {
        "query": query, "chosen": aged, "states": table.STATES, "known": len(known),
        "profiles": table.values_of(known, "profile"), "servers": table.values_of(known, "server"),
    })  # fmt: skip


async def machine(facts: Facts, said: Said) -> Page:
    name = said["name"]
    known = await _machines(facts)
    if all(one.name != name for one in known):
        return Page("missing.html", {"what": f"There is no host {name} in the site file."}, 404)
    return Page("machine.html", {"one": await facts.machine(name)})


async def unknown(facts: Facts, _: Said) -> Page:
    return Page("unknown.html", {"found": await facts.unknown()})


async def trees(facts: Facts, _: Said) -> Page:
    found = await facts.trees()
    return Page("trees.html", {
        "trees": found, "servers": list(dict.fromkeys(name for one in found for name in one.servers)),
        "reading": (await facts.status()).tree_reading,
    })  # fmt: skip


async def history(facts: Facts, _: Said) -> Page:
    return Page("history.html", {"moves": [moves.shown(one) for one in _newest_first(await facts.history())]})


async def site(facts: Facts, said: Said) -> Page:
    """Which site is in use where, and how far a change of it is. number: of the change that is waited for."""
    number = said.get("number", "")
    return Page("site_changes/site.html", {
        "rollout": await facts.rollout(),
        "number": int(number) if number.isascii() and number.isdigit() and len(number) < 12 else None,
    })  # fmt: skip


async def about(facts: Facts, _: Said) -> Page:
    status = await facts.status()
    return Page("about.html", {
        "servers": servers(status, []), "version": os.environ.get("TWINBOOT_VERSION", "0"),
    })  # fmt: skip


PAGES: dict[str, tuple[str, View]] = {
    "/": ("overview", overview),
    "/ui/machines": ("machines", all_machines),
    "/ui/unknown": ("unknown", unknown),
    "/ui/site": ("site", site),
    "/ui/trees": ("trees", trees),
    "/ui/history": ("history", history),
    "/ui/about": ("about", about),
}
"""Name and view of each part of the site, by address."""
MACHINE = "/ui/machines/"


def find(path: str) -> tuple[str, View, dict[str, str]] | None:
    """The page of an address, and what the address itself says."""
    if path in PAGES:
        return (*PAGES[path], {})
    name = path.removeprefix(MACHINE)
    if path.startswith(MACHINE) and 0 < len(name) <= 100 and "/" not in name:
        return "machines", machine, {"name": name}
    return None


def in_order(alarms: list[Alarm]) -> list[Alarm]:
    """Machines that wait for somebody, then the gravest; else as the sidecar tells them."""
    places = {severity: at for at, severity in enumerate(SEVERITIES)}
    return sorted(alarms, key=lambda one: (
        one.subject_type != "HOST", places.get(one.severity, len(places))))


def servers(status: Status, known: list[Machine]) -> list[dict[str, Any]]:
    """A row for each server: this one, then the others in order."""
    installs = table.installs(known)
    own = {
        "name": status.server, "state": status.state, "version": status.version, "standby": "",
        "lan": status.lan, "daemons": status.daemons, "hold_down_s": status.hold_down_s, "links": {},
        "here": True, "site": status.site, "differs": False, "deaf": False,
    }  # fmt: skip
    rows: list[dict[str, Any]] = [own]
    for name, peer in status.peers.items():
        rows.append({
            "name": name, "state": "left" if peer.left and peer.state == "dead" else peer.state,
            "version": peer.version or "unknown", "standby": peer.standby, "lan": peer.lan,
            "daemons": peer.daemons, "hold_down_s": peer.hold_down_s, "links": peer.links, "here": False,
            "site": peer.site, "differs": peer.site_differs_s is not None,
            "deaf": peer.state == "alive" and peer.hears_us is False,
        })  # fmt: skip
    for row in rows:
        row["holds"] = [name for name, group in status.groups.items() if group.holder == row["name"]]
        row["installs"] = installs[row["name"]]
        row["ill"] = [
            f"{name} {one.health}" for name, one in row["daemons"].items()
            if words.tone(one.health) != words.GOOD
        ]
    return rows


def reasons(status: Status) -> list[tuple[str, str, str]]:
    """Which server could not take over, why, and the command that mends it; each once."""
    found = {
        (server, why, one.remedy): None
        for group in status.groups.values() for server, one in group.readiness.items() for why in one.why
    }  # fmt: skip
    return list(found)


async def _machines(facts: Facts) -> list[Machine]:
    return await facts.machines()


def _newest_first(found: list[Move]) -> list[Move]:
    return sorted(found, key=lambda one: one.number, reverse=True)
