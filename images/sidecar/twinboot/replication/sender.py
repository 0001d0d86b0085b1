"""Sender session: what to send to one peer, what to repeat, and when.

Owns the sending end of one session. At most WINDOW_PACKETS are in flight; a range that is not acknowledged
in time is repeated with exponential back-off until the peer acknowledges something.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from twinboot.wire.cluster.replication import Ack, Data, Row, packet_capacity

from .ranges import Ranges
from .table import Table

WINDOW_PACKETS = 32
"""Maximum number of unacknowledged packets to one peer, per table."""
RETRANSMIT_MIN_S = 0.03
RETRANSMIT_MAX_S = 1.0


@dataclass(slots=True)
class InFlightRange:
    """A range that was sent and is not acknowledged."""

    after: int
    upto: int
    sent_at: float


class SenderSession:
    """The sending end of the session of one table with one boot of one peer."""

    def __init__(
        self, table: Table, *, me: str, boot: int, to_boot: int, session: int, table_name: str
    ) -> None:
        self._table = table
        self._me, self._boot, self._to_boot = me, boot, to_boot
        self._session, self._table_name = session, table_name
        self._packet_capacity = packet_capacity(me, table_name)
        self._arrived = Ranges()
        self._sent = 0
        """All rows up to this number were sent at least once."""
        self._in_flight: list[InFlightRange] = []
        self._retransmit_s = RETRANSMIT_MIN_S

    @property
    def acked(self) -> int:
        return self._arrived.upto

    @property
    def up_to_date(self) -> bool:
        """Whether the peer has acknowledged the table as it stands."""
        return self._arrived.upto >= self._table.head

    def receive_ack(self, ack: Ack) -> None:
        if ack.session != self._session or ack.upto > self._sent:
            return
        before = len(self._in_flight)
        if ack.upto > 0:
            self._arrived.add(0, ack.upto)
        for after, upto in ack.beyond:
            if after < upto <= self._sent:
                self._arrived.add(after, upto)
        self._in_flight = [s for s in self._in_flight if not self._arrived.covers(s.after, s.upto)]
        if len(self._in_flight) < before:
            self._retransmit_s = RETRANSMIT_MIN_S

    def next_packet(self, now: float) -> tuple[Data, bool] | None:
        """A packet that is due, and whether it is a retransmission. Call again until None."""
        if self._in_flight and now >= self._in_flight[0].sent_at + self._retransmit_s:
            # The oldest is overdue; those sent with it are returned by the next calls.
            segment = self._in_flight.pop(0)
            if all(s.sent_at + self._retransmit_s > now for s in self._in_flight):
                self._retransmit_s = min(2 * self._retransmit_s, RETRANSMIT_MAX_S)
            segment.sent_at = now
            self._in_flight.append(segment)
            return self._retransmission(segment.after, segment.upto), True
        if self._sent < self._table.head and len(self._in_flight) < WINDOW_PACKETS:
            return self._next_rows(now), False
        return None

    def next_deadline(self) -> float | None:
        """When next_packet() has something again if nothing arrives; -inf: now."""
        if self._sent < self._table.head and len(self._in_flight) < WINDOW_PACKETS:
            return float("-inf")
        return self._in_flight[0].sent_at + self._retransmit_s if self._in_flight else None

    def _next_rows(self, now: float) -> Data:
        size = 0

        def fits(added: int) -> bool:
            nonlocal size
            first, size = not size, size + added
            return first or size <= self._packet_capacity

        rows = tuple(takewhile(lambda row: fits(row.size), self._table.since(self._sent)))
        after = self._sent
        # If all rows fit, the range ends at the head and covers numbers of overwritten rows, too.
        self._sent = rows[-1].seq if size > self._packet_capacity else self._table.head
        self._in_flight.append(InFlightRange(after, self._sent, now))
        return self._packet(after, self._sent, rows)

    def _retransmission(self, after: int, upto: int) -> Data:
        return self._packet(after, upto, self._table.between(after, upto))

    def _packet(self, after: int, upto: int, rows: tuple[Row, ...]) -> Data:
        return Data(self._me, self._boot, self._to_boot, self._session, self._table_name, after, upto,
                    self._table.head, rows)
