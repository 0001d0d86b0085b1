"""What installers say by syslog, received and kept: a thread of its own, so that a flood delays no heartbeat.

Only what comes from an address of a host of the site is taken. An address is no proof: who takes a machine's
address in the LAN can write into its log; so nothing is decided by what stands there.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator

from twinboot.core.effects import LogLevel
from twinboot.log import log_event
from twinboot.machines.log_bounds import LineBounds
from twinboot.machines.syslog import MAX_MESSAGE, PORT, line_of

from .log_files import LogFiles

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 1024
_PER_HOST = 4
_ACCEPTED_AT_ONCE = 64
_LARGEST = 8192
"""Bytes of a datagram, or of a line over TCP, that are looked at."""
_AT_ONCE = 256
"""Datagrams in one turn; what comes faster waits in the kernel, and is dropped there."""
_PAUSE_S = 0.05
_CLOSE_LIMIT_S = 1.0


class LogPort:
    """host_of: the host with an address; asked in the thread. address, port: where it listens."""

    def __init__(
        self, files: LogFiles, host_of: Callable[[str], str | None], *, address: str = "0.0.0.0",
        port: int = PORT, now: Callable[[], float] = time.monotonic, clock: Callable[[], float] = time.time,
    ) -> None:
        self._files, self._host_of, self._now, self._clock = files, host_of, now, clock
        self._bounds = LineBounds(now())
        self._selector = selectors.DefaultSelector()
        self._streams: dict[socket.socket, tuple[str, bytearray]] = {}
        self._ended = False
        self._failing = ""
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._thread = threading.Thread(target=self._run, name="machine-logs", daemon=True)
        self._where = (address, port)

    def start(self) -> None:
        """OSError when the port cannot be had."""
        try:
            self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._udp.bind(self._where)
            self._tcp.bind(self._udp.getsockname())
            self._tcp.listen(128)
        except OSError:
            self._udp.close()
            self._tcp.close()
            raise
        for one in (self._udp, self._tcp):
            one.setblocking(False)
            self._selector.register(one, selectors.EVENT_READ)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._udp.getsockname()[1])

    def close(self) -> None:
        self._ended = True
        if self._thread.is_alive():
            self._thread.join(_CLOSE_LIMIT_S)

    # In the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ended:
            said: dict[str, list[str]] = {}
            ready = self._selector.select(timeout=0.5)
            for key, _ in ready:
                for host, message in self._read(key.fileobj):  # type: ignore[arg-type]
                    self._take(said, host, message)
            self._keep(said)
            if ready:
                time.sleep(_PAUSE_S)  # a flood waits for us, not heartbeats for the flood
        for one in (self._udp, self._tcp, *self._streams):
            one.close()
        self._selector.close()

    def _read(self, one: socket.socket) -> Iterator[tuple[str, bytes]]:
        if one is self._udp:
            yield from self._datagrams()
        elif one is self._tcp:
            self._accept()
        else:
            yield from self._stream(one)

    def _datagrams(self) -> Iterator[tuple[str, bytes]]:
        for _ in range(_AT_ONCE):
            try:
                data, (address, _port) = self._udp.recvfrom(_LARGEST)
            except OSError:
                return
            if (host := self._host_of(address)) is not None:
                yield host, data

    def _accept(self) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                stream, (address, _port) = self._tcp.accept()
            except OSError:
                return
            host = self._host_of(address)
            of_it = sum(1 for name, _ in self._streams.values() if name == host)
            if host is None or of_it >= _PER_HOST or len(self._streams) >= MAX_CONNECTIONS:
                stream.close()
                continue
            stream.setblocking(False)
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._streams[stream] = (host, bytearray())
            self._selector.register(stream, selectors.EVENT_READ)

    def _stream(self, stream: socket.socket) -> Iterator[tuple[str, bytes]]:
        host, begun = self._streams[stream]
        try:
            data = stream.recv(_LARGEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        begun += data
        *lines, rest = bytes(begun).split(b"\n")
        if not data or len(rest) > 4 * MAX_MESSAGE:
            lines.append(rest)
            rest = b""
        begun[:] = rest
        yield from ((host, line) for line in lines if line)
        if not data:
            self._selector.unregister(stream)
            del self._streams[stream]
            stream.close()

    def _take(self, said: dict[str, list[str]], host: str, message: bytes) -> None:
        dropped = self._bounds.take(host, self._now())
        if dropped is None:
            return
        at = self._clock()
        if dropped:
            said.setdefault(host, []).append(line_of(b"twinboot: %d lines left out" % dropped, at))
        if line := line_of(message, at):
            said.setdefault(host, []).append(line)

    def _keep(self, said: dict[str, list[str]]) -> None:
        fault = ""
        for host, lines in said.items():
            try:
                self._files.append(host, lines)
            except OSError as exc:
                fault = str(exc)
        if said and fault != self._failing:
            level = LogLevel.ERROR if fault else LogLevel.INFO
            log_event(log, level, "machine-logs-not-kept" if fault else "machine-logs-kept", reason=fault)
            self._failing = fault
