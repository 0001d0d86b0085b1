"""What stands between clients and servers: a packet filter that drops what does not fit the connection, or a
router that translates addresses, too (Linux: nf_conntrack_proto_tcp.c, tcp_in_window; RFC 5382).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from twinboot.takeover.logic.tcp.segment import ACK, RST, SYN, Options, Segment

from .receive import _relative

ACK_WINDOW = 66000
"""How far behind an acknowledgement may be (MAXACKWINDOWCONST)."""


class Box(Enum):
    """OLD_FILTER: also drops what is below a window, as Linux before 6.1. NAT: answers what it drops itself,
    for the address is its own."""

    NONE = "none"
    FILTER = "filter"
    OLD_FILTER = "old-filter"
    NAT = "nat"
    OLD_NAT = "old-nat"

    @property
    def strict(self) -> bool:
        return self in (Box.OLD_FILTER, Box.OLD_NAT)

    @property
    def translates(self) -> bool:
        return self in (Box.NAT, Box.OLD_NAT)


@dataclass
class _Side:
    """struct ip_ct_tcp_state: of one direction's sender."""

    end: int = 0
    most: int = 0
    window: int = 0
    scale: int = 0
    offers_scale: bool = False
    sack: bool = False
    acked: int | None = None


@dataclass
class _Entry:
    sides: tuple[_Side, _Side] = field(default_factory=lambda: (_Side(), _Side()))
    established: bool = False


class Middlebox:
    """One box. dropped: how many segments it has dropped as invalid."""

    def __init__(self, kind: Box) -> None:
        self.kind = kind
        self.dropped = 0
        self._entries: dict[tuple[object, int, object, int], _Entry] = {}

    def passes(self, one: Segment, *, up: bool) -> bool:
        """Whether a segment goes through; up: from the client."""
        if self.kind is Box.NONE:
            return True
        near, far = (one.source, one.source_port), (one.target, one.target_port)
        name = (*near, *far) if up else (*far, *near)
        entry = self._entries.get(name)
        if one.flags & (SYN | ACK | RST) == SYN and (entry is None or not entry.established):
            if self.kind.translates and not up:
                return False
            entry = self._entries.setdefault(name, _Entry())
        if entry is None:
            self.dropped += 1
            return False
        good = self._fits(entry, one, up=up)
        self.dropped += not good
        return good

    def refusal(self, one: Segment) -> Segment | None:
        """What the box itself says to a server's segment that it drops."""
        if not self.kind.translates or one.flags & RST:
            return None
        seq, flags, ack = (one.ack, RST, 0) if one.flags & ACK else (0, RST | ACK, one.next_seq)
        return Segment(
            one.target, one.source, one.target_port, one.source_port, seq, ack, flags, 0, Options(), b"", 0
        )

    def _fits(self, entry: _Entry, one: Segment, *, up: bool) -> bool:
        sender, receiver = entry.sides if up else entry.sides[::-1]
        end = one.next_seq
        if one.flags & SYN:
            if entry.established:
                return True  # sIG: ignored, and let through
            sender.end, sender.most = end, end
            sender.window = max(1, one.window)
            sender.scale = min(one.options.window_scale or 0, 14)
            sender.offers_scale, sender.sack = (
                one.options.window_scale is not None,
                one.options.sack_permitted,
            )
            if one.flags & ACK:
                if not (sender.offers_scale and receiver.offers_scale):
                    sender.scale = receiver.scale = 0
                receiver.most = (one.ack + max(1, one.window)) % (1 << 32)
                sender.acked = one.ack
            return True
        if sender.window == 0 or receiver.window == 0:
            return one.flags & RST != 0
        if one.flags & RST:
            return self._reset_fits(entry, receiver, one)
        ack = sacked = one.ack
        if receiver.sack:
            for _start, stop in one.options.sack_blocks:
                if _relative(sacked, stop, 0) > 0:
                    sacked = stop
        window = one.window << sender.scale
        if _relative(sender.most, one.seq, 0) > 0 or _relative(receiver.end, sacked, 0) > 0:
            return False
        late = (
            _relative(sender.end, end, 0) <= -receiver.window - 1
            or _relative(receiver.end, sacked, 0) <= -max(sender.window, ACK_WINDOW) - 1
        )
        if late:
            return not self.kind.strict
        entry.established = True
        self._update(sender, receiver, one, end, ack, sacked, window)
        return True

    @staticmethod
    def _update(
        sender: _Side, receiver: _Side, one: Segment, end: int, ack: int, sacked: int, window: int
    ) -> None:
        sender.window = max(sender.window, window + (sacked - ack) % (1 << 32))
        if _relative(sender.end, end, 0) > 0:
            sender.end = end
        if sender.acked is None or _relative(sender.acked, ack, 0) > 0:
            sender.acked = ack
        over = _relative(sender.most, end, 0)
        if over > 0:
            receiver.window += over
        if _relative(receiver.most, sacked + window, 0) >= 0:
            receiver.most = (sacked + window + (window == 0)) % (1 << 32)

    @staticmethod
    def _reset_fits(entry: _Entry, receiver: _Side, one: Segment) -> bool:
        return receiver.acked is None or _relative(receiver.acked, one.seq, 0) >= 0
