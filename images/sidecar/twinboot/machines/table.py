"""The records of all machines on one server, and what is offered to each. Pure but for its own state.

A server that has just started offers nothing until it knows what its peers know (`ready`): its own records
may be older than theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import takewhile

from . import life
from .by_load.assignment import Assignment
from .facts import Facts
from .life import Observation, Verdict
from .record import MAX_WORDS, Order, Record, Step, merged
from .reports import Event, Report
from .unknown_machines import both_orders
from .view import LIMITS_S, may_stall, silent_too_long

MAX_RECORDS = 40_000


class Unknown(LookupError):
    """No host of that name in the site."""


class MachineTable:
    """changed: names whose record is another since they were last taken. clock: monotonic seconds."""

    def __init__(self, server: str, clock: Callable[[], float]) -> None:
        self._server, self._clock = server, clock
        self.facts: Mapping[str, Facts] = {}
        self.records: dict[str, Record] = {}
        self.changed: dict[str, None] = {}
        self.heard: dict[str, float] = {}
        """When a record last became another here: no clock of another server, nor a set one, counts."""
        self.under_way: dict[str, None] = {}
        """Whose silence makes another state of them; the one that was heard longest ago stands first."""
        self._shortest_s = min(LIMITS_S.values())
        """The shortest of all limits."""
        self.failed: dict[str, None] = {}
        self.restored: dict[str, None] = {}
        self.number = 0
        """Number of the newest change of a record."""
        self._numbers: dict[str, int] = {}
        """Number of the latest change of each record; the newest stands last."""
        self.ready = False
        self._began = clock()
        self._by_mac: dict[str, str] = {}
        self._by_address: dict[str, str] = {}
        self._by_uuid: dict[str, str] = {}

    def set_facts(self, facts: Mapping[str, Facts]) -> None:
        """The hosts of the site that is in use now."""
        self.facts = facts
        limits = {limit for one in facts.values() for limit in one.limits.values()}
        self._shortest_s = min(limits | set(LIMITS_S.values()))
        self._by_mac = {mac: name for name, one in facts.items() for mac in one.macs}
        self._by_uuid = {text: name for name, one in facts.items() for text in both_orders(one.uuid)}
        self._by_address = {address: name for name, one in facts.items() for address in one.addresses}
        self._inherit()

    def load(self, records: Mapping[str, Record]) -> None:
        """Loads what this server's disk holds."""
        for name, record in records.items():
            self.merge(name, record)
        self._inherit()

    def merge(self, name: str, record: Record) -> bool:
        """A record of the disk, or of a peer; whether it was further than ours."""
        known = self.records.get(name)
        if known is None and len(self.records) >= MAX_RECORDS:
            return False
        if known is None and record.restored and self.ready and name in self.facts:
            # A backup's word, to a server that has been there all along and has never heard of an install.
            known = self._blank(name)
            self._put(name, known)
        new = record if known is None else merged(known, record)
        if new == known:
            return False
        self._put(name, new)
        return True

    def take_changed(self) -> list[str]:
        """Names of records that are others since the last call."""
        names, self.changed = list(self.changed), {}
        return names

    def changed_since(self, number: int) -> list[str]:
        """Names of records that are others since the change of this number, the newest first."""
        return list(takewhile(lambda name: self._numbers[name] > number, reversed(self._numbers)))

    def quiet(self) -> Iterator[str]:
        """Machines under way that may have been silent for too long, the longest first."""
        for name in self.under_way:
            if self.silent_s(name) < self._shortest_s:
                return
            yield name

    def stalled(self) -> Iterator[tuple[str, Record, Facts]]:
        """Hosts of the site whose install is under way, and of which nothing was heard for too long."""
        for name in self.quiet():
            record, facts = self.records[name], self.facts.get(name)
            if facts is not None and silent_too_long(record, self.silent_s(name), facts):
                yield name, record, facts

    def of(self, name: str) -> Record:
        """Unknown when the site has no such host."""
        if name not in self.facts:
            raise Unknown(name)
        return self.records.get(name) or self._blank(name)

    def offered(self, name: str) -> Order:
        """What the boot loaders of a host are to say."""
        record, facts = self.of(name), self.facts[name]
        if not self.ready or _another_machine(record, facts):
            return Order.LOCAL
        return _offered(record, facts)

    @property
    def macs(self) -> Mapping[str, str]:
        """Host by the addresses of its cards."""
        return self._by_mac

    def host_of_mac(self, mac: str) -> str | None:
        """The host with a card of this address."""
        return self._by_mac.get(mac)

    def host_of_uuid(self, text: str) -> str | None:
        """The host with this UUID, in whichever order of bytes its firmware says it."""
        return self._by_uuid.get(text)

    def host_at(self, address: str) -> str | None:
        """The host with this address."""
        return self._by_address.get(address)

    def now(self) -> float:
        """The clock's time."""
        return self._clock()

    def silent_s(self, name: str) -> float:
        """For how long no server has heard anything new of a machine, as far as this one knows."""
        return self._clock() - self.heard.get(name, self._began)

    def waits(self, name: str) -> bool:
        """Whether a machine is to be installed, and its install has not begun."""
        return self.offered(name) is Order.INSTALL and not self.of(name).begun

    # What becomes of a record -------------------------------------------------------------------

    def order(self, names: Iterable[str], order: Order, at: float) -> list[str]:
        """An operator's order to hosts of the site; the names of those that are told something new."""
        told = []
        for name in names:
            record, facts = self.of(name), self.facts[name]
            known = not record.restored and not _another_machine(record, facts)
            stands = record.order is order and known
            if stands and (order is Order.LOCAL or (not record.begun and _offered(record, facts) is order)):
                continue
            new = life.ordered(record, order, Observation(at, self._server))
            self._put(name, replace(new, profile=facts.profile, macs=facts.macs))
            told.append(name)
        return told

    def note(self, names: Iterable[str], words: str) -> None:
        """Why hosts that wait for their install are, or are not, on their way to it."""
        for name in names:
            record = self.of(name)
            new = life.noted(record, words[:MAX_WORDS])
            if new != record:
                self._put(name, new)

    def hear_as(self, name: str, firmware: str, *, sure: bool) -> None:
        """See life.heard_as()."""
        record = self.of(name)
        new = life.heard_as(record, firmware, sure=sure)
        if new != record:
            self._put(name, new)

    def restartable(self, name: str, epoch: int) -> bool:
        """The order of this epoch stands, and no install of it has begun."""
        return name in self.facts and self.waits(name) and self.of(name).epoch == epoch

    def observe(self, name: str, step: Step, at: float) -> None:
        """A server has seen the machine at a step before the installer."""
        if name not in self.facts or self.offered(name) is Order.LOCAL:
            return
        record = self.of(name)
        new = life.observed(record, step, Observation(at, self._server))
        if new != record:
            self._put(name, new)

    def set_place(self, name: str, place: Assignment) -> None:
        """A server has given a machine a group, or a turn in the queue."""
        self._put(name, replace(self.of(name), place=place))

    def report(self, report: Report, address: str, at: float) -> Verdict:
        """What an installer says, from an address. Unknown: no such host."""
        record = self.of(report.host)
        facts = self.facts[report.host]
        if address not in facts.addresses:
            return Verdict(record, f"{address} is not an address of {report.host}")
        observation = Observation(at, self._server, report.step, report.number, report.of, report.kib,
                                  report.words)
        match report.event:
            case Event.START:
                if _another_machine(record, facts):
                    return Verdict(record, "the site file has given its name to other cards")
                named = replace(record, profile=facts.profile, macs=facts.macs)
                found = life.begun(named, report.token, observation, once=facts.once, retries=facts.retries)
            case Event.DONE:
                found = life.done(record, report.token, observation)
            case Event.ERROR:
                found = life.failed(record, report.token, observation)
            case Event.STEP | Event.PROGRESS:
                found = life.progressed(record, report.token, observation)
        if not found.refused and found.record != record:
            self._put(report.host, found.record)
        return found

    def stands(self, report: Report) -> bool:
        """What was decided on a report counts still, when its answer is given: asked when it is
        durable."""
        return life.stands(self.of(report.host), report.token)

    # Inside -------------------------------------------------------------------------------------

    def _blank(self, name: str) -> Record:
        facts = self.facts[name]
        return Record(profile=facts.profile, macs=facts.macs)

    def _put(self, name: str, record: Record) -> None:
        self.records[name] = record
        self.changed[name] = None
        self.heard[name] = self._clock()
        self.number += 1
        self._numbers.pop(name, None)
        self._numbers[name] = self.number
        for names, fits in (
            (self.restored, record.restored), (self.failed, record.failed and record.order is Order.INSTALL)
        ):
            if fits:
                names.setdefault(name)
            else:
                names.pop(name, None)
        self.under_way.pop(name, None)
        if may_stall(record):
            self.under_way[name] = None

    def _inherit(self) -> None:
        """A host that was given another name is the same machine: what became of it goes along."""
        lost = {
            mac: record for name, record in self.records.items()
            if name not in self.facts or _another_machine(record, self.facts[name]) for mac in record.macs
        }  # fmt: skip
        for name, facts in self.facts.items():
            old = [lost[mac] for mac in facts.macs if mac in lost]
            if old and name not in self.records:
                self._put(name, max(old, key=Record.rank))


def _offered(record: Record, facts: Facts) -> Order:
    return life.offered(record, once=facts.once, retries=facts.retries, reports=facts.reports)


def _another_machine(record: Record, facts: Facts) -> bool:
    """The record is of a machine with none of the cards that the site file names now."""
    return bool(record.macs and facts.macs) and not set(record.macs) & set(facts.macs)
