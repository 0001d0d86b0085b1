"""What every step of the demo needs: the lab with its instruments, and the steps that all demos have.

Owns who dies and who takes over.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twinlab.demo.machines import Machine
from twinlab.demo.server_events import show_events
from twinlab.demo.timeline import Timeline
from twinlab.faults import faults
from twinlab.host.wait import repeatedly
from twinlab.lab import Lab
from twinlab.measure.prober import Prober

NAME = "twindemo"
VICTIM, TAKER = "server1", "server2"
SHOWN_BYTES = 50_000
"""Less than that is no line: what a machine says to its neighbours, and they to it."""
ODD = "cli129"
"""A machine of the victim's group."""


@dataclass(frozen=True)
class Stage:
    """The lab and its instruments. `macs` names the servers by their LAN hardware addresses."""

    lab: Lab
    timeline: Timeline
    prober: Prober
    macs: Mapping[str, str]

    def mac(self, server: str) -> str:
        return next(mac for mac, name in self.macs.items() if name == server)

    def say(self, text: str) -> None:
        self.timeline.line("lab", text)

    def cut_power(self) -> float:
        """Power-off of the victim; its epoch time."""
        at = faults.inject(self.lab, "power-off", self.lab.server(VICTIM))
        self.timeline.fault_at = at
        self.timeline.line("lab", f"POWER-OFF of {VICTIM}", at=at, style="bold red")
        return at

    def bring_back(self) -> None:
        """The victim is switched on, and has its groups again when this returns."""
        faults.heal(self.lab, self.lab.server(VICTIM))
        homes = {name: str(group["order"][0]) for name, group in self.lab.site["groups"].items()}
        self.lab.wait_owned(homes, timeout_s=120)


@contextmanager
def staged(
    stack: ExitStack, timeline: Timeline, trees: Path, *, site: Path | None = None,
    patch: Mapping[str, Any] | None = None,
) -> Iterator[Stage]:
    """Both servers run during the block, and nothing is left behind it. stack: what is cleaned up before."""
    lab = Lab(NAME, lambda text: timeline.line("lab", text))
    lab.down()
    try:
        with stack:
            lab.up(trees=trees, site=site, patch=patch)
            stack.enter_context(show_events(lab, timeline))
            prober = stack.enter_context(lab.prober())
            yield Stage(lab, timeline, prober, {one.mac: name for name, one in lab.servers.items()})
    finally:
        started = time.monotonic()
        lab.down()
        timeline.line("lab", f"everything removed ({time.monotonic() - started:.1f} s)")


@contextmanager
def progress(timeline: Timeline, *machines: Machine) -> Iterator[None]:
    """Every five seconds a line with the bytes that each machine got, by server."""
    last: dict[str, int] = {}

    def show() -> None:
        for machine in machines:
            shares = machine.meter.bytes()
            if sum(shares.values()) - last.get(machine.name, 0) < SHOWN_BYTES:
                continue
            last[machine.name] = sum(shares.values())
            text = ", ".join(f"{count / 1e6:.1f} MB from {who}" for who, count in sorted(shares.items()))
            timeline.line(machine.name, f"has {text}", style="dim")

    with repeatedly(5.0, show):
        yield
