"""Sender session: what to send to one peer, what to repeat, and when.

Owns the sending end of one session. At most WINDOW_PACKETS are in flight; a range that is not acknowledged
in time is repeated with exponential back-off until the peer acknowledges something. For the first
FAST_RETRANSMIT_FOR_S of its silence the intervals stay short: a link that loses every third packet holds
clients' input no longer than need be, and a peer that is silent for longer has more to do, or is gone.

A packet carries rows as they stand. A row that was overwritten before the packet was made is not in it: the
newer one is in a later range. So an acknowledged range alone does not say what the peer has; overwritten.py
knows what is still owed to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from twinboot.wire.cluster.replication import Ack, Data, Row, packet_capacity

from .overwritten import OverwrittenRows
from .ranges import Ranges
from .table import Table

WINDOW_PACKETS = 32
"""Maximum number of unacknowledged packets to one peer, per table."""
RETRANSMIT_MIN_S = 0.03
RETRANSMIT_MAX_S = 1.0
FAST_RETRANSMIT_FOR_S = 0.5
RETRANSMIT_FAST_MAX_S = 0.06
"""The longest interval within FAST_RETRANSMIT_FOR_S of the last acknowledgement."""


@dataclass(slots=True)
class InFlightRange:
    """A range that was sent and is not acknowledged. head: of the table, when its last packet was made."""

    after: int
    upto: int
    sent_at: float
    head: int


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
        self._silent_since = 0.0
        """When the peer last acknowledged something new, or, with nothing in flight, something was sent."""
        self._overwritten = OverwrittenRows()
        self._whole_table = table.head
        """What was overwritten before the session began is not in the ranges up to here."""

    @property
    def acked(self) -> int:
        """The peer has every key as it was at this number, or newer."""
        owed = self._overwritten.owed_from
        upto = self._arrived.upto if owed is None else min(self._arrived.upto, owed - 1)
        return upto if upto >= self._whole_table else 0

    @property
    def up_to_date(self) -> bool:
        """Whether the peer has acknowledged the table as it stands."""
        return self._arrived.upto >= self._table.head

    @property
    def heard(self) -> bool:
        """The peer has acknowledged something of this session."""
        return self._arrived.upto > 0 or bool(self._arrived.beyond)

    def note_overwritten(self, old: int, new: int) -> None:
        """The row with number `old` is no more; the same key has the row `new`."""
        if not self._arrived.covers(old - 1, old):
            self._overwritten.add(old, new, sent=self._sent)

    def receive_ack(self, ack: Ack, now: float) -> None:
        if ack.session != self._session or ack.upto > self._sent:
            return
        if ack.upto > 0:
            self._arrived.add(0, ack.upto)
        for after, upto in ack.beyond:
            if after < upto <= self._sent:
                self._arrived.add(after, upto)
        news = [s for s in self._in_flight if self._arrived.covers(s.after, s.upto)]
        if news:
            self._in_flight = [s for s in self._in_flight if not self._arrived.covers(s.after, s.upto)]
            self._retransmit_s, self._silent_since = RETRANSMIT_MIN_S, now
            for one in sorted(news, key=lambda one: -one.after):
                self._overwritten.range_arrived(one.after, one.upto, self._arrived, made_at=one.head)

    def next_packet(self, now: float) -> tuple[Data, bool] | None:
        """A packet that is due, and whether it is a retransmission. Call again until None."""
        if self._in_flight and now >= self._in_flight[0].sent_at + self._retransmit_s:
            # The oldest is overdue; those sent with it are returned by the next calls.
            segment = self._in_flight.pop(0)
            if all(s.sent_at + self._retransmit_s > now for s in self._in_flight):
                patient = now < self._silent_since + FAST_RETRANSMIT_FOR_S
                self._retransmit_s = min(2 * self._retransmit_s,
                                         RETRANSMIT_FAST_MAX_S if patient else RETRANSMIT_MAX_S)
            segment.sent_at, segment.head = now, self._table.head
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
        if not self._in_flight:
            self._silent_since = now
        self._in_flight.append(InFlightRange(after, self._sent, now, self._table.head))
        return self._packet(after, self._sent, rows)

    def _retransmission(self, after: int, upto: int) -> Data:
        return self._packet(after, upto, self._table.between(after, upto))

    def _packet(self, after: int, upto: int, rows: tuple[Row, ...]) -> Data:
        return Data(self._me, self._boot, self._to_boot, self._session, self._table_name, after, upto,
                    self._table.head, rows)
