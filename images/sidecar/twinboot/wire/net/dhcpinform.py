"""A DHCPINFORM of this server to its own DHCP server, and the answer (RFC 2131 section 4.3.5).

INFORM asks for parameters alone: no lease is given, kept or changed by it, and no file is written. The
frame is addressed to the interface's own hardware address. A DHCP server that listens by a packet
socket, as ISC dhcpd does, sees it on its way out, and no switch hands it on to anybody.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

from ...kernel.bpf import OneOf, frame_filter

SERVER_PORT, CLIENT_PORT = 67, 68
_ETH_P_IP = 0x0800
_UDP = 17
_COOKIE = bytes.fromhex("63825363")
_MESSAGE_TYPE, _PARAMETERS, _SERVER_ID, _END = 53, 55, 54, 255
_INFORM, _ACK = 8, 5
_BOOTP = struct.Struct(">BBBB4sHH4s4s4s4s16s64s128s4s")
_IP_HEAD = 20
_SHORTEST = 300
"""RFC 1542 section 2.1: servers may drop a shorter message."""


def frame(*, address: IPv4Address, mac: bytes, xid: bytes) -> bytes:
    """The Ethernet frame: from `address` to `address`, from `mac` to `mac`."""
    nobody = bytes(4)
    message = _BOOTP.pack(
        1, 1, 6, 0, xid, 0, 0, address.packed, nobody, nobody, nobody, mac, b"", b"", _COOKIE,
    ) + bytes([_MESSAGE_TYPE, 1, _INFORM, _PARAMETERS, 1, _SERVER_ID, _END])
    message = message.ljust(_SHORTEST, b"\0")
    length = 8 + len(message)
    pseudo = address.packed * 2 + struct.pack(">BBH", 0, _UDP, length)
    sum_of_udp = _checksum(pseudo + struct.pack(">HHHH", CLIENT_PORT, SERVER_PORT, length, 0) + message)
    udp = struct.pack(">HHHH", CLIENT_PORT, SERVER_PORT, length, sum_of_udp or 0xFFFF) + message
    head = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, _IP_HEAD + length, 0, 0, 64, _UDP, 0, address.packed, address.packed)
    head = head[:10] + struct.pack(">H", _checksum(head)) + head[12:]
    return mac * 2 + struct.pack(">H", _ETH_P_IP) + head + udp


def is_ack(packet: bytes, xid: bytes) -> bool:
    """Is the IP packet a DHCPACK to our question?"""
    message = packet[_IP_HEAD + 8:]
    if len(message) <= _BOOTP.size or message[0] != 2 or message[4:8] != xid:
        return False
    return message[_BOOTP.size - 4:_BOOTP.size] == _COOKIE and _message_type(message[_BOOTP.size:]) == _ACK


def ack_filter(address: IPv4Address) -> bytes:
    """Lets through IP packets (no Ethernet head) for port 68 of the address: the answer's way by `lo`."""
    return frame_filter(
        OneOf(0, 1, [0x45]), OneOf(9, 1, [_UDP]), OneOf(16, 4, [int(address)]),
        OneOf(_IP_HEAD + 2, 2, [CLIENT_PORT]),
    )


def server_traffic_filter() -> bytes:
    """Lets through IP packets (no Ethernet head) from port 67: a DHCP server speaks to somebody."""
    return frame_filter(OneOf(0, 1, [0x45]), OneOf(9, 1, [_UDP]), OneOf(_IP_HEAD, 2, [SERVER_PORT]))


def _message_type(options: bytes) -> int:
    at = 0
    while at + 2 < len(options) and options[at] != _END:
        if options[at] == 0:
            at += 1
        elif options[at] == _MESSAGE_TYPE:
            return options[at + 2]
        else:
            at += 2 + options[at + 1]
    return 0


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
