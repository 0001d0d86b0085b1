"""Figures of machines for the metrics: how many are in which state, how long each step of an install takes.

A step is timed, and an end is counted, by the server that has heard of its end, so that sums over all servers
count each once. Nothing here has a host's name: ten thousand machines are a dozen numbers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from twinboot.machines.record import Record
from twinboot.machines.table import MachineTable
from twinboot.machines.view import STATES, state_of

STEPS = ("loader", "kernel", "answers", "packages", "finishing")
ENDS = ("done", "failed")
BOUNDS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
COUNT_EVERY_S = 5.0
_MOST_S = 7 * 86_400.0
"""What seems to take longer is a clock that was set."""


@dataclass(slots=True)
class StepTimes:
    """counts: steps by how long they took, up to each bound, and longer than all."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one moment. unknown: machines without an entry that have asked lately."""

    states: Mapping[str, int] = field(default_factory=dict)
    unknown: int = 0
    steps: Mapping[str, tuple[tuple[int, ...], float]] = field(default_factory=dict)
    ends: Mapping[str, int] = field(default_factory=dict)


class FigureKeeper:
    """server: this one's name."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._entered: dict[str, tuple[str, float]] = {}
        self._steps = {step: StepTimes() for step in STEPS}
        self._ends = dict.fromkeys(ENDS, 0)
        self._counted: tuple[float, Mapping[str, int]] | None = None

    def note(self, name: str, state: str, record: Record, *, known: bool) -> None:
        """A machine came to a state. known: it is news, and not read from the disk at the start."""
        before, since = self._entered.get(name, ("", 0.0))
        self._entered[name] = state, record.at
        if not known or record.server != self._server:
            return
        if state in self._ends:
            self._ends[state] += 1
        took_s = record.at - since
        if before in self._steps and state != "failed" and 0 <= took_s < _MOST_S:
            times = self._steps[before]
            times.counts[bisect_left(BOUNDS_S, took_s)] += 1
            times.sum_s += took_s

    def figures(self, table: MachineTable, started: float, now: float, unknown: int) -> Figures:
        """started: since when silence counts for a machine of which nothing was heard."""
        if self._counted is None or now >= self._counted[0] + COUNT_EVERY_S:
            found = Counter(
                state_of(table.of(name), now - table.heard.get(name, started), facts)
                for name, facts in table.facts.items()
            )
            self._counted = now, {state: found.get(state, 0) for state in STATES}
        steps = {step: (tuple(times.counts), times.sum_s) for step, times in self._steps.items()}
        return Figures(self._counted[1], unknown, steps, dict(self._ends))
