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
import struct
import sys
import time

ETH_IP = 0x0800
MAGIC = bytes.fromhex("63825363")


def checksum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return int(~total & 0xFFFF)


def discover(source: bytes, chaddr: bytes, xid: int) -> bytes:
    """A whole Ethernet frame with one DHCPDISCOVER (RFC 2131 section 2, table 1)."""
    bootp = struct.pack("!4BIHH", 1, 1, 6, 0, xid, 0, 0x8000) + bytes(16)
    bootp += chaddr.ljust(16, b"\0") + bytes(192) + MAGIC
    bootp += bytes([53, 1, 1, 55, 5, 1, 3, 6, 66, 67, 255])
    udp = struct.pack("!HHHH", 68, 67, 8 + len(bootp), 0) + bootp
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return b"\xff" * 6 + source + struct.pack("!H", ETH_IP) + head + udp


def offer(frame: bytes, xid: int) -> dict[str, str] | None:
    """The OFFER in this frame that answers `xid`, or None."""
    ip = frame[14:]
    if len(ip) < 28 or ip[9] != 17:
        return None
    udp = ip[(ip[0] & 15) * 4 :]
    if struct.unpack("!HH", udp[:4]) != (67, 68):
        return None
    bootp = udp[8:]
    if len(bootp) < 240 or bootp[0] != 2 or bootp[4:8] != xid.to_bytes(4, "big") or bootp[236:240] != MAGIC:
        return None
    options: dict[int, bytes] = {}
    at = 240
    while at + 1 < len(bootp) and bootp[at] != 255:
        if bootp[at] == 0:
            at += 1
            continue
        options[bootp[at]] = bootp[at + 2 : at + 2 + bootp[at + 1]]
        at += 2 + bootp[at + 1]
    if options.get(53) != b"\x02":
        return None
    server = options.get(54, b"")
    name = bootp[108:236].split(b"\0")[0] or options.get(67, b"").split(b"\0")[0]
    return {
        "server_id": socket.inet_ntoa(server) if len(server) == 4 else "",
        "source": socket.inet_ntoa(ip[12:16]),
        "mac": frame[6:12].hex(":"),
        "address": socket.inet_ntoa(bootp[16:20]),
        "next_server": socket.inet_ntoa(bootp[20:24]),
        "file": name.decode("ascii", "replace"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--interface", default="eth0")
    parser.add_argument("--mac", help="client hardware address to ask for (default: a random one)")
    parser.add_argument("--wait", type=float, default=1.0, help="seconds to collect offers of one DISCOVER")
    parser.add_argument("--every", type=float, help="seconds between two DISCOVERs (default: --wait)")
    parser.add_argument("--count", type=int, default=1, help="DISCOVERs to send; 0: until stopped")
    args = parser.parse_args()
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_IP))
    sock.bind((args.interface, ETH_IP))
    # the other's answer goes to the broadcast address or to chaddr, which may not be ours: take all
    SOL_PACKET, ADD_MEMBERSHIP, PROMISC = 263, 1, 1
    member = struct.pack("iHH8s", socket.if_nametoindex(args.interface), PROMISC, 0, b"")
    sock.setsockopt(SOL_PACKET, ADD_MEMBERSHIP, member)
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
            self.sock.send(discover(self.own, chaddr, xid))

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
