"""The two directions of one HTTP connection, as an HttpTracker sees them."""

from __future__ import annotations

from segments import cut
from twinboot.takeover.logic.protocols.http import HttpTracker
from twinboot.takeover.logic.tcp import seq
from twinboot.takeover.logic.tcp.reassembly import Reassembler

START = 0xFFFFFFF0  # the server's numbers wrap soon
DATE = "Last-Modified: Sun, 22 Nov 2026 20:00:00 GMT\r\n"
MODIFIED = 1795377600


def request(path: str = "/trees/rh9/big.bin", more: str = "", method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: 192.168.0.253\r\n{more}\r\n".encode()


def head(status: str = "200 OK", more: str = "Content-Length: 62914560\r\n") -> bytes:
    return f"HTTP/1.1 {status}\r\nServer: nginx\r\n{DATE}{more}\r\n".encode()


class Wire:
    def __init__(self) -> None:
        self.tracker = HttpTracker(Reassembler(7), START)
        self.up, self.down = 7, 0

    def ask(self, data: bytes, cuts: tuple[int, ...] = ()) -> None:
        for part in cut(data, cuts):
            self.tracker.from_client(self.up, part, len(part))
            self.up += len(part)

    def answer(self, data: bytes, unseen: int = 0) -> None:
        """The segment that begins with data; `unseen` bytes come in others."""
        self.tracker.from_server(seq.at(START, self.down), data)
        self.down += len(data) + unseen
