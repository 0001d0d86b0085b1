"""A file of another server, by HTTP, from any byte on (RFC 9110, section 14).

Owns the connection, which is kept for the next file, and what an answer may be: exactly what was asked for,
or an error. Whether the bytes are right is for others to say. So little of it is under way at any moment
(_WINDOW) that a heartbeat behind it on the same cable waits for a few milliseconds.
"""

from __future__ import annotations

import http.client
import socket
from collections import deque
from collections.abc import Iterator
from urllib.parse import quote

from twinboot.trees.media.contents import BUFFERS

_PORT = 80
_TIMEOUT_S = 10.0
_WINDOW = 256 << 10
_PIECE = 256 << 10


class SourceError(Exception):
    """The file did not come; the text says why."""


class Unreachable(SourceError):
    """The server does not answer, or broke off."""


class Gone(SourceError):
    """The server answers, and does not give the file."""


class Wrong(SourceError):
    """The answer cannot be true."""


class Client:
    """For one thread. One connection, to the server that was asked last."""

    def __init__(self, port: int = _PORT) -> None:
        self._port = port
        self._address = ""
        self._connection: http.client.HTTPConnection | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def get(self, address: str, path: str, size: int | None, start: int = 0) -> Iterator[memoryview]:
        """The bytes from `start` to the end of a file of `size` bytes; None: of any size. SourceError."""
        try:
            yield from self._pieces(address, path, size, start)
        except SourceError:
            self.close()
            raise
        except (OSError, http.client.HTTPException) as exc:
            self.close()
            raise Unreachable(_words(exc)) from exc
        except GeneratorExit:
            self.close()  # the rest of the answer is not wanted
            raise

    def _pieces(self, address: str, path: str, size: int | None, start: int) -> Iterator[memoryview]:
        reply = self._ask(address, path, start)
        if reply.status != (206 if start else 200):
            raise Gone(f"it answers {reply.status} {reply.reason}")
        length = reply.getheader("Content-Length", "")
        coded = reply.getheader("Transfer-Encoding") or reply.getheader("Content-Encoding")
        if coded or not length.isdigit():
            raise Wrong("it does not say how long the file is")
        if size is not None and int(length) != size - start:
            raise Wrong(f"it has {start + int(length):,} bytes there, not {size:,}")
        if start and not (reply.getheader("Content-Range") or "").startswith(f"bytes {start}-"):
            raise Wrong("it gives another part of the file than it was asked for")
        left = int(length)
        buffers = deque(memoryview(bytearray(_PIECE)) for _ in range(BUFFERS))
        while left:
            buffers.rotate()  # the last pieces may be at work still when the next one is asked for
            got = reply.readinto(buffers[0][:min(left, _PIECE)])
            if not got:
                raise Unreachable("it broke off")
            left -= got
            yield buffers[0][:got]
        reply.read()

    def _ask(self, address: str, path: str, start: int) -> http.client.HTTPResponse:
        kept = self._connection is not None and self._address == address
        try:
            return self._request(address, path, start)
        except (OSError, http.client.HTTPException):
            if not kept:
                raise
            self.close()  # the server has closed the connection that was kept
            return self._request(address, path, start)

    def _request(self, address: str, path: str, start: int) -> http.client.HTTPResponse:
        if self._address != address:
            self.close()
        if self._connection is None:
            self._connection, self._address = _Connection(address, self._port, timeout=_TIMEOUT_S), address
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
        encoded = quote(path.encode("utf-8", "surrogateescape"))
        self._connection.request("GET", encoded, headers=headers)
        return self._connection.getresponse()


class _Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        """The window is set before the SYN, which tells how it is to be read (RFC 7323, section 2)."""
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WINDOW)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.connect((self.host, self.port))


def _words(exc: Exception) -> str:
    if isinstance(exc, TimeoutError):
        return f"it gave nothing for {_TIMEOUT_S:g} s"
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror.lower()
    return "it broke off" if isinstance(exc, http.client.HTTPException) else str(exc)
