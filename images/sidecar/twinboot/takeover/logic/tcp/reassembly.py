"""One direction of a TCP connection, put into order and cut into pieces, with a bound on everything.

A sniffer sees segments twice, out of order, or not at all. Stream gives the bytes in order, once; when
it cannot (a hole that stays, too much of it), it is lost, and so is what was to be learned from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from . import seq as sequence

HELD_SEGMENTS = 16
HELD_BYTES = 64 << 10


@dataclass(slots=True)
class Stream:
    """next_seq: the first byte not yet seen in order. lost: what follows cannot be made sense of."""

    next_seq: int
    lost: bool = False
    _held: dict[int, bytes] = field(default_factory=dict)

    def feed(self, seq: int, data: bytes, size: int) -> bytes:
        """Take in a segment of `size` bytes of which `data` were captured; the new bytes in order."""
        if self.lost or not size:
            return b""
        if len(data) < size:
            # Cut short by the capture: fine when it is old, else the rest will never be known.
            if not sequence.before(self.next_seq, sequence.add(seq, size)):
                return b""
            self.lost = True
            return b""
        if sequence.before(self.next_seq, seq):
            self._hold(seq, data)
            return b""
        fresh = self._append(seq, data)
        found = self._from_held()
        while found:
            fresh += found
            found = self._from_held()
        return fresh

    def skip_to(self, seq: int) -> None:
        """Bytes up to there were not captured and are not wanted."""
        if sequence.before(self.next_seq, seq):
            self.next_seq = seq
            self._held.clear()

    def _hold(self, seq: int, data: bytes) -> None:
        held = sum(map(len, self._held.values()))
        if len(self._held) >= HELD_SEGMENTS or held + len(data) > HELD_BYTES:
            self.lost = True
            self._held.clear()
            return
        self._held[seq] = data

    def _append(self, seq: int, data: bytes) -> bytes:
        fresh = data[sequence.distance(seq, self.next_seq):]
        self.next_seq = sequence.add(self.next_seq, len(fresh))
        return fresh

    def _from_held(self) -> bytes:
        for seq in tuple(self._held):
            if not sequence.before(self.next_seq, seq):
                data = self._held.pop(seq)
                if sequence.before(self.next_seq, sequence.add(seq, len(data))):
                    return self._append(seq, data)
        return b""


@dataclass(slots=True)
class Lines:
    """Bytes cut at CR LF or LF. A line longer than `limit` bytes makes it overrun, for good."""

    limit: int
    overrun: bool = False
    rest: bytes = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete now, without their ends."""
        if self.overrun:
            return []
        *whole, self.rest = (self.rest + data).split(b"\n")
        if len(self.rest) > self.limit or any(len(line) > self.limit for line in whole):
            self.overrun, self.rest = True, b""
            return []
        return [line.removesuffix(b"\r") for line in whole]
