"""What every DHCP message is made of: BOOTP with options, in UDP, in IP, in an Ethernet frame.

RFC 2131 section 2, RFC 2132; checksums of RFC 1071. Which messages there are is dhcp's and dhcpinform's.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

SERVER_PORT, CLIENT_PORT = 67, 68
UDP = 17
COOKIE = bytes.fromhex("63825363")
REQUESTED_ADDRESS, MESSAGE_TYPE, SERVER_ID, PARAMETERS, END = 50, 53, 54, 55, 255
ETH_HEAD, IP_HEAD, UDP_HEAD, BOOTP = 14, 20, 8, 236
"""Bytes of each part; BOOTP without the cookie."""
SHORTEST = 300
"""RFC 1542 section 2.1: servers may drop a shorter message."""
_PAD = 0
_ETH_P_IP = 0x0800
_TTL = 64


def options(data: bytes) -> dict[int, bytes]:
    """The options behind the cookie, by number; what is cut off ends them."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 1 < len(data) and data[at] != END:
        if data[at] == _PAD:
            at += 1
            continue
        found[data[at]] = data[at + 2:at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return found


def to_server(
    message: bytes, *, source: IPv4Address, target: IPv4Address, source_mac: bytes, target_mac: bytes,
    udp_checksum: bool,
) -> bytes:
    """The Ethernet frame with a client's message, filled up to what no server drops."""
    message = message.ljust(SHORTEST, b"\0")
    length = UDP_HEAD + len(message)
    checked = 0
    if udp_checksum:
        pseudo = source.packed + target.packed + struct.pack(">BBH", 0, UDP, length)
        udp = struct.pack(">HHHH", CLIENT_PORT, SERVER_PORT, length, 0) + message
        checked = checksum(pseudo + udp) or 0xFFFF
    udp = struct.pack(">HHHH", CLIENT_PORT, SERVER_PORT, length, checked) + message
    head = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, IP_HEAD + length, 0, 0, _TTL, UDP, 0, source.packed, target.packed)
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    return target_mac + source_mac + struct.pack(">H", _ETH_P_IP) + head + udp


def checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
