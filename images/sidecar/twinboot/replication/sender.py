"""Sends one table to one peer: what to send, what to repeat, and when.

Owns one session (see the package). A bounded number of packets is under way at any time; what is not
acknowledged in time goes out again, more and more seldom, until the peer answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from twinboot.wire.cluster.replication import Ack, Data, Entry, room

from .ranges import Ranges
from .table import Table

WINDOW = 32
"""Packets under way to one peer, of one topic."""
REPEAT_FIRST_S = 0.03
REPEAT_MOST_S = 1.0


@dataclass(slots=True)
class Segment:
    """A range that was sent and is not known to have arrived."""

    after: int
    upto: int
    sent_at: float


class Outbox:
    """The session of one table with one life of one peer."""

    def __init__(self, table: Table, *, me: str, boot: int, to_boot: int, session: int, topic: str) -> None:
        self._table = table
        self._me, self._boot, self._to_boot = me, boot, to_boot
        self._session, self._topic = session, topic
        self._room = room(me, topic)
        self._arrived = Ranges()
        self._sent = 0
        """All up to here was sent at least once."""
        self._flight: list[Segment] = []
        self._repeat_s = REPEAT_FIRST_S

    @property
    def acked(self) -> int:
        return self._arrived.upto

    @property
    def done(self) -> bool:
        """The peer has the table as it stands."""
        return self._arrived.upto >= self._table.head

    def take(self, ack: Ack) -> None:
        if ack.session != self._session or ack.upto > self._sent:
            return
        before = len(self._flight)
        if ack.upto > 0:
            self._arrived.add(0, ack.upto)
        for after, upto in ack.beyond:
            if after < upto <= self._sent:
                self._arrived.add(after, upto)
        self._flight = [s for s in self._flight if not self._arrived.covers(s.after, s.upto)]
        if len(self._flight) < before:
            self._repeat_s = REPEAT_FIRST_S

    def next_packet(self, now: float) -> tuple[Data, bool] | None:
        """A packet that is due, and whether it is a repetition. Call again until None."""
        if self._flight and now >= self._flight[0].sent_at + self._repeat_s:
            # The oldest has waited too long; so have those sent with it, and they come next.
            segment = self._flight.pop(0)
            if all(s.sent_at + self._repeat_s > now for s in self._flight):
                self._repeat_s = min(2 * self._repeat_s, REPEAT_MOST_S)
            segment.sent_at = now
            self._flight.append(segment)
            return self._data(segment.after, segment.upto), True
        if self._sent < self._table.head and len(self._flight) < WINDOW:
            return self._fresh(now), False
        return None

    def next_deadline(self) -> float | None:
        """When next_packet() has something again if nothing arrives; -inf: now."""
        if self._sent < self._table.head and len(self._flight) < WINDOW:
            return float("-inf")
        return self._flight[0].sent_at + self._repeat_s if self._flight else None

    def _fresh(self, now: float) -> Data:
        size = 0

        def fits(added: int) -> bool:
            nonlocal size
            first, size = not size, size + added
            return first or size <= self._room

        entries = tuple(takewhile(lambda entry: fits(entry.size), self._table.since(self._sent)))
        after = self._sent
        # All of it: up to the head, over the numbers that nothing has any more.
        self._sent = entries[-1].seq if size > self._room else self._table.head
        self._flight.append(Segment(after, self._sent, now))
        return self._made(after, self._sent, entries)

    def _data(self, after: int, upto: int) -> Data:
        return self._made(after, upto, self._table.between(after, upto))

    def _made(self, after: int, upto: int, entries: tuple[Entry, ...]) -> Data:
        return Data(self._me, self._boot, self._to_boot, self._session, self._topic, after, upto,
                    self._table.head, entries)
