"""Receives one topic of one peer: what is new in a packet, and what to acknowledge.

Owns one session as its receiver sees it. Packets may come in any order and more than once.
"""

from __future__ import annotations

from twinboot.wire.cluster.replication import MAX_RANGES, Ack, Data, Entry

from .ranges import Ranges


class Inbox:
    """The session of one topic with one life of one peer."""

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

    def take(self, data: Data) -> tuple[Entry, ...]:
        """The entries that are news."""
        self._head = max(self._head, data.head)
        if self._arrived.covers(data.after, data.upto):
            return ()
        if data.after > self._arrived.upto and len(self._arrived.beyond) >= MAX_RANGES:
            return ()  # more gaps than an acknowledgement can name: it will be sent again
        news = []
        for entry in data.entries:
            if entry.seq > max(self._arrived.upto, self._newest.get(entry.key, 0)):
                self._newest[entry.key] = entry.seq
                news.append(entry)
        self._arrived.add(data.after, data.upto)
        if self._arrived.beyond:
            self._newest = {k: seq for k, seq in self._newest.items() if seq > self._arrived.upto}
        else:
            self._newest.clear()
        return tuple(news)

    def ack(self, *, me: str, boot: int, to_boot: int, topic: str) -> Ack:
        return Ack(me, boot, to_boot, self.session, topic, self._arrived.upto,
                   tuple(self._arrived.beyond[:MAX_RANGES]))
