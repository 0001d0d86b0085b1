"""Reassembly of one direction of a TCP connection, and splitting into lines; both bounded.

A capture sees segments twice, out of order, or not at all. Reassembler returns the bytes in order, once;
when it cannot (a hole that stays, or too much data behind it), it is lost for good.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from . import seq as sequence

OUT_OF_ORDER_SEGMENTS = 16
OUT_OF_ORDER_BYTES = 64 << 10


@dataclass(slots=True)
class Reassembler:
    """next_seq: the first byte not yet seen in order. lost: no further bytes can be returned."""

    next_seq: int
    lost: bool = False
    _out_of_order: dict[int, bytes] = field(default_factory=dict)

    def feed(self, seq: int, data: bytes, size: int) -> bytes:
        """Add a segment of `size` bytes of which `data` were captured; return the new bytes in order."""
        if self.lost or not size:
            return b""
        if len(data) < size:
            # Truncated by the capture: harmless when it is old, otherwise the rest is lost.
            if not sequence.before(self.next_seq, sequence.add(seq, size)):
                return b""
            self.lost = True
            return b""
        if sequence.before(self.next_seq, seq):
            self._buffer(seq, data)
            return b""
        fresh = self._append(seq, data)
        found = self._next_buffered()
        while found:
            fresh += found
            found = self._next_buffered()
        return fresh

    def _buffer(self, seq: int, data: bytes) -> None:
        held = sum(map(len, self._out_of_order.values()))
        if len(self._out_of_order) >= OUT_OF_ORDER_SEGMENTS or held + len(data) > OUT_OF_ORDER_BYTES:
            self.lost = True
            self._out_of_order.clear()
            return
        self._out_of_order[seq] = data

    def _append(self, seq: int, data: bytes) -> bytes:
        fresh = data[sequence.distance(seq, self.next_seq):]
        self.next_seq = sequence.add(self.next_seq, len(fresh))
        return fresh

    def _next_buffered(self) -> bytes:
        for seq in tuple(self._out_of_order):
            if not sequence.before(self.next_seq, seq):
                data = self._out_of_order.pop(seq)
                if sequence.before(self.next_seq, sequence.add(seq, len(data))):
                    return self._append(seq, data)
        return b""


@dataclass(slots=True)
class LineSplitter:
    """Splits bytes at CR LF or LF. After a line longer than `limit` bytes it is overrun for good."""

    limit: int
    overrun: bool = False
    partial_line: bytes = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete now, without their ends."""
        if self.overrun:
            return []
        *whole, self.partial_line = (self.partial_line + data).split(b"\n")
        if len(self.partial_line) > self.limit or any(len(line) > self.limit for line in whole):
            self.overrun, self.partial_line = True, b""
            return []
        return [line.removesuffix(b"\r") for line in whole]
