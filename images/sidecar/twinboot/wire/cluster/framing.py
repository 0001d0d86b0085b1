"""Frames on a byte stream: a serial line carries bytes, heartbeats are messages.

Owns the delimiter, the stuffing, the checksum and the way back after garbage. Knows nothing of lines,
speeds or what a frame holds.

The layout is that of PPP in HDLC-like framing, without its header (RFC 1662 section 4):

    0x7E | stuffed(payload, CRC-32 of it with the lowest byte first) | 0x7E

0x7E never stands inside: it and the escape 0x7D are sent as 0x7D and the byte with bit 5 turned
(section 4.2). So a reader that lost its place finds it again at the next 0x7E. The checksum is the
32-bit FCS of appendix C.3, which is the CRC-32 of zlib. A frame without payload is none: its checksum
is four zero bytes, which is what may be left of any payload that holds them.
"""

from __future__ import annotations

import binascii

FLAG = b"\x7e"
MAX_PAYLOAD = 2048
"""Bytes of one payload; a heartbeat is smaller."""
OVERHEAD = 6
"""Bytes that a frame adds to a payload in which nothing is stuffed."""

_ESCAPE = b"\x7d"
_ESCAPED_ESCAPE, _ESCAPED_FLAG = b"\x7d\x5d", b"\x7d\x5e"
_BIT_5 = 0x20
_CRC_BYTES = 4
_MAX_STUFFED = 2 * (MAX_PAYLOAD + _CRC_BYTES)


def frame(payload: bytes) -> bytes:
    """The bytes to send. ValueError when the payload is empty or longer than MAX_PAYLOAD."""
    if not 1 <= len(payload) <= MAX_PAYLOAD:
        raise ValueError(f"a payload of {len(payload)} bytes; a frame holds 1 to {MAX_PAYLOAD}")
    body = payload + binascii.crc32(payload).to_bytes(_CRC_BYTES, "little")
    # The escape first, or it would escape those of the flags.
    return FLAG + body.replace(_ESCAPE, _ESCAPED_ESCAPE).replace(FLAG, _ESCAPED_FLAG) + FLAG


class Deframer:
    """Takes a stream in pieces of any size; gives the payloads that arrived whole.

    What is no frame is counted in `garbled`, once for each stretch between two flags, and forgotten.
    Never holds more than one frame of the largest size.
    """

    def __init__(self) -> None:
        self.garbled = 0
        self._buffer = bytearray()
        self._discarding = False

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that these bytes complete."""
        found: list[bytes] = []
        *ended, rest = data.split(FLAG)
        for stretch in ended:
            self._append(stretch)
            self._end_frame(found)
        self._append(rest)
        return found

    def reset(self) -> None:
        """Forget the frame that is under way: the line was opened anew."""
        self._buffer.clear()
        self._discarding = False

    def _append(self, stretch: bytes) -> None:
        if self._discarding:
            return
        if len(self._buffer) + len(stretch) > _MAX_STUFFED:
            self._buffer.clear()
            self._discarding = True
        else:
            self._buffer += stretch

    def _end_frame(self, found: list[bytes]) -> None:
        """A flag: what is held was a frame, or garbage, or nothing (flags may follow each other)."""
        if self._buffer or self._discarding:
            payload = None if self._discarding else _payload(bytes(self._buffer))
            if payload is None:
                self.garbled += 1
            else:
                found.append(payload)
        self.reset()


def _payload(stuffed: bytes) -> bytes | None:
    """The payload of what stood between two flags; None when it is not a frame."""
    body = _unstuffed(stuffed)
    if body is None or not 1 <= len(body) - _CRC_BYTES <= MAX_PAYLOAD:
        return None
    payload, crc = body[:-_CRC_BYTES], body[-_CRC_BYTES:]
    if binascii.crc32(payload).to_bytes(_CRC_BYTES, "little") != crc:
        return None
    return payload


def _unstuffed(stuffed: bytes) -> bytes | None:
    """Takes back any escaped byte, not only those that we escape; None for an aborted frame."""
    first, *others = stuffed.split(_ESCAPE)
    parts = [first]
    for part in others:
        if not part:
            # Two escapes in a row, or one before the flag (section 4.3): no sender makes them.
            return None
        parts.append(bytes((part[0] ^ _BIT_5,)) + part[1:])
    return b"".join(parts)
