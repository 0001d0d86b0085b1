"""TCP segments: parsed from Ethernet frames, and built.

Only IPv4 over Ethernet (the kernel removes 802.1Q tags). A malformed frame gives None; a truncated one
still gives its headers and the captured part of its payload.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

_ETHERNET_BYTES = 14
_ETHERTYPE_IPV4 = 0x0800
_PROTOCOL_TCP = 6
_FRAGMENTED = 0x3FFF
"""More fragments, or a fragment offset (RFC 791): the segment is not completely in this packet."""
_IP = struct.Struct(">BBHHHBBH4s4s")
_TCP = struct.Struct(">HHIIBBHHH")
_TTL = 64
_DONT_FRAGMENT = 0x4000


@dataclass(frozen=True, slots=True)
class Options:
    """TCP options that matter here (RFC 9293 section 3.1, RFC 7323, RFC 2018). None: absent."""

    mss: int | None = None
    window_scale: int | None = None
    sack_permitted: bool = False
    sack_blocks: tuple[tuple[int, int], ...] = ()
    timestamps: tuple[int, int] | None = None
    """Value and echo reply."""


@dataclass(frozen=True, slots=True)
class Segment:
    """payload: what was captured of it; payload_bytes: how long it was on the wire."""

    source: IPv4Address
    target: IPv4Address
    source_port: int
    target_port: int
    seq: int
    ack: int
    flags: int
    window: int
    """As on the wire: not scaled."""
    options: Options
    payload: bytes
    payload_bytes: int

    @property
    def next_seq(self) -> int:
        """The sequence number after this segment (SYN and FIN take one each)."""
        control = bool(self.flags & SYN) + bool(self.flags & FIN)
        return (self.seq + self.payload_bytes + control) % (1 << 32)


def parse_segment(frame: bytes) -> Segment | None:
    """The segment in a frame; None when there is none, or it is malformed."""
    if len(frame) < _ETHERNET_BYTES + _IP.size + _TCP.size:
        return None
    if int.from_bytes(frame[12:14]) != _ETHERTYPE_IPV4:
        return None
    version, _tos, total, _ident, fragment, _ttl, protocol, _sum, source, target = _IP.unpack_from(
        frame, _ETHERNET_BYTES)
    ip_bytes = 4 * (version & 0x0F)
    start = _ETHERNET_BYTES + ip_bytes
    if version >> 4 != 4 or ip_bytes < _IP.size or protocol != _PROTOCOL_TCP or fragment & _FRAGMENTED:
        return None
    if len(frame) < start + _TCP.size:
        return None
    source_port, target_port, seq, ack, offset, flags, window, _tcp_sum, _urgent = _TCP.unpack_from(
        frame, start)
    tcp_bytes = 4 * (offset >> 4)
    # With segmentation offload the length may exceed the field, which is 0 then.
    end = _ETHERNET_BYTES + total if total else max(len(frame), start + tcp_bytes)
    if tcp_bytes < _TCP.size or len(frame) < start + tcp_bytes or end < start + tcp_bytes:
        return None
    return Segment(
        IPv4Address(source), IPv4Address(target), source_port, target_port, seq, ack, flags, window,
        _options(frame[start + _TCP.size:start + tcp_bytes]),
        frame[start + tcp_bytes:end], end - start - tcp_bytes,
    )


def _options(data: bytes) -> Options:
    """The options up to the first that is malformed (RFC 9293 section 3.1)."""
    mss: int | None = None
    scale: int | None = None
    permitted = False
    blocks: tuple[tuple[int, int], ...] = ()
    stamps: tuple[int, int] | None = None
    place = 0
    while place < len(data):
        kind = data[place]
        if kind == 0:
            break
        if kind == 1:
            place += 1
            continue
        size = data[place + 1] if place + 1 < len(data) else 0
        if size < 2 or place + size > len(data):
            break
        value = data[place + 2:place + size]
        if kind == 2 and size == 4:
            mss = int.from_bytes(value)
        elif kind == 3 and size == 3:
            scale = value[0]
        elif kind == 4 and size == 2:
            permitted = True
        elif kind == 5 and (size - 2) % 8 == 0:
            blocks = tuple(struct.iter_unpack(">II", value))
        elif kind == 8 and size == 10:
            stamps = struct.unpack(">II", value)
        place += size
    return Options(mss, scale, permitted, blocks, stamps)


def tcp_packet(source: IPv4Address, source_port: int, target: IPv4Address, target_port: int, *,
             flags: int = ACK, seq: int = 0, ack: int = 0, window: int = 1024, options: bytes = b"",
             payload: bytes = b"") -> bytes:
    """An IP packet with one segment. options: a multiple of four bytes. payload: an even number."""
    one, other = source.packed, target.packed
    size = _TCP.size + len(options)
    tcp = _TCP.pack(source_port, target_port, seq, ack, size // 4 << 4, flags, window, 0, 0)
    tcp += options + payload
    pseudo = one + other + struct.pack(">BBH", 0, _PROTOCOL_TCP, len(tcp))
    tcp = tcp[:16] + internet_checksum(pseudo + tcp) + tcp[18:]
    ip = _IP.pack(0x45, 0, _IP.size + len(tcp), 0, _DONT_FRAGMENT, _TTL, _PROTOCOL_TCP, 0, one, other)
    return ip[:10] + internet_checksum(ip) + ip[12:] + tcp


def ack_options(timestamps: tuple[int, int] | None, blocks: tuple[tuple[int, int], ...]) -> bytes:
    """Time stamps (RFC 7323 section 3.2) and SACK blocks (RFC 2018 section 3), each after two no-ops."""
    out = b"" if timestamps is None else struct.pack(">BBBBII", 1, 1, 8, 10, *timestamps)
    if blocks:
        out += struct.pack(">BBBB", 1, 1, 5, 2 + 8 * len(blocks))
        out += b"".join(struct.pack(">II", *block) for block in blocks)
    return out


def internet_checksum(data: bytes) -> bytes:
    """The Internet checksum (RFC 1071); 0xffff is 0 in ones' complement, so the sum is one modulo that."""
    total = int.from_bytes(data + bytes(len(data) % 2)) % 0xFFFF
    return (0xFFFF - total).to_bytes(2)
