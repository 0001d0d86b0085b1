"""The history of moves: what happened around each change of a group's place, on one clock.

Keeps a bounded number of moves, fed with each step of the core and with events that others record as they
happen (the thread of the virtual addresses, the takeover process). Decides nothing and waits for nothing.

Times are kept by adapters.clock, which nobody sets. They become time of day only when they are shown, all
with the same offset: setting the machine's clock shifts a whole move, never the time between its events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from twinboot import core
from twinboot.core.effects import Effect, SendArpProbe, StartService, StopService
from twinboot.core.events import ArpProbeAnswered, Event, LeaveRequested, StandbyRequested
from twinboot.core.membership.peer import Liveness, Peer
from twinboot.core.model import GroupState, Health, ServiceState
from twinboot.core.vip.group import Group

MAX_MOVES = 20
MAX_EVENTS = 100
MAX_REPEATS = 3
"""Events kept of one _REPEATING kind in a move: ARP probes repeat for as long as some host answers."""
LATE_EVENT_WINDOW_S = 60.0
"""An event later than this after a move's end no longer belongs to the move."""
CAUSE_WINDOW_S = 30.0
"""An event at most this long before a move may be its cause."""
_MAX_CAUSES = 16
_REPEATING = frozenset({"probe", "probe-answered"})


class MoveKind(Enum):
    """What a move was for this server."""

    CLAIMED = "claimed"
    RELEASED = "released"
    OBSERVED = "observed"
    """A move from one other server to another."""


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One event. kind: its name, as in commands/history.py. text: its facts, in words."""

    at: float
    kind: str
    text: str = ""


@dataclass(slots=True)
class Move:
    """One change of a group's place. source, target: servers, empty while not known."""

    number: int
    group: str
    address: str
    kind: MoveKind
    source: str
    target: str
    reason: str
    began_at: float
    events: list[TimelineEvent]
    done_at: float | None = None
    left_out: int = 0
    """Events dropped because the move had MAX_EVENTS."""

    def add(self, event: TimelineEvent) -> None:
        alike = sum(one.kind == event.kind for one in self.events) if event.kind in _REPEATING else 0
        if alike >= MAX_REPEATS:
            return
        if len(self.events) < MAX_EVENTS:
            self.events.append(event)
        else:
            self.left_out += 1

    def as_dict(self, offset_s: float) -> dict[str, Any]:
        """offset_s: from adapters.clock to time of day. after_s counts from the earliest event."""
        entries = sorted(self.events, key=lambda one: one.at)
        zero = entries[0].at if entries else self.began_at
        return {
            "number": self.number, "group": self.group, "address": self.address, "kind": self.kind.value,
            "from": self.source, "to": self.target, "reason": self.reason,
            "done": self.done_at is not None, "left_out": self.left_out, "at": round(zero + offset_s, 4),
            "events": [
                {"at": round(one.at + offset_s, 4), "after_s": round(one.at - zero, 4), "kind": one.kind,
                 "text": one.text}
                for one in entries
            ],
        }


def _death(peer: Peer, silent_s: float, now: float) -> TimelineEvent:
    """Why a peer counts as dead: the LAN was asked for it, or the deadtime is over."""
    silent = f"{peer.name} silent for {silent_s:.2f} s"
    suspicion = peer.suspicion
    if suspicion is None or not suspicion.confirmed:
        return TimelineEvent(now, "dead", silent)
    asked = f"{suspicion.asked} ARP requests unanswered, {suspicion.proven_by} answered"
    return TimelineEvent(now, "found-dead", f"{silent}, {asked}")


