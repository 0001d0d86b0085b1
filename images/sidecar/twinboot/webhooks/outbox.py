"""The events of one server: what waits for which webhook, merged with what peers know.

An entry grows only: webhooks that are to get it, webhooks that have got it, and its end. So merging is
associative, commutative and idempotent, whatever is lost, doubled or comes late. An ended entry is kept
without its text for a while: a peer that tells of the event late does not begin it again.

Bounded: of each kind so many may wait, and for so long; the oldest is dropped then, and counted for each
webhook that did not get it. Events of machines without an entry, which anybody on the LAN can cause, push out
no others. `wall` is handed in: seconds since the epoch, as servers compare it.
"""

from __future__ import annotations

import json
from bisect import bisect_left, insort
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from .event import Event, EventKind

MAX_WAITING: Mapping[str, int] = {EventKind.MACHINE_DISCOVERED: 256, EventKind.ALARM: 512,
                                  EventKind.ALARM_OVER: 512}  # fmt: skip
MAX_OTHERS = 1024
"""Limit for each kind that is not named."""
MAX_ENDED = 4096
MAX_AGE_S = 3 * 86_400.0
MAX_ROW_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Entry:
    """event: None when it has ended. to, got: names of webhooks."""

    event: Event | None
    to: frozenset[str] = frozenset()
    got: frozenset[str] = frozenset()

    @property
    def left(self) -> frozenset[str]:
        return self.to - self.got


ENDED = Entry(None)


def merged(one: Entry, other: Entry) -> Entry:
    """All that is known of an event; one's own words for it."""
    if one.event is None or other.event is None:
        return ENDED
    return replace(one, to=one.to | other.to, got=one.got | other.got)


class Outbox:
    """Changes are to be told to the disk and the peers: take_changed()."""

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        """By webhook, events that it will not get."""
        self.known: frozenset[str] = frozenset()
        """The webhooks of the site now. What waits for another one waits on: a peer may know a newer site."""
        self._waiting: dict[str, Entry] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._not_begun: OrderedDict[str, None] = OrderedDict()
        self._of_kind: dict[str, list[tuple[float, str]]] = {}
        self._for_hook: dict[str, list[tuple[float, str]]] = {}
        self._changed: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def note(self, event: Event, to: Collection[str], wall: float) -> None:
        """It has happened. What is known already is not begun again; what nobody wants is not kept, nor is
        one more machine without an entry when too many of them wait: a flood of them costs little."""
        if not to:
            return
        machine = event.kind == EventKind.MACHINE_DISCOVERED
        if machine and not self.has(event.id) and self._is_full(event.kind):
            if event.id not in self._not_begun:
                self._not_begun[event.id] = None
                self.dropped.update(self.known.intersection(to))
            if len(self._not_begun) > MAX_ENDED:
                self._not_begun.popitem(last=False)
            return
        self.merge(event.id, Entry(event, frozenset(to)), wall)

    def merge(self, event_id: str, entry: Entry, wall: float) -> None:
        """Merges what a peer, or the disk, knows of an event."""
        if event_id in self._ended:
            return
        before = self._waiting.get(event_id)
        new = entry if before is None else merged(before, entry)
        if new.event is None:
            self._end(event_id)
        elif new != before:
            self._put(event_id, new)
            self._settle(event_id)
            self._bound(new.event.kind)
            if new.event.at < wall - MAX_AGE_S:
                self.age(wall)

    def delivered(self, event_id: str, hook: str) -> None:
        """The webhook has got it."""
        entry = self._waiting.get(event_id)
        if entry is not None and hook in entry.left:
            self._put(event_id, replace(entry, got=entry.got | {hook}))
            self._settle(event_id)

    def age(self, wall: float) -> None:
        """Drops what has waited for too long."""
        for kind, order in list(self._of_kind.items()):
            while order and order[0][0] < wall - MAX_AGE_S:
                self._drop(order[0][1])
            if not order:
                self._of_kind.pop(kind, None)

    def waiting(self, hook: str) -> Iterator[Event]:
        """What the webhook has not got, the oldest first."""
        for _, event_id in self._for_hook.get(hook, ()):
            event = self._waiting[event_id].event
            assert event is not None
            yield event

    def waits(self, hook: str) -> int:
        return len(self._for_hook.get(hook, ()))

    def has(self, event_id: str) -> bool:
        """Whether an event is known, waiting or ended."""
        return event_id in self._waiting or event_id in self._ended

    def take_changed(self) -> list[tuple[str, Entry | None]]:
        """What is otherwise than when it was last taken; None: it is forgotten."""
        changed, self._changed = list(self._changed), {}
        return [(one, self._waiting.get(one) or (ENDED if one in self._ended else None)) for one in changed]

    # Inside -------------------------------------------------------------------------------------

    def _settle(self, event_id: str) -> None:
        """Ends an event for which no webhook is left."""
        if not self._waiting[event_id].left:
            self._end(event_id)

    def _is_full(self, kind: str) -> bool:
        return len(self._of_kind.get(kind, ())) >= MAX_WAITING.get(kind, MAX_OTHERS)

    def _bound(self, kind: str) -> None:
        order = self._of_kind.get(kind, [])
        while len(order) > MAX_WAITING.get(kind, MAX_OTHERS):
            self._drop(order[0][1])

    def _drop(self, event_id: str) -> None:
        self.dropped.update(self._waiting[event_id].left & self.known)
        self._end(event_id)

    def _end(self, event_id: str) -> None:
        self._put(event_id, None)
        self._ended[event_id] = None
        if len(self._ended) > MAX_ENDED:
            oldest, _ = self._ended.popitem(last=False)
            self._changed[oldest] = None

    def _put(self, event_id: str, entry: Entry | None) -> None:
        before = self._waiting.pop(event_id, None)
        if before is not None and before.event is not None:
            place = before.event.at, event_id
            _take_out(self._of_kind[before.event.kind], place)
            for hook in before.left:
                _take_out(self._for_hook[hook], place)
        if entry is not None and entry.event is not None:
            place = entry.event.at, event_id
            self._waiting[event_id] = entry
            insort(self._of_kind.setdefault(entry.event.kind, []), place)
            for hook in entry.left:
                insort(self._for_hook.setdefault(hook, []), place)
        self._changed[event_id] = None


