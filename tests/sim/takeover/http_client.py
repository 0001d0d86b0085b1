"""A client by HTTP: asks for files one after the other or ahead, in parts or whole."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import Any

from .clients import NOT_FOUND, Download, End, Program
from .files import Files
from .kernel import Kernel


class HttpClient(Program):
    """GETs one file after the other on one connection, up to `ahead` requests before their answers."""

    def __init__(
        self,
        kernel: Kernel,
        server: IPv4Address,
        files: Files,
        downloads: tuple[Download, ...],
        *,
        ahead: int = 1,
        closes: bool = False,
        padding: int = 0,
        **pace: Any,
    ) -> None:
        """closes: the last request asks the server to close. padding: bytes of a header that nobody reads."""
        super().__init__(kernel, server, files, **pace)
        self._downloads, self._ahead, self._closes = downloads, ahead, closes
        self._padding = padding
        self._asked = self._answered = 0
        self._in = bytearray()
        self._body: memoryview | None = None
        self._conn = kernel.connect(next(iter(kernel.addresses)), 0, server, 80)
        self._conn.on_event = self.wake

    def work(self) -> None:
        conn = self._conn
        self._in += self.read(conn)
        self._parse()
        if self._answered == len(self._downloads):
            if self._in:
                self.wrong(f"{len(self._in)} bytes after the last answer")
            if not self._closes or conn.ended:
                conn.close()
                self.finish(End.DONE)
                return
        if conn.error:
            self.finish(End.RESET, "connection reset")
            return
        if conn.ended and not conn.inbox:
            self.wrong(f"closed in answer {self._answered + 1} of {len(self._downloads)}")
        if conn.established:
            self._ask()

    def _ask(self) -> None:
        while self._asked < min(len(self._downloads), self._answered + self._ahead):
            one = self._downloads[self._asked]
            self._asked += 1
            last = self._asked == len(self._downloads)
            head = b"GET %s HTTP/1.1\r\nHost: install\r\n" % one.path
            head += b"X-Padding: %s\r\n" % (b"p" * self._padding) if self._padding else b""
            head += b"Range: bytes=%d-\r\n" % one.start if one.start else b""
            head += b"Connection: close\r\n" if last and self._closes else b""
            self._conn.write(head + b"\r\n")

    def _parse(self) -> None:
        while self._answered < len(self._downloads):
            if self._body is None:
                head, end, rest = bytes(self._in).partition(b"\r\n\r\n")
                if not end:
                    if self._in and not b"HTTP/1.1 ".startswith(self._in[:9]):
                        self.wrong(f"no head: {bytes(self._in[:40])!r}")
                    return
                self._in = bytearray(rest)
                self._body = self._expected(head)
            size = min(len(self._in), len(self._body))
            if self._in[:size] != self._body[:size]:
                self.wrong(f"other bytes in answer {self._answered + 1}, {len(self._body)} from its end")
            self.received += size
            del self._in[:size]
            self._body = self._body[size:]
            if self._body:
                return
            self._body = None
            self._answered += 1

    def _expected(self, head: bytes) -> memoryview:
        one = self._downloads[self._answered]
        found = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        if found is None or length is None or self._answered >= self._asked:
            self.wrong(f"not an answer: {head[:60]!r}")
            return memoryview(b"")
        data = self.files.content.get(one.path)
        if data is None:
            if int(found[1]) != NOT_FOUND:
                self.wrong(f"{int(found[1])} for a file that is not there")
            return memoryview(b"<html>\r\n<head><title>404 Not Found</title></head>\r\n</html>\r\n")
        wanted = 206 if one.start else 200
        if int(found[1]) != wanted or int(length[1]) != len(data) - one.start:
            self.wrong(f"{int(found[1])} with {int(length[1])} bytes for {one.path!r} from {one.start}")
        return memoryview(data)[one.start :]
