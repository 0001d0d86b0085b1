#!/usr/bin/env python3
"""A client that wants a small file from each address, over and over: http_client.py PATH ADDRESS ...

Begins one HTTP request (RFC 9110) to each address every `--every` seconds, whether or not earlier ones have
been answered, and gives each up after `--give-up-after`. So the first answer after an outage comes as soon as
one can: a single request would wait for its next SYN (RFC 6298: a second and more) and measure that.
Its ARP cache and its TCP are the kernel's own. Lines on stdout:
    <time> got <address> <seconds since the request was begun>    a whole answer, status 200
    <time> bad <address> <what>                                   refused, reset, another status
"""

import argparse
import contextlib
import errno
import os
import selectors
import signal
import socket
import sys
import time
from dataclasses import dataclass


@dataclass
class Visit:
    """One request under way."""

    address: str
    begun: float
    sent: bool = False
    heard: bytes = b""


class HttpClient:
    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.selector = selectors.DefaultSelector()
        self.visits: dict[socket.socket, Visit] = {}

    def begin(self, address: str) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        code = sock.connect_ex((address, self.args.port))
        if code not in (0, errno.EINPROGRESS):
            print(f"{time.time():.4f} bad {address} {errno.errorcode.get(code, code)}")
            sock.close()
            return
        self.visits[sock] = Visit(address, time.monotonic())
        self.selector.register(sock, selectors.EVENT_WRITE)

    def end(self, sock: socket.socket, what: str = "") -> None:
        visit = self.visits.pop(sock)
        self.selector.unregister(sock)
        sock.close()
        if what == "got":
            print(f"{time.time():.4f} got {visit.address} {time.monotonic() - visit.begun:.4f}")
        elif what:
            print(f"{time.time():.4f} bad {visit.address} {what}")

    def go_on(self, sock: socket.socket) -> None:
        visit = self.visits[sock]
        try:
            if not visit.sent:
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code:
                    raise OSError(code, os.strerror(code))
                head = f"GET {self.args.path} HTTP/1.1\r\nHost: {visit.address}\r\nConnection: close\r\n\r\n"
                sock.send(head.encode())
                visit.sent = True
                self.selector.modify(sock, selectors.EVENT_READ)
                return
            more = sock.recv(65536)
        except OSError as exc:
            self.end(sock, errno.errorcode.get(exc.errno or 0, "fault"))
            return
        visit.heard += more
        if not more:
            status = visit.heard.split(b"\r\n", 1)[0].split(b" ")
            self.end(sock, "got" if status[1:2] == [b"200"] else "status")

    def run(self) -> None:
        due = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= due:
                for address in self.args.addresses:
                    self.begin(address)
                for sock in [s for s, v in self.visits.items() if now - v.begun > self.args.give_up_after]:
                    self.end(sock)
                sys.stdout.flush()
                due = max(due + self.args.every, now)
            for key, _ in self.selector.select(max(0.0, due - time.monotonic())):
                assert isinstance(key.fileobj, socket.socket)
                self.go_on(key.fileobj)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path")
    parser.add_argument("addresses", nargs="+")
    parser.add_argument("--port", type=int, default=80)
    parser.add_argument("--every", type=float, default=0.02, help="seconds between two requests")
    parser.add_argument("--give-up-after", type=float, default=1.0, help="seconds until one is given up")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(OSError):  # a place in front; without the capability it goes without
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    HttpClient(args).run()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        main()
