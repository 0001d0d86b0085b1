"""The TCP port of the metrics: answers GET /metrics with a text that is made elsewhere.

Owns the socket and one thread, so that a slow reader keeps nobody else waiting. One request at a time, each
with a time limit, and a short pause after each: a client that asks without end costs a bounded share.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable

from twinboot.core.effects import LogLevel
from twinboot.log import log_event

log = logging.getLogger(__name__)

PATH = "/metrics"
_REQUEST_BYTES = 8192
_REQUEST_LIMIT_S = 2.0
_PAUSE_S = 0.02
_RETRY_S = 5.0


class Exporter:
    """make: called in the thread; gives the content type and the text."""

    def __init__(self, address: str, port: int, render: Callable[[], tuple[str, bytes]]) -> None:
        self._where = (address, port)
        self._render = render
        self._closing = threading.Event()
        self._listener: socket.socket | None = None
        self._bind_fault = ""
        # Not at a lower priority than the loop: a thread that is put aside while it has Python's lock
        # would hold up the loop.
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on; 0 while it does not."""
        return self._listener.getsockname()[1] if self._listener is not None else 0

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        listener = self._listener
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._thread.join(timeout=0.5)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                with socket.create_server(self._where) as self._listener:
                    if self._bind_fault:
                        log_event(
                            log, LogLevel.INFO, "metrics-open", address=self._where[0], port=self._where[1]
                        )
                    self._bind_fault = ""
                    self._serve(self._listener)
            except OSError as exc:
                self._log_bind_fault(exc)
            self._listener = None
            self._closing.wait(_RETRY_S)

    def _serve(self, listener: socket.socket) -> None:
        while not self._closing.is_set():
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                self._respond(connection)
            self._closing.wait(_PAUSE_S)

    def _respond(self, connection: socket.socket) -> None:
        words = _request(connection).split(b" ")
        if len(words) < 2:
            return
        if words[1].split(b"?")[0] != PATH.encode():
            status, kind, body = "404 Not Found", "text/plain", f"look at {PATH}\n".encode()
        elif words[0] not in (b"GET", b"HEAD"):
            status, kind, body = "405 Method Not Allowed", "text/plain", b"GET or HEAD\n"
        else:
            status = "200 OK"
            kind, body = self._render()
        head = (
            f"HTTP/1.0 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        connection.settimeout(_REQUEST_LIMIT_S)
        connection.sendall(head.encode() + (b"" if words[0] == b"HEAD" else body))

    def _log_bind_fault(self, exc: OSError) -> None:
        if self._closing.is_set():
            return
        reason = exc.strerror or str(exc)
        if reason != self._bind_fault:
            address, port = self._where
            log_event(log, LogLevel.WARNING, "metrics-closed", address=address, port=port, reason=reason)
        self._bind_fault = reason


def _request(connection: socket.socket) -> bytes:
    """The request line, once the whole head is here; empty when it does not come in time."""
    end = time.monotonic() + _REQUEST_LIMIT_S
    data = b""
    while b"\r\n\r\n" not in data and len(data) < _REQUEST_BYTES:
        left = end - time.monotonic()
        if left <= 0:
            return b""
        connection.settimeout(left)
        more = connection.recv(2048)
        if not more:
            return b""
        data += more
    return data.split(b"\r\n", 1)[0]
