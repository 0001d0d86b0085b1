"""Receiver session: which rows of a packet are new, and what to acknowledge.

Owns the receiving end of one session. Packets may come in any order and more than once.
"""

from __future__ import annotations

from twinboot.wire.cluster.replication import MAX_RANGES, Ack, Data, Row

from .ranges import Ranges


class ReceiverSession:
    """The receiving end of the session of one table with one boot of one peer."""

    def __init__(self, session: int) -> None:
        self.session = session
        self._arrived = Ranges()
        self._newest: dict[bytes, int] = {}
        """Key -> number of its newest row received after a gap, so that an older packet does not undo it."""
        self._head = 0

    @property
    def complete(self) -> bool:
        """Whether every row up to the newest `head` received has arrived."""
        return 0 < self._head <= self._arrived.upto

    def receive(self, data: Data) -> tuple[Row, ...]:
        """Apply a packet; return the rows that are new."""
        self._head = max(self._head, data.head)
        if self._arrived.covers(data.after, data.upto):
            return ()
        if data.after > self._arrived.upto and len(self._arrived.beyond) >= MAX_RANGES:
            return ()  # more gaps than an acknowledgement can list: the sender will repeat it
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
