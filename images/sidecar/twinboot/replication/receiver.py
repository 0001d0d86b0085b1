"""Receives one table of one peer: what is new in a packet, and what to acknowledge.

Owns one session as its receiver sees it. Packets may come in any order and more than once.
"""

from __future__ import annotations

from twinboot.wire.cluster.replication import MAX_RANGES, Ack, Data, Row

from .ranges import Ranges


class ReceiverSession:
    """The session of one table with one life of one peer."""

    def __init__(self, session: int) -> None:
        self.session = session
        self._arrived = Ranges()
        self._newest: dict[bytes, int] = {}
        """Numbers beyond what has arrived without a gap, so that an older packet changes nothing back."""
        self._head = 0

    @property
    def complete(self) -> bool:
        """We have the peer's table as it was when it last wrote to us."""
        return 0 < self._head <= self._arrived.upto

    def receive(self, data: Data) -> tuple[Row, ...]:
        """The rows that are news."""
        self._head = max(self._head, data.head)
        if self._arrived.covers(data.after, data.upto):
            return ()
        if data.after > self._arrived.upto and len(self._arrived.beyond) >= MAX_RANGES:
            return ()  # more gaps than an acknowledgement can name: it will be sent again
        news = []
        for row in data.rows:
            if row.seq > max(self._arrived.upto, self._newest.get(row.key, 0)):
                self._newest[row.key] = row.seq
                news.append(row)
        self._arrived.add(data.after, data.upto)
        if self._arrived.beyond:
            self._newest = {k: seq for k, seq in self._newest.items() if seq > self._arrived.upto}
        else:
            self._newest.clear()
        return tuple(news)

    def ack(self, *, own_name: str, boot: int, to_boot: int, table_name: str) -> Ack:
        return Ack(own_name, boot, to_boot, self.session, table_name, self._arrived.upto,
                   tuple(self._arrived.beyond[:MAX_RANGES]))
