"""What clients say, held back until the peers know of it. Pure; the time is handed in.

A server acknowledges what has reached its kernel, and a client never says again what was acknowledged. If
the server dies before its peers have heard of it, nobody can go on for it. So each packet that says
something new waits for the peers' word, and only then goes to the kernel: whatever a dead server had, its
peers have. This is what replicated machines do with their output, done to the input instead, where it is
little.

Owns the batches, their time limits, and the watch over whether the kernel heeds what is let through.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv4Address

from .record import ConnectionKey

HOLD_LIMIT_S = 0.4
"""Longer than the peers take on a full processor. (A client that repeats itself after 0.2 s does no harm.)"""
MAX_HELD_PACKETS = 4000
"""Packets held at once; what comes on top is let through."""
_RELEASED_REMEMBERED = 4000
UNDELIVERED_REPEATS, UNDELIVERED_S = 8, 3.0
"""So often, and for so long, things are let through again, and nothing is answered to anybody: then this
does harm. (A machine that is out of breath answers nobody for a second.)"""


@dataclass(frozen=True, slots=True)
class _HeldPacket:
    key: ConnectionKey
    seq: int
    data: bytes


@dataclass(slots=True)
class _Batch:
    deadline: float
    packets: list[_HeldPacket]


class HeldInput:
    """Take packets in, seal them to a batch when the peers are told, let the batch go when they know."""

    def __init__(self, limit_s: float = HOLD_LIMIT_S) -> None:
        self._limit_s = limit_s
        self._open: list[_HeldPacket] = []
        self._batches: OrderedDict[int, _Batch] = OrderedDict()
        self._waiting: set[tuple[ConnectionKey, int]] = set()
        self._released: OrderedDict[tuple[ConnectionKey, int], None] = OrderedDict()
        self._last_batch = 0
        self._repeats, self._repeats_since = 0, 0.0
        self.overdue_packets = 0
        """Packets let go because the peers took too long."""

    def __len__(self) -> int:
        return len(self._waiting)

    def undelivered(self, now: float) -> bool:
        """What was let go comes again and again: the kernel does not get it."""
        return self._repeats >= UNDELIVERED_REPEATS and now >= self._repeats_since + UNDELIVERED_S

    def delivered(self) -> None:
        """The server has answered somebody."""
        self._repeats = 0

    def hold(self, key: ConnectionKey, seq: int, packet: bytes, now: float) -> bool:
        """Hold a packet. False: it may go at once (it was let go before, or there are too many)."""
        if (key, seq) in self._released:
            self._repeats_since = self._repeats_since if self._repeats else now
            self._repeats += 1
            return False
        if (key, seq) in self._waiting:
            return True  # the same again: one of them will do
        if len(self._waiting) >= MAX_HELD_PACKETS:
            return False
        self._waiting.add((key, seq))
        self._open.append(_HeldPacket(key, seq, packet))
        return True

    def close_batch(self, now: float) -> int | None:
        """All that was taken since is one batch; its number, or None when there is nothing."""
        if not self._open:
            return None
        self._last_batch += 1
        self._batches[self._last_batch] = _Batch(now + self._limit_s, self._open)
        self._open = []
        return self._last_batch

    def replicated(self, batch: int) -> list[bytes]:
        """The peers know of this batch and of those before it: what may go now."""
        return self._release([one for one in self._batches if one <= batch])

    def release_overdue(self, now: float) -> list[bytes]:
        """What has waited too long and goes all the same."""
        found = self._release([number for number, batch in self._batches.items() if now >= batch.deadline])
        self.overdue_packets += len(found)
        return found

    def deadline(self) -> float | None:
        """When late() has something, if nothing comes before."""
        return next(iter(self._batches.values())).deadline if self._batches else None

    def forget_address(self, address: IPv4Address) -> None:
        """The address leaves: its next holder has all of this from our records."""
        for packets in (self._open, *(batch.packets for batch in self._batches.values())):
            for one in [one for one in packets if one.key.server == address]:
                packets.remove(one)
                self._waiting.discard((one.key, one.seq))

    def _release(self, numbers: list[int]) -> list[bytes]:
        found = []
        for number in numbers:
            for one in self._batches.pop(number).packets:
                self._waiting.discard((one.key, one.seq))
                self._released[one.key, one.seq] = None
                found.append(one.data)
        while len(self._released) > _RELEASED_REMEMBERED:
            self._released.popitem(last=False)
        return found