def _take_out(order: list[tuple[float, str]], place: tuple[float, str]) -> None:
    at = bisect_left(order, place)
    if at < len(order) and order[at] == place:
        del order[at]


def encode(entry: Entry) -> bytes:
    """JSON; of one that has ended nothing but that."""
    event = entry.event
    if event is None:
        return b"{}"
    return json.dumps(
        {"kind": event.kind, "at": event.at, "subject": event.subject, "text": event.text,
         "data": dict(event.data), "to": sorted(entry.to), "got": sorted(entry.got)},
        separators=(",", ":"), ensure_ascii=False,
    ).encode()  # fmt: skip


def decode(event_id: str, data: bytes) -> Entry:
    """ValueError for what encode() has not made; what a newer release says besides is skipped."""
    try:
        read = json.loads(data[:MAX_ROW_BYTES])
        if not read:
            return ENDED
        texts = {key: read[key] for key in ("kind", "subject", "text")}
        lists = {key: frozenset(map(str, read[key])) for key in ("to", "got")}
        at = float(read["at"])
        if not all(isinstance(one, str) for one in texts.values()) or not 0 <= at < 1e11:
            raise ValueError("no event")
        return Entry(Event(id=event_id, at=at, data=dict(read["data"]), **texts), **lists)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise ValueError(f"no event: {exc}") from None


@dataclass(slots=True)
class Rows:
    """The encoded entries, as disk and peers get them: each is made once, when it changes."""

    rows: dict[str, bytes] = field(default_factory=dict)

    def take(self, outbox: Outbox) -> Iterable[tuple[str, bytes | None]]:
        """What has changed in the outbox; None: it is forgotten."""
        found: list[tuple[str, bytes | None]] = []
        for event_id, entry in outbox.take_changed():
            row = None if entry is None else encode(entry)
            if row is None:
                self.rows.pop(event_id, None)
            else:
                self.rows[event_id] = row
            found.append((event_id, row))
        return found
