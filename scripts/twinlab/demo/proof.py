"""The demo's end: what was promised beside what was seen."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from twinlab.demo.machines import Machine
from twinlab.demo.stage import Stage
from twinlab.demo.standin import expected


class Proofs:
    """Rows of the table, and whether all of them hold."""

    def __init__(self) -> None:
        self.faultless = True
        self.table = Table(header_style="bold", box=None, pad_edge=False)
        for column in ("what", "seen", "wanted", ""):
            self.table.add_column(column, no_wrap=True)

    def row(self, what: str, seen: object, wanted: object, ok: bool) -> None:
        self.faultless &= ok
        self.table.add_row(what, str(seen), str(wanted), "[green]ok[/]" if ok else "[bold red]WRONG[/]")

    def figure(self, what: str, seen: str) -> None:
        """Something measured, for which nothing is promised."""
        self.table.add_row(what, seen, "", "")


def show(
    stage: Stage, machines: list[Machine], *, before: Mapping[str, Mapping[str, int]], fault_at: float
) -> int:
    """Print the proof; 0 when all of it holds, else 1."""
    stage.timeline.heading("5. The proof")
    proofs = Proofs()
    for machine in machines:
        _machine(proofs, machine)
    _shares(proofs, before)
    _move(proofs, stage, fault_at)
    for machine in machines:
        stall = machine.meter.stall_around(fault_at)
        text = "no data after it" if stall is None else f"{stall:.1f} s"
        proofs.figure(f"{machine.name}: without data around the power-off", text)
    stage.timeline.show(proofs.table)
    good = "both installs complete, every byte right" if machines else "the move went as promised"
    bad = "NOT as promised: see the lines marked WRONG"
    stage.timeline.heading(f"Result: {good if proofs.faultless else bad}")
    return 0 if proofs.faultless else 1


def _machine(proofs: Proofs, machine: Machine) -> None:
    packages, size, digest = expected()
    seen = machine.events.get("verified", {})
    complete = machine.has("complete") and machine.failed is None
    said = machine.failed or ("complete" if complete else "not complete")
    proofs.row(f"{machine.name}: install", said, "complete", complete)
    for what, key, wanted in (("packages", "packages", str(packages)), ("bytes", "bytes", str(size))):
        proofs.row(f"{machine.name}: {what}", seen.get(key, "-"), wanted, seen.get(key) == wanted)
    got = seen.get("sha256", "-")
    proofs.row(f"{machine.name}: SHA-256 of all packages", got[:16], digest[:16], got == digest)


def _shares(proofs: Proofs, before: Mapping[str, Mapping[str, int]]) -> None:
    """Before the fault each machine had all its bytes from its own group's server."""
    for (machine, shares), server in zip(before.items(), ("server1", "server2"), strict=False):
        part = 100 * shares.get(server, 0) / (sum(shares.values()) or 1)
        what = f"{machine}: bytes from {server} before the power-off"
        proofs.row(what, f"{part:.1f} %", "100 %", part > 99.9)


def _move(proofs: Proofs, stage: Stage, fault_at: float) -> None:
    """Of the victim's groups: when they were announced, and how long their addresses answered nobody."""
    seen = stage.prober.seen()
    for group, address in stage.lab.addresses.items():
        if stage.lab.site["groups"][group]["order"][0] != "server1":
            continue
        taker = stage.mac("server2")
        first = next((at for at, mac in seen[address].announcements if at > fault_at and mac == taker), None)
        text = "never" if first is None else f"{(first - fault_at) * 1000:.0f} ms"
        proofs.row(f"{address}: power-off to announcement", text, "about a second", first is not None)
        longest = max((gap.seconds for gap in seen[address].gaps() if gap.end > fault_at), default=0.0)
        proofs.figure(f"{address}: longest time without an answer", f"{longest:.2f} s")
    doubles = sum(len(one.doubles()) for one in seen.values())
    proofs.row("an address answered by two servers at once", f"{doubles} times", "never", doubles == 0)
