#!/usr/bin/env python3
"""A bad cable: carries frames between a network interface and a bridge, and loses, delays, doubles some.

Stands in for netem (tc-netem(8)), which not every kernel has: relay.py INTERFACE BRIDGE. Takes the
interface out of the bridge, puts a tap device in its place and carries each frame, in both directions,
with its own random delay, so that they overtake each other. Puts the interface back on SIGTERM. Both
sides pass the kernel's virtio-net header on unread (packet(7) PACKET_VNET_HDR, IFF_VNET_HDR), so that
unfinished checksums and large segments stay what they are.
"""

import argparse
import contextlib
import fcntl
import heapq
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time

ETH_P_ALL = 3
SOL_PACKET, PACKET_VNET_HDR = 263, 15
TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x400454CA, 2, 0x1000, 0x4000
LARGEST = 1 << 17
QUEUE = 20_000


def ip(*words: str) -> None:
    subprocess.run(("ip", "link", *words), check=True)


def tap(name: str) -> int:
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    return fd


def raw(interface: str) -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
    sock.bind((interface, ETH_P_ALL))
    sock.setblocking(False)
    return sock


class Relay:
    """Frames wait in `due`, a heap of (time, number, whether they go to the bridge, frame)."""

    def __init__(self, cable: socket.socket, bridge: int, args: argparse.Namespace) -> None:
        self.cable, self.bridge = cable, bridge
        self.loss, self.duplicate = args.loss / 100, args.duplicate / 100
        self.jitter_s = args.jitter / 1000
        self.due: list[tuple[float, int, bool, bytes]] = []
        self.number = 0

    def take(self, frame: bytes, *, to_bridge: bool) -> None:
        for _ in range(2 if random.random() < self.duplicate else 1):
            if random.random() >= self.loss and len(self.due) < QUEUE:
                self.number += 1
                at = time.monotonic() + random.random() * self.jitter_s
                heapq.heappush(self.due, (at, self.number, to_bridge, frame))

    def read(self) -> None:
        """Take what has come, some of each side."""
        with contextlib.suppress(BlockingIOError):
            for _ in range(64):
                frame, address = self.cable.recvfrom(LARGEST)
                if address[2] != socket.PACKET_OUTGOING:
                    self.take(frame, to_bridge=True)
        with contextlib.suppress(BlockingIOError):
            for _ in range(64):
                self.take(os.read(self.bridge, LARGEST), to_bridge=False)

    def deliver(self) -> float:
        """Send what is due; seconds until the next frame is."""
        while self.due:
            wait = self.due[0][0] - time.monotonic()
            if wait > 0:
                return min(wait, 0.5)
            _, _, to_bridge, frame = heapq.heappop(self.due)
            # a cable that is down, a full queue: the frame is lost
            with contextlib.suppress(OSError):
                if to_bridge:
                    os.write(self.bridge, frame)
                else:
                    self.cable.send(frame)
        return 0.5

    def run(self) -> None:
        while True:
            wait = self.deliver()
            select.select([self.cable.fileno(), self.bridge], [], [], wait)
            self.read()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("interface")
    parser.add_argument("bridge")
    parser.add_argument("--loss", type=float, default=0, help="percent of the frames, each way")
    parser.add_argument("--jitter", type=float, default=0, help="milliseconds: a delay of 0 to so much")
    parser.add_argument("--duplicate", type=float, default=0, help="percent of the frames")
    args = parser.parse_args()
    name = f"bad{socket.if_nametoindex(args.interface)}"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    bridge, cable = tap(name), raw(args.interface)
    ip("set", name, "master", args.bridge, "up")
    # NOARP: the host itself must not answer for its other addresses on this end
    ip("set", args.interface, "nomaster", "arp", "off")
    try:
        print("carrying", flush=True)
        Relay(cable, bridge, args).run()
    finally:
        ip("set", args.interface, "master", args.bridge, "arp", "on")


if __name__ == "__main__":
    main()
