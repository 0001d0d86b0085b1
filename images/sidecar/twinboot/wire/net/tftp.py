"""TFTP as a client's first words (RFC 1350): ask for a file, read the answer, end it in good order."""

from __future__ import annotations

import struct
from dataclasses import dataclass

PORT = 69
_RRQ, _DATA, _ERROR = 1, 3, 5


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the file asked for."""

    number: int
    data: bytes


@dataclass(frozen=True, slots=True)
class TftpError:
    """The server's own words."""

    code: int
    message: str


def read_request(name: str) -> bytes:
    return struct.pack(">H", _RRQ) + name.encode() + b"\0octet\0"


def abort_packet() -> bytes:
    """An error packet (section 5): the other side ends the transfer at once instead of sending again."""
    return struct.pack(">HH", _ERROR, 0) + b"enough\0"


def parse(packet: bytes) -> Block | TftpError | None:
    """What a server answered; None when it is neither data nor an error."""
    if len(packet) < 4:
        return None
    kind, number = struct.unpack_from(">HH", packet)
    if kind == _DATA:
        return Block(number, packet[4:])
    if kind == _ERROR:
        return TftpError(number, packet[4:].split(b"\0")[0].decode("ascii", "replace"))
    return None
