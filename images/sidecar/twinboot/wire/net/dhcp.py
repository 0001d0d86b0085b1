"""DHCP messages as a snooper on the LAN sees them, and the question that finds DHCP servers.

Ethernet frame -> values (RFC 2131 section 2, RFC 2132), and one DISCOVER. The filter lets the kernel
throw everything else away.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address

from ...kernel.bpf import OneOf, frame_filter

SNOOPER_MAC = bytes.fromhex("025457494e42")
"""The client that our DISCOVERs name, on every server of every cluster: our own dhcpd is told to ignore it,
and a foreign server keeps one address for it at most, and no lease. Locally administered."""

_ETH_HEAD, _IP_HEAD, _UDP_HEAD, _BOOTP = 14, 20, 8, 236
_PORTS = (67, 68)
_COOKIE = bytes.fromhex("63825363")
_REQUESTED_ADDRESS, _MESSAGE_TYPE, _SERVER_ID = 50, 53, 54
_NOBODY = IPv4Address(0)


class MessageType(IntEnum):
    """RFC 2132 section 9.6."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8


SERVER_MESSAGES = frozenset((MessageType.OFFER, MessageType.ACK, MessageType.NAK))


@dataclass(frozen=True, slots=True)
class DhcpMessage:
    """source_mac: of the frame, the sender's or a router's; client: its hardware address (Ethernet)."""

    message_type: MessageType
    source_mac: bytes
    client: bytes
    relay: IPv4Address
    server_id: IPv4Address
    """Server identifier; 0.0.0.0 when it is not said."""
    requested: IPv4Address


def dhcp_filter() -> bytes:
    """Lets through Ethernet frames with DHCP of IPv4, from clients, servers and relays."""
    udp = _ETH_HEAD + _IP_HEAD
    return frame_filter(
        OneOf(_ETH_HEAD, 1, [0x45]), OneOf(_ETH_HEAD + 9, 1, [17]), OneOf(udp, 2, _PORTS),
        OneOf(udp + 2, 2, _PORTS),
    )


def parse(frame: bytes) -> DhcpMessage | None:
    """The DHCP message in an Ethernet frame that came through all_dhcp(), else None."""
    at = _ETH_HEAD + _IP_HEAD + _UDP_HEAD
    body = frame[at:]
    if len(body) < _BOOTP + 4 or body[_BOOTP:_BOOTP + 4] != _COOKIE or body[1:3] != b"\x01\x06":
        return None
    options = _options(body[_BOOTP + 4:])
    kind = options.get(_MESSAGE_TYPE, b"")
    if len(kind) != 1 or kind[0] not in MessageType.__members__.values():
        return None
    return DhcpMessage(
        MessageType(kind[0]), frame[6:12], body[28:34], IPv4Address(body[24:28]),
        _address(options.get(_SERVER_ID, b"")), _address(options.get(_REQUESTED_ADDRESS, b"")),
    )


def discover(*, mac: bytes, xid: bytes) -> bytes:
    """A broadcast DISCOVER of SNOOPER_MAC; the answer shall be broadcast, too (RFC 2131 section 4.1)."""
    body = struct.pack("!4B4sHH16x", 1, 1, 6, 0, xid, 0, 0x8000) + SNOOPER_MAC.ljust(16, b"\0")
    body = (body.ljust(_BOOTP, b"\0") + _COOKIE + bytes((_MESSAGE_TYPE, 1, MessageType.DISCOVER, 255))).ljust(
        300, b"\0"
    )
    udp = struct.pack("!HHHH", 68, 67, _UDP_HEAD + len(body), 0) + body
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, _IP_HEAD + len(udp), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
    return b"\xff" * 6 + mac + b"\x08\x00" + head + udp


def _address(value: bytes) -> IPv4Address:
    return IPv4Address(value) if len(value) == 4 else _NOBODY


def _options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at + 1 < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        found[data[at]] = data[at + 2:at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return found


def _checksum(head: bytes) -> int:
    """RFC 1071, of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(head) // 2}H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
