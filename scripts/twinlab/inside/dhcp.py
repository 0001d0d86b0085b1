"""DHCP as a client's packets, for the instruments beside it: frames made and read by hand (RFC 2131).

No socket options but those of `listening`; no state, no clock.
"""

import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

MAGIC = bytes.fromhex("63825363")
BROADCAST = b"\xff" * 6
NOBODY, EVERYBODY = bytes(4), b"\xff" * 4
DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6
_ETH_ALL, _ETH_IP = 3, 0x0800
_SOL_PACKET, _ADD_MEMBERSHIP, _PROMISC = 263, 1, 1


def open_packet_socket(interface: str, *, ip_only: bool = True) -> socket.socket:
    """A raw socket that hears answers to any hardware address."""
    protocol = _ETH_IP if ip_only else _ETH_ALL
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    sock.bind((interface, protocol))
    member = struct.pack("iHH8s", socket.if_nametoindex(interface), _PROMISC, 0, b"")
    sock.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, member)
    return sock


def checksum(data: bytes) -> int:
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return int(~total & 0xFFFF)


def frame(
    source_mac: bytes, bootp: bytes, *, target_mac: bytes = BROADCAST, source: bytes = NOBODY,
    target: bytes = EVERYBODY,
) -> bytes:
    """An Ethernet frame from a client to a server."""
    udp = struct.pack("!HHHH", 68, 67, 8 + len(bootp), 0) + bootp
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, source, target)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return target_mac + source_mac + struct.pack("!H", _ETH_IP) + head + udp


def message(
    kind: int, mac: bytes, xid: int, *, ciaddr: bytes = NOBODY, giaddr: bytes = NOBODY,
    broadcast: bool = True, options: Sequence[tuple[int, bytes]] = (),
) -> bytes:
    """What a client says (RFC 2131 section 2, figure 1; options: RFC 2132). giaddr: a relay's."""
    head = struct.pack("!4BIHH", 1, 1, 6, 0, xid, 0, 0x8000 if broadcast else 0)
    text = head + ciaddr + bytes(8) + giaddr
    text += mac.ljust(16, b"\0") + bytes(192) + MAGIC + bytes([53, 1, kind])
    for code, value in options:
        text += bytes([code, len(value)]) + value
    return text + b"\xff"


@dataclass(frozen=True)
class DhcpReply:
    """What a server says. source, source_ip: its own addresses, when the whole frame was seen."""

    kind: int
    xid: int
    mac: bytes
    address: bytes
    next_server: bytes
    file: str
    server: bytes
    source: bytes = b""
    source_ip: bytes = b""


def reply_in_frame(raw: bytes) -> DhcpReply | None:
    """The DHCP server's answer in an Ethernet frame, or None."""
    ip = raw[14:]
    if len(ip) < 28 or raw[12:14] != b"\x08\x00" or ip[9] != 17:
        return None
    udp = ip[(ip[0] & 15) * 4:]
    if udp[:4] != struct.pack("!HH", 67, 68):
        return None
    found = reply_in_datagram(udp[8:])
    return replace(found, source=raw[6:12], source_ip=ip[12:16]) if found is not None else None


def reply_in_datagram(text: bytes) -> DhcpReply | None:
    """The DHCP server's answer in a datagram, or None."""
    if len(text) < 240 or text[0] != 2 or text[236:240] != MAGIC:
        return None
    options: dict[int, bytes] = {}
    at = 240
    while at + 1 < len(text) and text[at] != 255:
        if text[at] == 0:
            at += 1
            continue
        options[text[at]] = text[at + 2:at + 2 + text[at + 1]]
        at += 2 + text[at + 1]
    name = text[108:236].split(b"\0")[0] or options.get(67, b"").split(b"\0")[0]
    return DhcpReply(
        options.get(53, b"\0")[0], int.from_bytes(text[4:8], "big"), text[28:34], text[16:20], text[20:24],
        name.decode("ascii", "replace"), options.get(54, NOBODY),
    )
