"""The demo's result: each promise beside what was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from twinboot.commands.history import render_move
from twinboot.planning.plan import SitePlan
from twinboot.site import parse

from twinlab.demo.machines import Machine
from twinlab.demo.stage import Stage


@dataclass(frozen=True)
class PowerOff:
    """Whose power went, who should take over, and when it was (epoch seconds)."""

    victim: str
    taker: str
    at: float


class Proofs:
    """Rows of the table, and whether all of them hold."""

    def __init__(self) -> None:
        self.faultless = True
        self.table = Table(header_style="bold", box=None, pad_edge=False)
        self.table.add_column("what", overflow="fold", min_width=20)  # gives way on a narrow terminal
        for column in ("seen", "wanted"):
            self.table.add_column(column, overflow="fold", min_width=16)
        self.table.add_column("", no_wrap=True)

    def row(self, what: str, seen: object, wanted: object, ok: bool) -> None:
        self.faultless &= ok
        self.table.add_row(what, str(seen), str(wanted), "[green]ok[/]" if ok else "[bold red]WRONG[/]")

    def figure(self, what: str, seen: str) -> None:
        """Something measured, for which nothing is promised."""
        self.table.add_row(what, seen, "", "")


Judge = Callable[[Proofs, Machine], None]
"""Adds what a machine's own reports prove."""


def show(
    stage: Stage, machines: list[Machine], judge: Judge | None, *, before: Mapping[str, Mapping[str, int]],
    fault: PowerOff,
) -> int:
    """Print the proof; 0 when all of it holds, else 1. judge: None for machines that do not report."""
    stage.timeline.heading("5. The proof")
    proofs = Proofs()
    for machine in machines if judge else ():
        assert judge is not None
        judge(proofs, machine)
    _shares(proofs, stage, before)
    _move(proofs, stage, fault)
    for machine in machines:
        stall = machine.meter.stall_around(fault.at)
        text = "no data after it" if stall is None else f"{stall:.1f} s"
        proofs.figure(f"{machine.name}: without data around the power-off", text)
    stage.timeline.show(proofs.table)
    stage.timeline.heading(f"What {fault.taker} remembers (`twinboot history`), with the lab's own lines")
    for move in moves_of(stage.lab.server(fault.taker).history(), fault):
        stage.timeline.show(render_move(with_lab(move, fault, machines)))
    every = "both installs" if len(machines) == 2 else "the install"
    good = f"{every} complete, every byte right" if judge else "the move went as promised"
    bad = "NOT as promised: see the lines marked WRONG"
    stage.timeline.heading(f"Result: {good if proofs.faultless else bad}")
    return 0 if proofs.faultless else 1


def moves_of(moves: Sequence[Mapping[str, Any]], fault: PowerOff) -> list[Mapping[str, Any]]:
    """The moves that the fault brought about, as the taker remembers them."""
    return [
        move for move in moves
        if (move["kind"], move["from"]) == ("claimed", fault.victim) and _end(move) > fault.at
    ]  # fmt: skip


def _end(move: Mapping[str, Any]) -> float:
    return float(move["events"][-1]["at"])


def with_lab(move: Mapping[str, Any], fault: PowerOff, machines: Sequence[Machine]) -> dict[str, Any]:
    """The move with what only the lab can know: when the power went, and what the machines got when.

    Times count from the fault. The servers and the lab run on one kernel, so their clocks are one.
    """
    added = [{"at": fault.at, "kind": "fault", "text": f"power-off of {fault.victim}"}]
    for machine in machines:
        gap = machine.meter.gap_around(fault.at)
        if gap is not None:
            for at, what in zip(gap, ("last data before it", "data again"), strict=True):
                added.append({"at": at, "kind": f"{machine.name}: {what}", "text": "within 0.1 s"})
    events = sorted([*move["events"], *added], key=lambda event: float(event["at"]))
    return {
        **move, "at": fault.at,
        "events": [{**event, "after_s": float(event["at"]) - fault.at} for event in events],
    }  # fmt: skip


def home_of(site: Mapping[str, Any], host: str) -> str:
    """The server that should serve this host while all live: the first of its group's order."""
    plan = SitePlan(parse(site))
    machine = next(one for one in plan.machines if one.name == host)
    return str(plan.site.groups[machine.group].order[0])


def _shares(proofs: Proofs, stage: Stage, before: Mapping[str, Mapping[str, int]]) -> None:
    """Before the fault each machine had all its bytes from its own group's server."""
    for machine, shares in before.items():
        server = home_of(stage.lab.site, machine)
        part = 100 * shares.get(server, 0) / (sum(shares.values()) or 1)
        what = f"{machine}: bytes from {server} before the power-off"
        proofs.row(what, f"{part:.1f} %", "100 %", part > 99.9)


def _move(proofs: Proofs, stage: Stage, fault: PowerOff) -> None:
    """Proves the move of the victim's groups: when they were announced, and how long their addresses answered
    nobody."""
    seen = stage.prober.seen()
    for group, address in stage.lab.addresses.items():
        if stage.lab.site["groups"][group]["order"][0] != fault.victim:
            continue
        taker = stage.mac(fault.taker)
        first = next((at for at, mac in seen[address].announcements if at > fault.at and mac == taker), None)
        text = "never" if first is None else f"{(first - fault.at) * 1000:.0f} ms"
        proofs.row(f"{address}: power-off to announcement", text, "about a second", first is not None)
        longest = max((gap.seconds for gap in seen[address].gaps() if gap.end > fault.at), default=0.0)
        proofs.figure(f"{address}: longest time without an answer", f"{longest:.2f} s")
    doubles = sum(len(one.doubles()) for one in seen.values())
    proofs.row("an address answered by two servers at once", f"{doubles} times", "never", doubles == 0)
