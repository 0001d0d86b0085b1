"""The history of moves: what happened around each change of a group's place, on one clock.

Owns a bounded memory, fed with each step of the core and with marks that others set at the moment
itself (the thread of the virtual addresses, the adopter). Decides nothing and waits for nothing.

Times are kept as the clock's own (adapters.clock), which nobody sets. They become time of day only when
they are told, all by the same offset: setting the machine's clock shifts a whole move, and never
what lies between its events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from twinboot import core
from twinboot.core.effects import Effect, Probe, StartService, StopService
from twinboot.core.events import Event, LeaveAsked, ProbeAnswered, StandbyAsked
from twinboot.core.membership.peer import Life, Peer
from twinboot.core.model import GroupState, Health, ServiceState
from twinboot.core.vip.group import Group

MOST_MOVES = 20
MOST_ENTRIES = 100
MOST_ALIKE = 3
"""Probes go on for as long as something answers."""
OPEN_S = 60.0
"""What comes later than that after a move's end does not belong to it any more."""
BEFORE_S = 30.0
"""What came at most so long before a move may have been its cause."""
_BEFORE_MOST = 16
_REPEATED = frozenset({"probe", "probe-answered"})


class Kind(Enum):
    """What a move was for this server."""

    TAKEN = "taken"
    GIVEN = "given"
    SEEN = "seen"
    """From one other server to another."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. what: its name, as in commands/history.py. text: its facts, in words."""

    at: float
    what: str
    text: str = ""


@dataclass(slots=True)
class Move:
    """One change of a group's place. source, target: servers, empty while not known."""

    number: int
    group: str
    address: str
    kind: Kind
    source: str
    target: str
    reason: str
    began: float
    entries: list[Entry]
    done_at: float | None = None
    left_out: int = 0
    """Events for which there was no room."""

    def add(self, entry: Entry) -> None:
        alike = sum(one.what == entry.what for one in self.entries) if entry.what in _REPEATED else 0
        if alike >= MOST_ALIKE:
            return
        if len(self.entries) < MOST_ENTRIES:
            self.entries.append(entry)
        else:
            self.left_out += 1

    def as_dict(self, offset_s: float) -> dict[str, Any]:
        """offset_s: from the clock's time to the epoch's. Zero is the earliest event."""
        entries = sorted(self.entries, key=lambda one: one.at)
        zero = entries[0].at if entries else self.began
        return {
            "number": self.number, "group": self.group, "address": self.address, "kind": self.kind.value,
            "from": self.source, "to": self.target, "reason": self.reason,
            "done": self.done_at is not None, "left_out": self.left_out, "at": round(zero + offset_s, 4),
            "events": [
                {"at": round(one.at + offset_s, 4), "after_s": round(one.at - zero, 4), "what": one.what,
                 "text": one.text}
                for one in entries
            ],
        }


