#!/usr/bin/env python3
"""Answers the machine's IPv6 router solicitations: "no router, no addresses here" (RFC 4861, 4.2 and 6.2.6).

iPXE asks for IPv4 and IPv6 at once and waits about 13 s for a router before it goes on with the IPv4
lease that it already has. An advertisement with lifetime 0 and no prefix ends that at once and gives
nobody an address or a route. It is sent to the machine's own tap only, never to the network.

usage: ra_responder.py TAP
"""

from __future__ import annotations

import socket
import struct
import sys

ETH_IPV6 = 0x86DD
ICMPV6 = 58
ROUTER_SOLICITATION = 133
ROUTER_ADVERTISEMENT = 134
ROUTER_MAC = bytes.fromhex("020000007262")
ROUTER = socket.inet_pton(socket.AF_INET6, "fe80::7262")
ALL_NODES = socket.inet_pton(socket.AF_INET6, "ff02::1")
PACKET_OUTGOING = 4


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def advertisement(target_mac: bytes) -> bytes:
    """An Ethernet frame with an empty router advertisement for one machine."""
    icmp = struct.pack("!BBHBBHII", ROUTER_ADVERTISEMENT, 0, 0, 64, 0, 0, 0, 0)
    icmp += struct.pack("!BB6s", 1, 1, ROUTER_MAC)  # option: source link-layer address
    pseudo = ROUTER + ALL_NODES + struct.pack("!I3xB", len(icmp), ICMPV6)
    icmp = icmp[:2] + struct.pack("!H", checksum(pseudo + icmp)) + icmp[4:]
    header = struct.pack("!IHBB", 6 << 28, len(icmp), ICMPV6, 255) + ROUTER + ALL_NODES
    return target_mac + ROUTER_MAC + struct.pack("!H", ETH_IPV6) + header + icmp


def is_solicitation(frame: bytes) -> bool:
    return len(frame) > 54 and frame[20] == ICMPV6 and frame[54] == ROUTER_SOLICITATION


def main(interface: str) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_IPV6)) as packets:
        packets.bind((interface, ETH_IPV6))
        while True:
            frame, address = packets.recvfrom(2048)
            if address[2] != PACKET_OUTGOING and is_solicitation(frame):
                packets.send(advertisement(frame[6:12]))


if __name__ == "__main__":
    main(sys.argv[1])
