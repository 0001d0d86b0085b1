#!/usr/bin/env python3
"""A crowd of HTTP clients: opens so many connections as fast as it can, and reads a range on each, slowly.

    crowd.py ADDRESS PATH --clients 4000 --bytes 131072 --until FILE

A client reads some bytes, a pause, some bytes; once FILE is there all read on without a pause. Its TCP is the
kernel's own (connect(2), SYN repeated by the kernel), and it neither repeats a request nor opens a second
connection. Progress lines on stdout: {"t", "begun", "established", "answered", "whole", ...}, the last one
with "over". What became of each connection:
    whole      all bytes of the range came; "digests" counts the different contents (it must be one)
    reset      an established connection broke with ECONNRESET (or EPIPE)
    refused    ECONNREFUSED or ECONNRESET before the connection was established
    status     another status than 206
    short      the connection ended before the last byte
    waiting    none of these when the time was over
"""

import argparse
import errno
import hashlib
import json
import resource
import selectors
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RECEIVE_BUFFER_BYTES = 4096
SIP_BYTES = 1024
TOLD_EVERY_S = 0.1
AT_ONCE = 100
"""So many connects between two looks at what came."""


@dataclass(eq=False)
class Client:
    sock: socket.socket
    established: bool = False
    head: bytes = b""
    body: int = -1
    """Bytes of the body that came; -1 while the head is not complete."""
    digest: Any = field(default_factory=hashlib.sha256)
    sips: int = 0


class Crowd:
    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.selector = selectors.EpollSelector()
        self.clients: set[Client] = set()
        self.resting: list[Client] = []
        self.counts: Counter[str] = Counter()
        self.digests: Counter[str] = Counter()
        self.request = (f"GET {args.path} HTTP/1.1\r\nHost: {args.address}\r\n"
                        f"Range: bytes=0-{args.bytes - 1}\r\nConnection: close\r\n\r\n").encode()
        self.go = False

    def begin(self) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        client = Client(sock)
        self.counts["begun"] += 1
        code = sock.connect_ex((self.args.address, self.args.port))
        self.clients.add(client)
        self.selector.register(sock, selectors.EVENT_WRITE, client)
        if code not in (0, errno.EINPROGRESS):
            self.end(client, "refused")

    def end(self, client: Client, what: str) -> None:
        self.counts[what] += 1
        self.clients.discard(client)
        try:
            self.selector.unregister(client.sock)
        except KeyError:
            self.resting = [one for one in self.resting if one is not client]
        client.sock.close()

    def go_on(self, client: Client) -> None:
        sock = client.sock
        try:
            if not client.established:
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code:
                    self.end(client, errno.errorcode.get(code, str(code)).lower()
                             if code == errno.ETIMEDOUT else "refused")
                    return
                client.established = True
                self.counts["established"] += 1
                sock.send(self.request)
                self.selector.modify(sock, selectors.EVENT_READ, client)
                return
            data = sock.recv(65536 if self.go else SIP_BYTES)
        except BlockingIOError:
            return
        except OSError as exc:
            self.end(client, "reset" if exc.errno in (errno.ECONNRESET, errno.EPIPE) else
                     errno.errorcode.get(exc.errno or 0, "fault").lower())
            return
        self.take(client, data)

    def take(self, client: Client, data: bytes) -> None:
        if not data:
            self.end(client, "short")
            return
        if client.body < 0:
            client.head += data
            head, found, rest = client.head.partition(b"\r\n\r\n")
            if not found:
                return
            if head.split(b" ", 2)[1:2] != [b"206"]:
                self.end(client, "status")
                return
            self.counts["answered"] += 1
            client.body, data = 0, rest
        client.body += len(data)
        client.digest.update(data)
        if client.body >= self.args.bytes:
            self.digests[client.digest.hexdigest()] += 1
            self.end(client, "whole")
        elif not self.go:
            self.selector.unregister(client.sock)
            self.resting.append(client)

    def wake(self) -> None:
        """All that rest read on."""
        for client in self.resting:
            self.selector.register(client.sock, selectors.EVENT_READ, client)
        self.resting = []

    def tell(self, **more: object) -> None:
        told = {"t": round(time.time(), 3), **self.counts, "waiting": len(self.clients),
                "digests": len(self.digests), **more}
        print(json.dumps(told), flush=True)

    def run(self) -> None:
        begun = time.monotonic()
        told = woken = 0.0
        while time.monotonic() < begun + self.args.seconds:
            room = self.args.clients - self.counts["begun"]
            for _ in range(min(AT_ONCE, room)):
                self.begin()
            for key, _ in self.selector.select(0 if room > AT_ONCE else 0.02):
                self.go_on(key.data)
            now = time.monotonic()
            self.go = self.go or Path(self.args.until).exists()
            if self.go or now >= woken + self.args.pause:
                self.wake()
                woken = now
            if now >= told + TOLD_EVERY_S:
                self.tell()
                told = now
            if self.counts["begun"] == self.args.clients and not self.clients:
                break
        self.tell(over=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address")
    parser.add_argument("path")
    parser.add_argument("--port", type=int, default=80)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--bytes", type=int, default=131072)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two sips of a client")
    parser.add_argument("--until", default="/go", help="when this file is there, all read on")
    parser.add_argument("--seconds", type=float, default=180.0, help="what is not over then is `waiting`")
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    Crowd(args).run()


if __name__ == "__main__":
    main()
