"""Input hold: client packets are held until the peers have them. Pure; the time is handed in.

A kernel acknowledges data as soon as it arrives, and a client never repeats acknowledged data. If the
server dies before its peers have that data, the connection cannot be continued. So each packet with new
data is held until the peers acknowledge its record, and only then delivered to the kernel: the peers have
all that a dead server had. Replicated virtual machines do this with their output (output commit); here it
is done with the input, which is small.

Owns the batches, their time limits, and the detection that released packets do not reach the kernel.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address

from .record import ConnectionKey

HOLD_LIMIT_S = 0.4
"""Longer than the peers take on a busy CPU. (A client's retransmission after 0.2 s does no harm.)"""
CROWD_LIMIT_S = 6.0
"""In a crowd a packet waits so long at most: for its record to be sent, which is done at a bounded pace, and
for the peers while they acknowledge one batch after the other. It is what the pace needs for all that may be
held. A crowd that connects at once loses time by it and nothing else; TCP's own patience is much longer."""
MAX_HELD_PACKETS = 12_000
"""Packets held at once; further ones are delivered at once. A SYN and a request of each connection."""
_RELEASED_REMEMBERED = 12_000
UNDELIVERED_REPEATS, UNDELIVERED_S = 8, 3.0
"""When released packets are repeated this often, for this long, without an answer of the server to any
client, the hold itself does harm. (An overloaded machine may answer nobody for a second.)"""


@dataclass(frozen=True, slots=True)
class _HeldPacket:
    key: ConnectionKey
    seq: int
    data: bytes
    until: float


@dataclass(slots=True)
class _Batch:
    deadline: float
    packets: list[_HeldPacket]


class HeldInput:
    """Holds packets, closes a batch when its records are sent, releases it when they are acknowledged."""

    def __init__(self, limit_s: float = HOLD_LIMIT_S) -> None:
        self._limit_s = limit_s
        self._open: list[_HeldPacket] = []
        self._batches: OrderedDict[int, _Batch] = OrderedDict()
        self._waiting: set[tuple[ConnectionKey, int]] = set()
        self._released: OrderedDict[tuple[ConnectionKey, int], None] = OrderedDict()
        self._last_batch = 0
        self._repeats, self._repeats_since = 0, 0.0
        self.overdue_packets = 0
        """Count of packets released because the peers took too long."""

    def __len__(self) -> int:
        return len(self._waiting)

    def undelivered(self, now: float) -> bool:
        """Whether released packets keep being repeated: the kernel does not get them."""
        return self._repeats >= UNDELIVERED_REPEATS and now >= self._repeats_since + UNDELIVERED_S

    def delivered(self) -> None:
        """The server has answered a client: reset the count of repeats."""
        self._repeats = 0

    def hold(self, key: ConnectionKey, seq: int, packet: bytes, now: float) -> bool:
        """Hold a packet. False: deliver it at once (it was released before, or too many are held)."""
        if (key, seq) in self._released:
            self._repeats_since = self._repeats_since if self._repeats else now
            self._repeats += 1
            return False
        if (key, seq) in self._waiting:
            return True  # a retransmission: the first copy is enough
        if len(self._waiting) >= MAX_HELD_PACKETS:
            return False
        self._waiting.add((key, seq))
        self._open.append(_HeldPacket(key, seq, packet, now + CROWD_LIMIT_S))
        return True

    def close_batch(self, now: float, is_untold: Callable[[ConnectionKey], bool] = lambda _key: False
                    ) -> int | None:
        """Close the batch of the packets held since the last one; return its number, None when empty.

        is_untold: the connection's latest record has not been sent; its packets are left for a later batch.
        """
        told: list[_HeldPacket] = []
        untold: list[_HeldPacket] = []
        for one in self._open:
            (untold if is_untold(one.key) else told).append(one)
        if not told:
            return None
        self._open = untold
        self._last_batch += 1
        self._batches[self._last_batch] = _Batch(now + self._limit_s, told)
        return self._last_batch

    def replicated(self, batch: int, now: float) -> list[bytes]:
        """The peers have this batch and those before it: return the packets to deliver. Peers that are busy
        with a crowd, and not gone, get time for the batches after it."""
        found = self._release([one for one in self._batches if one <= batch])
        if found:
            for one in (one for one in self._batches.values() if one.packets):
                one.deadline = max(one.deadline, min(now + self._limit_s, one.packets[0].until))
        return found

    def release_overdue(self, now: float) -> list[bytes]:
        """Return the packets of batches past their deadline, to be delivered without acknowledgement."""
        found = self._release([number for number, batch in self._batches.items() if now >= batch.deadline])
        overdue = [one for one in self._open if now >= one.until]
        if overdue:
            self._open = [one for one in self._open if now < one.until]
            found += self._let_go(overdue)
        self.overdue_packets += len(found)
        return found

    def deadline(self) -> float | None:
        """When release_overdue() next has packets; None: nothing is held."""
        first = [batch.deadline for batch in tuple(self._batches.values())[:1]]
        return min((*first, *(one.until for one in self._open[:1])), default=None)

    def forget_address(self, address: IPv4Address) -> None:
        """Drop the held packets of an address that is released: its next holder has them in our records."""
        for packets in (self._open, *(batch.packets for batch in self._batches.values())):
            for one in [one for one in packets if one.key.server == address]:
                packets.remove(one)
                self._waiting.discard((one.key, one.seq))

    def _release(self, numbers: list[int]) -> list[bytes]:
        return self._let_go([one for number in numbers for one in self._batches.pop(number).packets])

    def _let_go(self, packets: list[_HeldPacket]) -> list[bytes]:
        for one in packets:
            self._waiting.discard((one.key, one.seq))
            self._released[one.key, one.seq] = None
        while len(self._released) > _RELEASED_REMEMBERED:
            self._released.popitem(last=False)
        return [one.data for one in packets]
