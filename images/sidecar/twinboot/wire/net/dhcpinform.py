"""A DHCPINFORM of this server to its own DHCP server, or to all of the LAN, and the answer (RFC 2131 section
4.3.5).

INFORM asks for parameters alone: no lease is given, kept or changed by it, and no file is written. To its own
server the frame is addressed to the interface's own hardware address. A DHCP server that listens by a packet
socket, as ISC dhcpd does, sees it on its way out, and no switch hands it on to anybody.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

from ...kernel.bpf import OneOf, frame_filter
from . import dhcp_packet as packet
from .dhcp_packet import CLIENT_PORT, COOKIE, IP_HEAD, SERVER_PORT, UDP_HEAD

_INFORM, _ACK = 8, 5
_EVERYBODY = IPv4Address(0xFFFFFFFF)
_BOOTP = struct.Struct(">BBBB4sHH4s4s4s4s16s64s128s4s")
"""With the cookie."""


def frame(*, address: IPv4Address, mac: bytes, xid: bytes) -> bytes:
    """The Ethernet frame: from `address` to `address`, from `mac` to `mac`."""
    return packet.to_server(
        _message(address, mac, xid), source=address, target=address, source_mac=mac, target_mac=mac,
        udp_checksum=True,
    )


def broadcast(*, address: IPv4Address, mac: bytes, xid: bytes) -> bytes:
    """The Ethernet frame to every DHCP server of the LAN (section 4.4.3); they answer to `address`."""
    return packet.to_server(
        _message(address, mac, xid), source=address, target=_EVERYBODY, source_mac=mac,
        target_mac=b"\xff" * 6, udp_checksum=True,
    )


def _message(address: IPv4Address, mac: bytes, xid: bytes) -> bytes:
    nobody = bytes(4)
    return _BOOTP.pack(
        1, 1, 6, 0, xid, 0, 0, address.packed, nobody, nobody, nobody, mac, b"", b"", COOKIE,
    ) + bytes(
        [packet.MESSAGE_TYPE, 1, _INFORM, packet.PARAMETERS, 1, packet.SERVER_ID, packet.END])


def is_ack(data: bytes, xid: bytes) -> bool:
    """Is the IP packet a DHCPACK to our question?"""
    message = data[IP_HEAD + UDP_HEAD:]
    if len(message) <= _BOOTP.size or message[0] != 2 or message[4:8] != xid:
        return False
    if message[_BOOTP.size - len(COOKIE):_BOOTP.size] != COOKIE:
        return False
    return packet.options(message[_BOOTP.size:]).get(packet.MESSAGE_TYPE, b"")[:1] == bytes([_ACK])


def ack_filter(address: IPv4Address) -> bytes:
    """Lets through IP packets (no Ethernet head) for port 68 of the address: the answer's way by `lo`."""
    return frame_filter(
        OneOf(0, 1, [0x45]), OneOf(9, 1, [packet.UDP]), OneOf(16, 4, [int(address)]),
        OneOf(IP_HEAD + 2, 2, [CLIENT_PORT]),
    )


def server_traffic_filter() -> bytes:
    """Lets through IP packets (no Ethernet head) from port 67: a DHCP server speaks to somebody."""
    return frame_filter(OneOf(0, 1, [0x45]), OneOf(9, 1, [packet.UDP]), OneOf(IP_HEAD, 2, [SERVER_PORT]))
