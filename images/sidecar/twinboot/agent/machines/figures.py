"""Figures of machines for the metrics: how many are in which state, how long each step of an install takes.

A step is timed, and an end is counted, by the server that has heard of its end, so that sums over all servers
count each once. Nothing here has a host's name: ten thousand machines are a dozen numbers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from twinboot.machines.facts import Facts
from twinboot.machines.record import Record
from twinboot.machines.table import MachineTable
from twinboot.machines.view import STATES, state_of

STEPS = ("loader", "kernel", "answers", "packages", "finishing")
ENDS = ("done", "failed")
BOUNDS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
_MOST_S = 7 * 86_400.0
"""What seems to take longer is a clock that was set."""


@dataclass(slots=True)
class StepTimes:
    """counts: steps by how long they took, up to each bound, and longer than all."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one moment. unknown: machines without an entry that have asked lately."""

    states: Mapping[str, int] = field(default_factory=dict)
    unknown: int = 0
    steps: Mapping[str, tuple[tuple[int, ...], float]] = field(default_factory=dict)
    ends: Mapping[str, int] = field(default_factory=dict)


class FigureKeeper:
    """server: this one's name."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._entered: dict[str, tuple[str, float]] = {}
        """By machine at one of STEPS: which step, and since when."""
        self._steps = {step: StepTimes() for step in STEPS}
        self._ends = dict.fromkeys(ENDS, 0)
        self._counted = _StateCount()

    def note(self, name: str, state: str, record: Record, *, known: bool) -> None:
        """A machine came to a state. known: it is news, and not read from the disk at the start."""
        before, since = self._entered.pop(name, ("", 0.0))
        if state in self._steps:
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

    def figures(self, table: MachineTable, unknown: int) -> Figures:
        steps = {step: (tuple(times.counts), times.sum_s) for step, times in self._steps.items()}
        return Figures(self._counted.states(table), unknown, steps, dict(self._ends))


class _StateCount:
    """Hosts by state: of ten thousand only those whose record is another are looked at again."""

    def __init__(self) -> None:
        self._facts: Mapping[str, Facts] | None = None
        self._number = 0
        self._state: dict[str, str] = {}
        """State by host of the site, as if all had just been heard."""
        self._count: Counter[str] = Counter()

    def states(self, table: MachineTable) -> Mapping[str, int]:
        """Number of machines by state, in the order of STATES."""
        if self._facts is not table.facts:
            self._facts, self._state, self._count = table.facts, {}, Counter()
            changed: Iterable[str] = table.facts
        else:
            changed = table.changed_since(self._number)
        self._number = table.number
        for name in changed:
            self._note(table, name)
        found = Counter(self._count)
        for name, record, facts in table.stalled():
            found[self._state[name]] -= 1
            found[state_of(record, table.silent_s(name), facts)] += 1
        return {state: found[state] for state in STATES}

    def _note(self, table: MachineTable, name: str) -> None:
        facts = table.facts.get(name)
        if facts is None:
            return
        state, before = state_of(table.of(name), 0.0, facts), self._state.get(name)
        if state != before:
            self._state[name] = state
            self._count[state] += 1
            if before is not None:
                self._count[before] -= 1
