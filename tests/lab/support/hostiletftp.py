"""Runs in a client of the lab: speaks TFTP wrongly to one address, by its own name and by others'.

Usage: hostiletftp.py ADDRESS FIRST_SPOOFED. Until it is ended: read requests of files that are there, are
not there and have odd names and options; acknowledgements of odd blocks to odd ports. A half of all claims
to come from one of 70 addresses from FIRST_SPOOFED on, which need not exist. /ready says that it has begun.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import sys
import time
from ipaddress import IPv4Address

FILE = b"trees/rh9/big.bin"
PER_TURN, PAUSE_S = 20, 0.01


def datagram(source: IPv4Address, port: int, target: IPv4Address, target_port: int, payload: bytes) -> bytes:
    """An IPv4 packet; the kernel fills in what is 0 (raw(7)), and UDP needs no checksum (RFC 768)."""
    udp = struct.pack(">HHHH", port, target_port, 8 + len(payload), 0) + payload
    head = 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0
    return struct.pack(">BBHHHBBH4s4s", *head, source.packed, target.packed) + udp


def request(draw: random.Random) -> bytes:
    out = b"../" * 100 + b"etc/passwd"
    name = draw.choice([FILE, FILE, FILE, b"trees/none", out, draw.randbytes(400), b""])
    mode = draw.choice([b"octet", b"octet", b"OCTET", b"netascii", b"", b"x" * 300])
    block = draw.choice([b"512", b"1408", b"8", b"65464", b"0", b"-1", b"9" * 200])
    more = b"blksize\0" + block + b"\0" if draw.random() < 0.5 else b""
    return b"\0\1" + name + b"\0" + mode + b"\0" * draw.choice([1, 1, 1, 0]) + more


def random_datagram(draw: random.Random) -> tuple[int, bytes]:
    """To which port, and what."""
    if draw.random() < 0.5:
        return 69, request(draw)
    block = draw.choice([0, 0, 1, 32767, 32768, 65535, draw.randrange(65536)])
    words = struct.pack(">HH", draw.choice([4, 4, 4, 5, 3, 9]), block)
    return draw.choice([69, draw.randrange(1024, 65536)]), words


def main(target: IPv4Address, spoofed: IPv4Address) -> None:
    draw = random.Random(2008)
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.connect((str(target), 69))
    mine = IPv4Address(own.getsockname()[0])
    with open("/ready", "w"):
        pass
    while True:
        for _ in range(PER_TURN):
            source = mine if draw.random() < 0.5 else spoofed + draw.randrange(70)
            port, words = random_datagram(draw)
            with contextlib.suppress(OSError):
                packet = datagram(source, draw.randrange(1024, 65536), target, port, words)
                raw.sendto(packet, (str(target), 0))
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main(IPv4Address(sys.argv[1]), IPv4Address(sys.argv[2]))
