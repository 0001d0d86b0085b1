"""TFTP's packets (RFC 1350 section 5, RFC 2347), in the frames that carry them. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

PORT = 69
RRQ, DATA, ACK, ERROR, OACK = 1, 3, 4, 5, 6


@dataclass(frozen=True, slots=True)
class Datagram:
    """A UDP datagram: addresses, ports and payload."""

    source: IPv4Address
    source_port: int
    target: IPv4Address
    target_port: int
    payload: bytes

    @property
    def opcode(self) -> int:
        return int.from_bytes(self.payload[:2], "big") if len(self.payload) >= 4 else 0

    @property
    def block_number(self) -> int:
        """The block number of a DATA or ACK."""
        return int.from_bytes(self.payload[2:4], "big")


def parse_datagram(frame: bytes) -> Datagram | None:
    """The UDP datagram in an Ethernet frame; None when there is no complete one."""
    if len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[14] >> 4 != 4 or frame[23] != 17:
        return None
    if int.from_bytes(frame[20:22], "big") & 0x3FFF:
        return None  # a fragment
    at = 14 + (frame[14] & 0x0F) * 4
    if len(frame) < at + 8:
        return None
    source_port, target_port, length = struct.unpack_from(">HHH", frame, at)
    return Datagram(IPv4Address(frame[26:30]), source_port, IPv4Address(frame[30:34]), target_port,
                    frame[at + 8:at + max(length, 8)])


def data_packet(number: int, block: bytes) -> bytes:
    return struct.pack(">HH", DATA, number) + block


def acked_number(payload: bytes) -> int | None:
    """The block number of an ACK; None for anything else."""
    if len(payload) < 4 or int.from_bytes(payload[:2], "big") != ACK:
        return None
    return int.from_bytes(payload[2:4], "big")


def is_error(payload: bytes) -> bool:
    return payload[:2] == bytes((0, ERROR))
