#!/usr/bin/env python3
"""Asks the LAN who holds each of the given addresses, many times a second, and prints each answer.

Every `--every` seconds each address is asked for with an ARP probe (RFC 5227 section 2.1.1: sender
address 0.0.0.0, so nobody's cache is touched). Lines on stdout:
    <time> ask <number>                      one round of probes went out
    <time> arp <address> <mac> <number>      an answer, and the number of the probe that it answers
    <time> gratuitous <address> <mac>        an announcement seen (RFC 5227 section 2.3)
Times are seconds of the wall clock, which all containers of one machine share.

Each round asks with a sender hardware address of its own (in the ARP packet, not in the Ethernet header).
The answer carries it back, so a late answer is never taken for one to a later round: two machines are
two holders only when both answered one and the same frame.
"""

import argparse
import contextlib
import os
import select
import signal
import socket
import struct
import sys
import time

ETH_ARP = 0x0806
SOL_PACKET, ADD_MEMBERSHIP, PROMISC = 263, 1, 1
ROUND_MARK = b"\x02\x54"  # locally administered
OWN_MARK = os.urandom(2)  # answers reach every prober of the LAN: each knows its own


def probe(own: bytes, target: bytes, number: int) -> bytes:
    asker = ROUND_MARK + OWN_MARK + (number & 0xFFFF).to_bytes(2, "big")
    arp = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, asker, bytes(4), bytes(6), target)
    return b"\xff" * 6 + own + struct.pack("!H", ETH_ARP) + arp


class Prober:
    def __init__(self, interface: str, addresses: list[str]) -> None:
        self.arp = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ARP))
        self.arp.bind((interface, ETH_ARP))
        self.own = self.arp.getsockname()[4]
        # answers go to the hardware address asked with, which is not the interface's
        member = struct.pack("iHH8s", socket.if_nametoindex(interface), PROMISC, 0, b"")
        self.arp.setsockopt(SOL_PACKET, ADD_MEMBERSHIP, member)
        self.raw = {socket.inet_aton(a): a for a in addresses}
        self.number = 0

    def ask(self) -> None:
        self.number += 1
        print(f"{time.time():.4f} ask {self.number}")
        for raw in self.raw:
            self.arp.send(probe(self.own, raw, self.number))

    def read_arp(self) -> None:
        frame = self.arp.recv(128)
        now = time.time()
        if len(frame) < 42:
            return
        operation, mac, sender, asker = struct.unpack("!H6s4s6s", frame[20:38])
        address = self.raw.get(sender)
        if address is None or mac == self.own:
            return
        target = frame[38:42]
        if operation == 2 and asker[:2] == ROUND_MARK:
            if asker[2:4] == OWN_MARK:
                number = self.number - ((self.number - int.from_bytes(asker[4:], "big")) & 0xFFFF)
                print(f"{now:.4f} arp {address} {mac.hex(':')} {number}")
        elif target == sender:
            print(f"{now:.4f} gratuitous {address} {mac.hex(':')}")

    def run(self, every_s: float) -> None:
        due = time.monotonic()
        while True:
            wait = due - time.monotonic()
            if wait <= 0:
                self.ask()
                sys.stdout.flush()
                due = max(due + every_s, time.monotonic())
                continue
            if select.select([self.arp], [], [], wait)[0]:
                self.read_arp()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("addresses", nargs="+")
    parser.add_argument("--interface", default="eth0")
    parser.add_argument("--every", type=float, default=0.02, help="seconds between two rounds")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(OSError):  # a place in front; without the capability it goes without
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    Prober(args.interface, args.addresses).run(args.every)


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(130)
