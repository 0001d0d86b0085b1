"""DHCP messages as a snooper on the LAN sees them, and the question that finds DHCP servers.

Ethernet frame -> values (RFC 2131 section 2, RFC 2132), and one DISCOVER. The filter lets the kernel
throw everything else away.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv4Address

from ...kernel.bpf import OneOf, frame_filter
from . import dhcp_packet as packet
from .dhcp_packet import BOOTP, CLIENT_PORT, COOKIE, ETH_HEAD, IP_HEAD, SERVER_PORT, UDP_HEAD

SNOOPER_MAC = bytes.fromhex("025457494e42")
"""The client that our DISCOVERs name, on every server of every cluster: our own dhcpd is told to ignore it,
and a foreign server keeps one address for it at most, and no lease. Locally administered."""

SAID_OPTIONS = (60, 77, 93, 97, 175)
"""Vendor class, user class (RFC 3004), architecture and machine identifier (RFC 4578), iPXE's own."""
_PORTS = (SERVER_PORT, CLIENT_PORT)
_NOBODY, _EVERYBODY = IPv4Address(0), IPv4Address(0xFFFFFFFF)


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
    said: Mapping[int, bytes] = field(default_factory=dict)
    """What it says of its firmware: the options of SAID_OPTIONS that it has."""


def dhcp_filter() -> bytes:
    """Lets through Ethernet frames with DHCP of IPv4, from clients, servers and relays."""
    udp = ETH_HEAD + IP_HEAD
    return frame_filter(
        OneOf(ETH_HEAD, 1, [0x45]), OneOf(ETH_HEAD + 9, 1, [packet.UDP]), OneOf(udp, 2, _PORTS),
        OneOf(udp + 2, 2, _PORTS),
    )


def parse(frame: bytes) -> DhcpMessage | None:
    """The DHCP message in an Ethernet frame that came through dhcp_filter(), else None."""
    at = ETH_HEAD + IP_HEAD + UDP_HEAD
    body = frame[at:]
    if len(body) < BOOTP + 4 or body[BOOTP:BOOTP + 4] != COOKIE or body[1:3] != b"\x01\x06":
        return None
    options = packet.options(body[BOOTP + 4:])
    kind = options.get(packet.MESSAGE_TYPE, b"")
    if len(kind) != 1 or kind[0] not in MessageType.__members__.values():
        return None
    return DhcpMessage(
        MessageType(kind[0]), frame[6:12], body[28:34], IPv4Address(body[24:28]),
        _address(options.get(packet.SERVER_ID, b"")), _address(options.get(packet.REQUESTED_ADDRESS, b"")),
        {code: options[code] for code in SAID_OPTIONS if code in options},
    )


def discover(*, mac: bytes, xid: bytes) -> bytes:
    """A broadcast DISCOVER of SNOOPER_MAC; the answer shall be broadcast, too (RFC 2131 section 4.1)."""
    body = struct.pack("!4B4sHH16x", 1, 1, 6, 0, xid, 0, 0x8000) + SNOOPER_MAC.ljust(16, b"\0")
    body = body.ljust(BOOTP, b"\0") + COOKIE
    return packet.to_server(
        body + bytes((packet.MESSAGE_TYPE, 1, MessageType.DISCOVER, packet.END)),
        source=_NOBODY, target=_EVERYBODY, source_mac=mac, target_mac=b"\xff" * 6, udp_checksum=False,
    )


def _address(value: bytes) -> IPv4Address:
    return IPv4Address(value) if len(value) == 4 else _NOBODY
