#!/usr/bin/env python3
"""Counts DHCP servers: sends a DHCPDISCOVER and prints every OFFER that comes, one JSON line each.

An ordinary client takes the first offer and hides the others; two DHCP servers on one LAN would go
unseen. Frames are made and read by hand on AF_PACKET (RFC 2131 section 4.1: broadcast flag set, from
0.0.0.0 to 255.255.255.255). No REQUEST follows, so no lease is taken.
"""

import argparse
import contextlib
import json
import os
import select
import socket
import sys
import time

from dhcp import DISCOVER, OFFER, frame, message, open_packet_socket, reply_in_frame

PARAMETERS = bytes([1, 3, 6, 66, 67])


def discover(source: bytes, chaddr: bytes, xid: int, args: argparse.Namespace) -> bytes:
    """A whole Ethernet frame with one DHCPDISCOVER (RFC 2131 section 2, table 1)."""
    options = [(55, PARAMETERS)]
    for code, _, value in (one.partition(":") for one in args.option):
        options.append((int(code), bytes.fromhex(value)))
    said = message(DISCOVER, chaddr, xid, giaddr=socket.inet_aton(args.relay), options=options)
    return frame(source, said, target_mac=bytes.fromhex(args.to.replace(":", "")))


def offer(raw: bytes, xid: int) -> dict[str, str] | None:
    """The OFFER in this frame that answers `xid`, or None."""
    found = reply_in_frame(raw)
    if found is None or found.xid != xid or found.kind != OFFER:
        return None
    return {
        "server_id": socket.inet_ntoa(found.server) if any(found.server) else "",
        "source": socket.inet_ntoa(found.source_ip),
        "mac": found.source.hex(":"),
        "address": socket.inet_ntoa(found.address),
        "next_server": socket.inet_ntoa(found.next_server),
        "file": found.file,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--interface", default="eth0")
    parser.add_argument("--mac", help="client hardware address to ask for (default: a random one)")
    parser.add_argument("--wait", type=float, default=1.0, help="seconds to collect offers of one DISCOVER")
    parser.add_argument("--every", type=float, help="seconds between two DISCOVERs (default: --wait)")
    parser.add_argument("--count", type=int, default=1, help="DISCOVERs to send; 0: until stopped")
    parser.add_argument("--option", action="append", default=[], help="CODE:HEX, such as 93:0007")
    parser.add_argument("--to", default="ff:ff:ff:ff:ff:ff", help="the one host that is to hear it")
    parser.add_argument("--relay", default="0.0.0.0", help="giaddr: the relay agent that it came by")
    args = parser.parse_args()
    # the other's answer goes to the broadcast address or to chaddr, which may not be ours: it hears all
    sock = open_packet_socket(args.interface)
    Counter(sock, args).run()


class Counter:
    """Sends and listens at once: an OFFER belongs to the DISCOVER whose transaction id it carries."""

    def __init__(self, sock: socket.socket, args: argparse.Namespace) -> None:
        self.sock, self.args = sock, args
        self.own = sock.getsockname()[4]
        self.number = 0
        self.open: dict[int, tuple[int, float, list[dict[str, object]]]] = {}

    def ask(self) -> None:
        self.number += 1
        mac = self.args.mac
        chaddr = bytes.fromhex(mac.replace(":", "")) if mac else b"\x52\x54\x01" + os.urandom(3)
        xid = int.from_bytes(os.urandom(4), "big")
        self.open[xid] = (self.number, time.time(), [])
        with contextlib.suppress(OSError):  # its own cable may be down
            self.sock.send(discover(self.own, chaddr, xid, self.args))

    def hear(self, frame: bytes) -> None:
        now = time.time()
        for xid, (_, sent, offers) in self.open.items():
            found = offer(frame, xid)
            if found is not None:
                offers.append({"after_ms": round((now - sent) * 1000, 1), **found})

    def close(self) -> None:
        """Print every round whose time is over."""
        for xid, (number, sent, offers) in list(self.open.items()):
            if time.time() >= sent + self.args.wait:
                print(json.dumps({"time": sent, "number": number, "offers": offers}), flush=True)
                del self.open[xid]

    def run(self) -> None:
        count, every_s = self.args.count, self.args.every or self.args.wait
        due = time.monotonic()
        while self.open or count == 0 or self.number < count:
            if time.monotonic() >= due and (count == 0 or self.number < count):
                self.ask()
                due += every_s
            if select.select([self.sock], [], [], min(0.02, every_s))[0]:
                self.hear(self.sock.recv(2048))
            self.close()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