@dataclass(slots=True)
class History:
    """The last moves of one server. me: its name."""

    me: str
    addresses: Mapping[str, str]
    """Of each group."""
    moves: deque[Move] = field(default_factory=lambda: deque(maxlen=MOST_MOVES))
    changes: int = 0
    """Grows with whatever there is new to tell."""
    _earlier: list[dict[str, Any]] = field(default_factory=list)
    """Of an earlier life, as they were told then."""
    _number: int = 0
    _current: dict[str, Move] = field(default_factory=dict)
    _before: deque[tuple[str, Entry]] = field(default_factory=lambda: deque(maxlen=_BEFORE_MOST))
    """Whose (a server's, or a group's), and what: it is not known yet what becomes of it."""

    def told(self, *, now: float, epoch: float) -> list[dict[str, Any]]:
        """Every move, the oldest first. now, epoch: the same moment on both clocks."""
        moves = [move.as_dict(epoch - now) for move in self.moves]
        return [*self._earlier, *moves][-MOST_MOVES:]

    def remember(self, earlier: list[dict[str, Any]]) -> None:
        """What an earlier life has told. Numbers go on from there."""
        last = max((int(one["number"]) for one in earlier), default=0)
        self._earlier = earlier
        self._number += last
        for move in self.moves:
            move.number += last

    def mark(self, group: str, what: str, at: float, text: str = "") -> None:
        """Something that belongs to the group's move."""
        move = self._current.get(group)
        if move is not None and (move.done_at is None or at < move.done_at + OPEN_S):
            move.add(Entry(at, what, text))
            self.changes += 1

    def mark_address(self, address: str, entries: Iterable[Entry]) -> None:
        """The same, by the group's address."""
        for group, known in self.addresses.items():
            if known == address:
                for one in entries:
                    self.mark(group, one.what, one.at, one.text)

    # The loop's -----------------------------------------------------------------------------------

    def stepped(self, event: Event, before: core.State, after: core.State, effects: tuple[Effect, ...]
                ) -> None:
        """One step of the core, and what it asked for."""
        now = after.now
        self._causes(event, now)
        for name, peer in after.peers.items():
            if peer is not before.peers[name]:
                self._peer(before.peers[name], peer, now)
        for name, group in after.groups.items():
            if group is not before.groups[name]:
                self._group(before.groups[name], group, now)
        for service in after.services.values():
            old = before.services[service.name].observed
            if service.observed is not old and old is not ServiceState.UNKNOWN:
                self.mark(service.group, f"service-{service.observed.value}", now, service.name)
        self._daemons(before, after)
        self._asked(effects, after, now)

    def _causes(self, event: Event, now: float) -> None:
        if isinstance(event, LeaveAsked):
            self._before.append((self.me, Entry(now, "leave-asked")))
        elif isinstance(event, StandbyAsked):
            self._before.append((self.me, Entry(now, "standby-asked" if event.on else "resume-asked")))
        elif isinstance(event, ProbeAnswered):
            self.mark(event.group, "probe-answered", now, f"by {event.mac}")

    def _peer(self, old: Peer, new: Peer, now: float) -> None:
        """What a peer's words or silence may lead to."""
        if new.life is Life.DEAD and old.life is Life.ALIVE:
            if new.left:
                self._before.append((new.name, Entry(now, "goodbye", new.name)))
            else:
                heard_at = new.heard_at if new.heard_at is not None else now
                self._before.append((new.name, Entry(heard_at, "last-heartbeat", f"of {new.name}")))
                silent = f"{new.name} silent for {now - heard_at:.2f} s"
                self._before.append((new.name, Entry(now, "dead", silent)))
        if new.alive and not old.alive:
            kept = [one for one in self._before if one[0] != new.name]
            self._before = deque(kept, maxlen=_BEFORE_MOST)
        if new.last is None or old.last is None or new.last is old.last:
            return
        if new.last.standby and not old.last.standby:
            self._before.append((new.name, Entry(now, "peer-standby", new.name)))
        for group, said in new.last.groups.items():
            was = old.last.groups.get(group)
            if was is not None and was.state is not said.state:
                entry = Entry(now, f"peer-{said.state.value}", new.name)
                if said.state in (GroupState.RELEASING, GroupState.IDLE):
                    self._before.append((group, entry))
                move = self._current.get(group)
                if move is not None and move.done_at is None:
                    move.add(Entry(now, entry.what, new.name))
                    self.changes += 1

    def _group(self, old: Group, new: Group, now: float) -> None:
        name = new.name
        if new.state is not old.state:
            if new.state is GroupState.CLAIMING:
                self._begin(Kind.TAKEN, name, old.last_holder, self.me, new.reason, now)
            elif new.state is GroupState.RELEASING and old.state is GroupState.HELD:
                self._begin(Kind.GIVEN, name, self.me, "", new.reason, now)
            elif new.state is GroupState.HELD:
                self._current[name].done_at = now
                self.changes += 1
            elif new.state is GroupState.IDLE and old.state is not GroupState.RELEASING:
                self.mark(name, "withdrawn", now, new.reason)
        if new.last_holder != old.last_holder and new.last_holder != self.me:
            self._went_to(name, old.last_holder, new.last_holder, now)

    def _went_to(self, group: str, source: str, target: str, now: float) -> None:
        move = self._current.get(group)
        if move is not None and move.kind is Kind.GIVEN and not move.target:
            move.target, move.done_at = target, now
            move.add(Entry(now, "peer-holds", target))
            self.changes += 1
        elif source:
            self._begin(Kind.SEEN, group, source, target, "", now).done_at = now
            self.mark(group, "peer-holds", now, target)

    def _begin(self, kind: Kind, group: str, source: str, target: str, reason: str, now: float) -> Move:
        """A new move. One of the same group that came to nothing makes room for it."""
        last = self._current.get(group)
        if last is not None and last.kind is Kind.TAKEN and last.done_at is None and last in self.moves:
            self.moves.remove(last)
        self._number += 1
        causes = {self.me, source, group}
        since = max(now - BEFORE_S, last.began if last is not None else 0.0)
        entries = [one for whose, one in self._before if whose in causes and one.at > since]
        move = Move(self._number, group, self.addresses[group], kind, source, target, reason, now, entries)
        move.add(Entry(now, {Kind.TAKEN: "claim", Kind.GIVEN: "release", Kind.SEEN: "seen"}[kind], reason))
        self._current[group] = move
        self.moves.append(move)
        self.changes += 1
        return move

    def _daemons(self, before: core.State, after: core.State) -> None:
        if after.daemons is before.daemons:
            return
        for service in after.services.values():
            old, new = before.daemons[service.name].health, after.daemons[service.name].health
            if new is not old and new is not Health.UNKNOWN:
                said = "service-answers" if new is Health.GOOD else f"service-{new.value}"
                self.mark(service.group, said, after.now, service.name)

    def _asked(self, effects: tuple[Effect, ...], after: core.State, now: float) -> None:
        for effect in effects:
            if isinstance(effect, Probe):
                if after.groups[effect.group].probing:
                    self.mark(effect.group, "probe", now)
            elif isinstance(effect, StartService | StopService):
                what = "service-start" if isinstance(effect, StartService) else "service-stop"
                self.mark(after.services[effect.service].group, what, now, effect.service)
