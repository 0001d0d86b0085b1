"""How each machine stands, as its records change: state, history, figures, and who needs somebody.

Who is under way, has failed or comes from a backup is the table's to know: nobody looks at ten thousand
machines each second.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from twinboot.alarms import Condition, kinds
from twinboot.core.effects import LogLevel
from twinboot.log import log_event
from twinboot.machines.facts import Facts
from twinboot.machines.record import STEP_WORDS, Record
from twinboot.machines.table import MachineTable
from twinboot.machines.view import state_of

from .figures import FigureKeeper, Figures

log = logging.getLogger(__name__)

MAX_STATE_CHANGES = 12
"""State changes kept of one machine: two installs, and some more."""
_MAX_TOLD = 8
_NO_FACTS = Facts("")


class StateChange(NamedTuple):
    """A machine came to a state. at: seconds since the epoch, by the clock of the server that saw it."""

    at: float
    state: str
    server: str
    words: str


class Standing:
    """Notices new states of machines in one server's table. came_to: called with each new state. loaded: what
    changes from now on is news, and not read from the disk."""

    def __init__(
        self, server: str, table: MachineTable, came_to: Callable[[str, str, Record], None]
    ) -> None:
        self._came_to = came_to
        self._table, self._began = table, table.now()
        self._figures = FigureKeeper(server)
        self._states: dict[str, str] = {}
        self._histories: dict[str, tuple[StateChange, ...]] = {}
        self.loaded = False

    def note(self, name: str) -> None:
        """Takes a machine's record that has changed."""
        record = self._table.records[name]
        state = state_of(record, 0.0, _NO_FACTS)
        if self._states.get(name) == state:
            return
        self._states[name] = state
        change = StateChange(record.at, state, record.server, _last_line(record.words))
        self._histories[name] = (*self._histories.get(name, ()), change)[-MAX_STATE_CHANGES:]
        self._figures.note(name, state, record, known=self.loaded)
        if self.loaded:
            log_event(log, LogLevel.INFO, "machine-state", name=name, state=state, server=record.server)
        self._came_to(name, state, record)

    def state_history(self, name: str) -> list[StateChange]:
        """What has become of a machine since this server's sidecar began, as far as is remembered."""
        return list(self._histories.get(name, ()))

    def figures(self, unknown: int) -> Figures:
        """For the metrics, every second. unknown: machines without an entry."""
        return self._figures.figures(self._table, unknown)

    def alarm_conditions(self, server: str) -> Iterator[Condition]:
        """The alarm conditions of machines that need somebody: some by name, those that have failed first."""
        left = _MAX_TOLD
        for name, record, _ in self._of(self._table.failed):
            if left:
                left -= 1
                why = _last_line(record.words) or "its installer has not said why"
                yield kinds.MACHINE_FAILED.on(name, f"{name} has failed: {why}")
        for name, record, _ in self._table.stalled():
            if left:
                left -= 1
                step = STEP_WORDS[record.step]
                yield kinds.MACHINE_STALLED.on(name, f"{name} is silent at the step {step}")
        restored = [name for name, _, _ in self._of(self._table.restored)]
        if restored:
            more = f" and {len(restored) - _MAX_TOLD} more" if len(restored) > _MAX_TOLD else ""
            yield kinds.MACHINES_RESTORED.on(
                server, f"restored from a backup, and not installed before you say so: "
                f"{', '.join(restored[:_MAX_TOLD])}{more}")

    def _of(self, names: Iterable[str]) -> Iterator[tuple[str, Record, Facts]]:
        """Those of the names that are hosts of the site."""
        for name in names:
            facts = self._table.facts.get(name)
            if facts is not None:
                yield name, self._table.records[name], facts


def _last_line(words: str) -> str:
    lines = words.splitlines()
    return lines[-1][:200] if lines else ""
