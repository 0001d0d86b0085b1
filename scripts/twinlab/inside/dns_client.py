#!/usr/bin/env python3
"""A client that asks name servers over and over: dns_client.py NAME SERVER ...

Sends one question (RFC 1035 section 4.1) to each server every `--every` seconds, whether or not earlier ones
were answered: the first answer after an outage comes as soon as one can. Lines on stdout:
    <time> answer <server> <seconds since its question>
    <time> resolved <seconds>     with --resolver: the system's own resolver, once after the other
"""

import argparse
import contextlib
import select
import socket
import struct
import sys
import threading
import time


def query(number: int, name: str) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.strip(".").split("."))
    return struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)


def is_good_reply(packet: bytes, number: int) -> bool:
    """A good answer to this question, with records."""
    if len(packet) < 12:
        return False
    said, flags, _, records = struct.unpack_from(">4H", packet)
    return bool(said == number and flags & 0x800F == 0x8000 and records > 0)


def resolve(name: str) -> None:
    while True:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            socket.gethostbyname(name)
            print(f"{time.time():.4f} resolved {time.monotonic() - began:.4f}", flush=True)
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("servers", nargs="+")
    parser.add_argument("--every", type=float, default=0.01, help="seconds between two questions")
    parser.add_argument("--resolver", action="store_true", help="ask by the system's resolver as well")
    args = parser.parse_args()
    if args.resolver:
        threading.Thread(target=resolve, args=(args.name,), daemon=True).start()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sent: dict[tuple[str, int], float] = {}
    number, due = 0, time.monotonic()
    while True:
        now = time.monotonic()
        if now >= due:
            number = number % 65535 + 1
            for server in args.servers:
                with contextlib.suppress(OSError):  # no route, or nobody answers ARP
                    sock.sendto(query(number, args.name), (server, 53))
                sent[server, number] = now
            due = max(due + args.every, now)
        if select.select([sock], [], [], max(0.0, due - time.monotonic()))[0]:
            with contextlib.suppress(OSError):
                packet, (server, _) = sock.recvfrom(1500)
                asked = int.from_bytes(packet[:2], "big")
                began = sent.pop((server, asked), None)
                if began is not None and is_good_reply(packet, asked):
                    print(f"{time.time():.4f} answer {server} {time.monotonic() - began:.4f}", flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        main()
    sys.exit(0)
