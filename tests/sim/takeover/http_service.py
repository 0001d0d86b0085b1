"""What nginx does with a connection."""

from __future__ import annotations

import re
from email.utils import formatdate
from typing import Any

from twinboot.takeover.logic.protocols.http_heads import target_path

from .files import EPOCH, Files
from .kernel import Kernel
from .reactor import Reactor


class HttpConversation(Reactor):
    """One connection to nginx: requests in their order, each answer whole before the next."""

    def __init__(self, kernel: Kernel, conn: Any, files: Files) -> None:
        super().__init__(kernel)
        self._conn, self._files = conn, files
        self._asked = bytearray()
        self._answer = memoryview(b"")
        self._ends = False
        conn.on_event = self.wake
        self.wake()

    def work(self) -> None:
        try:
            self._work()
        except OSError:
            self._conn.close()

    def _work(self) -> None:
        while True:
            self._asked += self._conn.read(1 << 16)
            while self._answer:
                taken = self._conn.write(self._answer)
                self._answer = self._answer[taken:]
                if not taken:
                    return
            if self._ends:
                self._conn.close()
                return
            head, end, rest = bytes(self._asked).partition(b"\r\n\r\n")
            if not end:
                if self._conn.ended or self._conn.error:
                    self._conn.close()
                return
            self._asked = bytearray(rest)
            self._answer = memoryview(self._answer_to(head))

    def _answer_to(self, head: bytes) -> bytes:
        first, *fields = head.split(b"\r\n")
        method, target, _version = first.split(b" ")
        self._ends = b"connection: close" in head.lower()
        kept = b"close" if self._ends else b"keep-alive"
        data = self._files.content.get(target_path(target))
        date = formatdate(EPOCH + int(self.kernel.clock.now), usegmt=True).encode()
        begin = b"Server: nginx\r\nDate: " + date + b"\r\n"
        if data is None:
            body = b"<html>\r\n<head><title>404 Not Found</title></head>\r\n</html>\r\n"
            return (
                b"HTTP/1.1 404 Not Found\r\n" + begin + b"Content-Type: text/html\r\nContent-Length: %d\r\n"
                b"Connection: %s\r\n\r\n" % (len(body), kept)
            ) + (b"" if method == b"HEAD" else body)
        part, status, extra = data, b"200 OK", b"Accept-Ranges: bytes\r\n"
        wanted = next((one for one in fields if one.lower().startswith(b"range: bytes=")), None)
        if wanted is not None:
            start = int(re.findall(rb"=(\d+)-", wanted)[0])
            part, status = data[start:], b"206 Partial Content"
            extra = b"Content-Range: bytes %d-%d/%d\r\n" % (start, len(data) - 1, len(data))
        return (
            b"HTTP/1.1 " + status + b"\r\n" + begin + b"Content-Type: application/octet-stream\r\n"
            b'Content-Length: %d\r\nLast-Modified: %s\r\nConnection: %s\r\nETag: "x-%x"\r\n%s\r\n'
            % (len(part), formatdate(self._files.modified, usegmt=True).encode(), kept, len(data), extra)
        ) + (b"" if method == b"HEAD" else part)
