#!/usr/bin/env python3
"""Sends UDP datagrams at a steady rate, under any source address: what a hostile machine on the LAN can.

The payloads come in a file, one a line in hexadecimal, and are sent one after the other, over and over.
With --source the IP header is our own (raw(7), IP_HDRINCL); the kernel fills in its checksum, and finds
the way and the hardware address of the target. Prints one JSON line at the end.
"""

import argparse
import json
import socket
import struct
import time
from pathlib import Path

STEP_S = 0.002
CATCH_UP_S = 0.05
"""A generator that had to wait does not send all that it missed at once."""


def datagram(source: str, target: str, port: int, payload: bytes) -> bytes:
    """IP and UDP header and payload; no UDP checksum (RFC 768: zero means none)."""
    udp = struct.pack("!HHHH", port, port, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                       socket.inet_aton(source), socket.inet_aton(target))
    return head + udp


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("payloads", type=Path)
    parser.add_argument("--to", required=True)
    parser.add_argument("--port", type=int, default=694)
    parser.add_argument("--source", help="address to send from (default: our own, from any port)")
    parser.add_argument("--rate", type=float, default=10_000, help="a second")
    parser.add_argument("--seconds", type=float, default=20)
    args = parser.parse_args()
    payloads = [bytes.fromhex(line) for line in args.payloads.read_text().split()]
    if args.source:
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        packets = [datagram(args.source, args.to, args.port, payload) for payload in payloads]
    else:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        packets = payloads
    sent = 0
    owed = 0.0
    begun = last = time.monotonic()
    while (now := time.monotonic()) - begun < args.seconds:
        owed = owed % 1 + min(now - last, CATCH_UP_S) * args.rate
        for _ in range(int(owed)):
            sock.sendto(packets[sent % len(packets)], (args.to, args.port))
            sent += 1
        last = now
        time.sleep(STEP_S)
    print(json.dumps({"sent": sent, "seconds": round(time.monotonic() - begun, 2)}))


if __name__ == "__main__":
    main()