@dataclass(slots=True)
class History:
    """The last moves of one server. me: its name."""

    me: str
    addresses: Mapping[str, str]
    """Virtual address by group."""
    moves: deque[Move] = field(default_factory=lambda: deque(maxlen=MAX_MOVES))
    revision: int = 0
    """Grows with every change of the moves."""
    _restored: list[dict[str, Any]] = field(default_factory=list)
    """Moves of earlier runs, as as_dicts() returned them then."""
    _number: int = 0
    _current: dict[str, Move] = field(default_factory=dict)
    _possible_causes: deque[tuple[str, TimelineEvent]] = field(
        default_factory=lambda: deque(maxlen=_MAX_CAUSES)
    )
    """Server or group, and event: what may turn out to be the cause of a later move."""

    def as_dicts(self, *, now: float, wall_time: float) -> list[dict[str, Any]]:
        """Every move, the oldest first. now, wall_time: the same moment on both clocks."""
        moves = [move.as_dict(wall_time - now) for move in self.moves]
        return [*self._restored, *moves][-MAX_MOVES:]

    def restore(self, earlier: list[dict[str, Any]]) -> None:
        """Add the moves of an earlier run; numbers go on from its last one."""
        last = max((int(one["number"]) for one in earlier), default=0)
        self._restored = earlier
        self._number += last
        for move in self.moves:
            move.number += last

    def record_event(self, group: str, what: str, at: float, text: str = "") -> None:
        """Add an event to the group's current move, if it has one."""
        move = self._current.get(group)
        if move is not None and (move.done_at is None or at < move.done_at + LATE_EVENT_WINDOW_S):
            move.add(TimelineEvent(at, what, text))
            self.revision += 1

    def record_events_of_address(self, address: str, events: Iterable[TimelineEvent]) -> None:
        """Records events in the move of the group that has this address."""
        for group, known in self.addresses.items():
            if known == address:
                for one in events:
                    self.record_event(group, one.kind, one.at, one.text)

    # The loop's -----------------------------------------------------------------------------------

    def record_step(self, event: Event, before: core.State, after: core.State, effects: tuple[Effect, ...]
                ) -> None:
        """Record one step of the core and its effects."""
        now = after.now
        self._note_cause(event, now)
        for name, peer in after.peers.items():
            if name in before.peers and peer is not before.peers[name]:
                self._note_peer(before.peers[name], peer, now)
        for name, group in after.groups.items():
            if group is not before.groups[name]:
                self._note_group(before.groups[name], group, now)
        for service in after.services.values():
            old = before.services[service.name].observed
            if service.observed is not old and old is not ServiceState.UNKNOWN:
                self.record_event(service.group, f"service-{service.observed.value}", now, service.name)
        self._note_daemons(before, after)
        self._note_effects(effects, after, now)

    def _note_cause(self, event: Event, now: float) -> None:
        if isinstance(event, LeaveRequested):
            self._possible_causes.append((self.me, TimelineEvent(now, "leave-asked")))
        elif isinstance(event, StandbyRequested):
            self._possible_causes.append(
                (self.me, TimelineEvent(now, "standby-asked" if event.on else "resume-asked"))
            )
        elif isinstance(event, ArpProbeAnswered):
            self.record_event(event.group, "probe-answered", now, f"by {event.mac}")

    def _note_peer(self, old: Peer, new: Peer, now: float) -> None:
        """Record what a peer's heartbeats, or their absence, may cause."""
        if new.liveness is Liveness.DEAD and old.liveness is Liveness.ALIVE:
            if new.left:
                self._possible_causes.append((new.name, TimelineEvent(now, "goodbye", new.name)))
            else:
                heard_at = new.heard_at if new.heard_at is not None else now
                self._possible_causes.append(
                    (new.name, TimelineEvent(heard_at, "last-heartbeat", f"of {new.name}"))
                )
                if new.suspicion is not None:
                    why = TimelineEvent(new.suspicion.since, "suspected", f"{new.name}: {new.suspicion.why}")
                    self._possible_causes.append((new.name, why))
                self._possible_causes.append((new.name, _death(new, now - heard_at, now)))
        if new.alive and not old.alive:
            kept = [one for one in self._possible_causes if one[0] != new.name]
            self._possible_causes = deque(kept, maxlen=_MAX_CAUSES)
        if (
            new.last_heartbeat is None
            or old.last_heartbeat is None
            or new.last_heartbeat is old.last_heartbeat
        ):
            return
        if new.last_heartbeat.standby and not old.last_heartbeat.standby:
            self._possible_causes.append((new.name, TimelineEvent(now, "peer-standby", new.name)))
        for group, said in new.last_heartbeat.groups.items():
            was = old.last_heartbeat.groups.get(group)
            if was is not None and was.state is not said.state:
                entry = TimelineEvent(now, f"peer-{said.state.value}", new.name)
                if said.state in (GroupState.RELEASING, GroupState.IDLE):
                    self._possible_causes.append((group, entry))
                move = self._current.get(group)
                if move is not None and move.done_at is None:
                    move.add(TimelineEvent(now, entry.kind, new.name))
                    self.revision += 1

    def _note_group(self, old: Group, new: Group, now: float) -> None:
        name = new.name
        if new.state is not old.state:
            if new.state is GroupState.CLAIMING:
                self._begin(MoveKind.CLAIMED, name, old.last_holder, self.me, new.reason, now)
            elif new.state is GroupState.RELEASING and old.state is GroupState.HELD:
                self._begin(MoveKind.RELEASED, name, self.me, "", new.reason, now)
            elif new.state is GroupState.HELD:
                self._current[name].done_at = now
                self.revision += 1
            elif new.state is GroupState.IDLE and old.state is not GroupState.RELEASING:
                self.record_event(name, "withdrawn", now, new.reason)
        if new.last_holder != old.last_holder and new.last_holder != self.me:
            self._note_new_holder(name, old.last_holder, new.last_holder, now)

    def _note_new_holder(self, group: str, source: str, target: str, now: float) -> None:
        move = self._current.get(group)
        if move is not None and move.kind is MoveKind.RELEASED and not move.target:
            move.target, move.done_at = target, now
            move.add(TimelineEvent(now, "new-holder", target))
            self.revision += 1
        elif source:
            self._begin(MoveKind.OBSERVED, group, source, target, "", now).done_at = now
            self.record_event(group, "new-holder", now, target)

    def _begin(self, kind: MoveKind, group: str, source: str, target: str, reason: str, now: float) -> Move:
        """Begin a move. It replaces a claim of the same group that was never completed."""
        last = self._current.get(group)
        if last is not None and last.kind is MoveKind.CLAIMED and last.done_at is None and last in self.moves:
            self.moves.remove(last)
        self._number += 1
        causes = {self.me, source, group}
        since = max(now - CAUSE_WINDOW_S, last.began_at if last is not None else 0.0)
        entries = [one for whose, one in self._possible_causes if whose in causes and one.at > since]
        move = Move(self._number, group, self.addresses[group], kind, source, target, reason, now, entries)
        move.add(
            TimelineEvent(
                now,
                {MoveKind.CLAIMED: "claim", MoveKind.RELEASED: "release", MoveKind.OBSERVED: "observed"}[
                    kind
                ],
                reason,
            )
        )
        self._current[group] = move
        self.moves.append(move)
        self.revision += 1
        return move

    def _note_daemons(self, before: core.State, after: core.State) -> None:
        if after.daemons is before.daemons:
            return
        for service in after.services.values():
            old, new = before.daemons[service.name].health, after.daemons[service.name].health
            if new is not old and new is not Health.UNKNOWN:
                said = "service-answers" if new is Health.GOOD else f"service-{new.value}"
                self.record_event(service.group, said, after.now, service.name)

    def _note_effects(self, effects: tuple[Effect, ...], after: core.State, now: float) -> None:
        for effect in effects:
            if isinstance(effect, SendArpProbe):
                if after.groups[effect.group].arp_probing:
                    self.record_event(effect.group, "probe", now)
            elif isinstance(effect, StartService | StopService):
                what = "service-start" if isinstance(effect, StartService) else "service-stop"
                self.record_event(after.services[effect.service].group, what, now, effect.service)
