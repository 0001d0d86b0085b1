"""Balancing as it comes: which group a machine is given when it asks for its boot file, and who waits (mode
load).

Each server decides for the machines whose boot files come from a group that it holds: no talk is needed for
it, and a server that is cut off goes on with its own. All go by one queue, in the order in which machines
asked first, and none is given anything before the peers know that it waits; a server gives to its own what is
left when those before them have had theirs. So, where all know the same, `at_once` holds for the site; it can
be exceeded by what other servers give within the time in which they hear of each other (some milliseconds),
by installs that move when a server dies, and by one that was taken for lost and is heard again.

What was given stays until the install has ended, or has failed, or nothing was heard of it for the limit of
its step (view.LIMITS_S): its place is free then. A machine that comes back without a place asks as a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from ..record import STEP_WORDS, Order, Record, Step
from ..table import MachineTable
from ..view import LIMITS_S
from .assignment import Assignment
from .least_work import Rules, Work

AGAIN_S = 30.0
"""A machine that goes on asking is written down so often: its peers, too, are to know that it is there."""
GONE_S = 3 * AGAIN_S
"""One in the queue that was not heard for so long takes no turn, until it asks again."""


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """Queue position of a waiting host. number: from 1, of so many; running: installs of the site."""

    number: int
    of: int
    running: int


class Sharing:
    """Gives machines their groups, for one server's table; its own state beside that can be made anew at any
    time. holders: server by group; sent_kib_s: by server, what it sends; both are the agent's to tell."""

    def __init__(self, server: str, table: MachineTable, clock: Callable[[], float]) -> None:
        self._me, self._table, self._clock = server, table, clock
        self.rules: Rules | None = None
        self.holders: Mapping[str, str] = {}
        self.sent_kib_s: Mapping[str, int] = {}
        self._waiting: set[str] = set()
        self._given: set[str] = set()
        """Hosts that have asked; and those that were given a group, or whose install has begun and not ended.
        All others need no look."""

    def set_rules(self, rules: Rules | None) -> None:
        """Takes the rules of the site that is in use now; None: it does not balance by load."""
        self.rules = rules
        self.note(self._table.records)

    def note(self, names: Iterable[str]) -> None:
        """The records of these hosts are others."""
        for name in names:
            self._waiting.discard(name)
            self._given.discard(name)
            record = self._table.records[name]
            place = _current(record)
            if record.done or record.order is Order.LOCAL:
                continue
            if place is not None and not place.group:
                self._waiting.add(name)
            elif place is not None or record.begun:
                self._given.add(name)

    # What is -------------------------------------------------------------------------------------

    def group_of(self, name: str) -> str:
        """The group that a machine is to be installed from when it starts from the network now; empty: it has
        to ask, or to wait."""
        record = self._table.of(name)
        place = _current(record)
        given = place is not None and place.group in self._groups(name) and not self._lapsed(name, record)
        return place.group if place is not None and given else ""

    def runs_on(self, name: str) -> str:
        """The group that has the work of a machine's install; empty: no install of it is under way."""
        record = self._table.of(name)
        if record.order is Order.LOCAL or record.done or self._lapsed(name, record):
            return ""
        place = _current(record)
        if place is not None:
            return place.group if place.group in self._groups(name) else ""
        if not record.begun or record.failed:
            return ""
        place = record.place
        mine = place.group and place.epoch == record.epoch and place.attempt == record.attempt
        return place.group if mine else self._table.facts[name].group

    def running(self) -> dict[str, int]:
        """Installs that are under way, by group."""
        counts = dict.fromkeys(self.rules.groups if self.rules is not None else (), 0)
        for name in self._given:
            group = self.runs_on(name) if name in self._table.facts else ""
            if group in counts:
                counts[group] += 1
        return counts

    def queue(self) -> list[str]:
        """Hosts that wait for their turn, the first one first."""
        waiting = []
        for name in self._waiting:
            place = self._queued(name)
            if place is not None and self._table.silent_s(name) <= GONE_S:
                waiting.append((place.since, name))
        return [name for _, name in sorted(waiting)]

    def concerned(self) -> list[str]:
        """Hosts whose place may lapse."""
        return [name for name in self._given if name in self._table.facts]

    def turns(self) -> dict[str, QueuePosition]:
        """What those that wait are told."""
        queue, running = self.queue(), sum(self.running().values())
        return {name: QueuePosition(number, len(queue), running) for number, name in enumerate(queue, 1)}

    def work(self) -> Work:
        """What there is to do now."""
        assert self.rules is not None, "the site balances by load"
        return Work(self.rules, self.holders, self.running(), self.sent_kib_s)

    # What becomes of it --------------------------------------------------------------------------

    def ask(self, name: str, at: float) -> bool:
        """A machine asks for its boot file. at: seconds since the epoch. What it gets says give(). True: it
        is new in the queue."""
        if self.rules is None or not self._decides(name) or self._table.offered(name) is Order.LOCAL:
            return False
        record = self._table.of(name)
        current, heard_s = _current(record), self._table.silent_s(name)
        if self.group_of(name) or self._queued(name) is not None:
            assert current is not None
            if heard_s >= AGAIN_S:
                self._table.set_place(name, replace(current, turn=current.turn + 1))
            new = False
        else:
            new = True
            turn = current.turn + 1 if current is not None else 1
            self._table.set_place(name, Assignment(
                epoch=record.epoch, attempt=_next_attempt(record), turn=turn, since=at,
            ))  # fmt: skip
        self.note([name])
        return new

    def give(self, told: Callable[[str], bool] = lambda _name: True) -> list[str]:
        """Groups to those whose turn it is, and who are this server's to decide for; their names. told: do
        the peers know that this one waits?"""
        if self.rules is None or not self._table.ready:
            return []
        work, given = self.work() if self._waiting else None, list[str]()
        if work is None or not any(map(work.has_room, self.rules.groups)):
            return []
        for name in self.queue():
            group = work.least(self._table.facts[name].group, self._groups(name))
            if group is None:
                if name in self.rules.pinned:
                    continue
                break
            work.add(group)
            if self._decides(name) and told(name):
                place = self._table.of(name).place
                self._table.set_place(name, replace(place, turn=place.turn + 1, group=group))
                given.append(name)
        self.note(given)
        return given

    # Inside --------------------------------------------------------------------------------------

    def _decides(self, name: str) -> bool:
        facts = self._table.facts.get(name)
        return facts is not None and self._table.ready and self.holders.get(facts.group) == self._me

    def _groups(self, name: str) -> Iterable[str]:
        """The groups that a machine may be given."""
        if self.rules is None:
            return ()
        return (self._table.facts[name].group,) if name in self.rules.pinned else self.rules.groups

    def _queued(self, name: str) -> Assignment | None:
        """A machine's place, when it waits for a turn."""
        if name not in self._table.facts or self._table.offered(name) is Order.LOCAL:
            return None
        place = _current(self._table.of(name))
        return place if place is not None and not place.group else None

    def _lapsed(self, name: str, record: Record) -> bool:
        """Nothing was heard of it for longer than its step may take; before an install begins anew, than a
        loader may take."""
        place = _current(record)
        anew = record.begun and place is not None
        step = Step.LOADER if anew else max(record.step, Step.LOADER)
        limits = self._table.facts[name].limits
        limit_s = limits.get(STEP_WORDS[step], LIMITS_S.get(step, float("inf")))
        return self._table.silent_s(name) > limit_s


def _next_attempt(record: Record) -> int:
    """Number of the install that begins when the machine starts from the network now."""
    return record.attempt + 1 if record.begun else record.attempt


def _current(record: Record) -> Assignment | None:
    """A machine's place for the install that is next; None: it has none."""
    place = record.place
    fits = place.turn > 0 and place.epoch == record.epoch and place.attempt == _next_attempt(record)
    return place if fits else None
