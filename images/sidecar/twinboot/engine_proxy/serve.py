"""The engine proxy's socket: one connection, one line, one reply; a few threads that each serve one at a
time.

Owns the socket and all that keeps a hostile sidecar from harm: lines have a most length and a time by
which they must be there, connections wait in the kernel's short queue until a thread is free, and no
more than so many a second are served. So memory and processor are bounded whatever comes in.

It does not end at once on TERM: when the whole server goes down, the engine ends all containers
together, and the sidecar wants dhcpd stopped before it hands over.

Exit codes: 0 ended by TERM, 1 the engine's socket has gone (see EngineProxy), 2 configuration.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from twinboot.core.effects import LogLevel
from twinboot.core.model import ServiceState
from twinboot.errors import ResourceError
from twinboot.log import log_event, start_logging
from twinboot.private_socket import listen
from twinboot.wire.ipc.engine_proxy import (
    MAX_LINE,
    NOT_UNDERSTOOD,
    EngineReply,
    EngineRequest,
    ProtocolError,
    Verb,
    parse_request,
    reply_line,
)

from .containers import Containers, EngineUnreachable
from .remembered import Remembered

log = logging.getLogger(__name__)

THREADS = 4
_BACKLOG = 8
_LINE_LIMIT_S = 1.0
_REQUEST_BURST, _REQUESTS_PER_S = 40, 20
"""A sidecar asks for the states once a second, and acts on a daemon a few times at a take-over."""
_ENGINE_GONE_LIMIT_S = 10.0
_IDLE_S = 1.5
"""A living sidecar asks every second: so long without a question, it has left."""
_LINGER_S = 4.0


class Engine(Protocol):
    """engine_proxy.containers.Containers, or a stand-in."""

    def states(self, services: tuple[str, ...]) -> Mapping[str, ServiceState]: ...
    def dialects(self, services: tuple[str, ...]) -> Mapping[str, str]: ...
    def start(self, service: str) -> None: ...
    def stop(self, service: str) -> None: ...
    def restart(self, service: str) -> None: ...
    def create(self, service: str) -> None: ...
    def try_configuration(self, service: str) -> None: ...


class RateLimiter:
    """Lets so many through at once and so many a second; the others wait their turn."""

    def __init__(self, burst: int, per_second: float) -> None:
        self._gap_s = 1 / per_second
        self._ahead_s = burst * self._gap_s
        self._next = 0.0
        self._lock = threading.Lock()

    def wait_s(self, now: float) -> float:
        """How long this one has to wait."""
        with self._lock:
            self._next = max(self._next, now - self._ahead_s) + self._gap_s
            return max(0.0, self._next - now)


class EngineProxy:
    """Serves one listening socket. make_engine: called once in each thread.

    A proxy whose engine's socket has been dead for a while ends, so that the engine starts it anew: an
    engine that was itself restarted may have a new socket, which only a new container sees.
    """

    def __init__(self, listener: socket.socket, make_engine: Callable[[], Engine]) -> None:
        self._listener = listener
        self._make_engine = make_engine
        self._rate_limiter = RateLimiter(_REQUEST_BURST, _REQUESTS_PER_S)
        self._gone_since: float | None = None
        self.last_request_at = time.monotonic()
        self.ended = threading.Event()
        self.exit_code = 0

    def start(self) -> None:
        for number in range(THREADS):
            threading.Thread(target=self._serve, name=f"engine-proxy-{number}", daemon=True).start()

    def end(self, exit_code: int) -> None:
        self.exit_code = exit_code
        self.ended.set()

    def _serve(self) -> None:
        engine = self._make_engine()
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError as exc:
                if exc.errno in (errno.EBADF, errno.EINVAL):
                    return  # closed
                time.sleep(0.1)
                continue
            try:
                time.sleep(self._rate_limiter.wait_s(time.monotonic()))
                with connection:
                    self._answer(engine, connection)
            except OSError:
                pass  # the other side went away
            except Exception:
                log.exception("a question could not be answered")

    def _answer(self, engine: Engine, connection: socket.socket) -> None:
        try:
            request = parse_request(read_line(connection))
        except ProtocolError as exc:
            log_event(log, LogLevel.WARNING, "refused", reason=str(exc))
            reply = EngineReply({}, (NOT_UNDERSTOOD, str(exc)))
        else:
            if hung_up(connection):
                return  # it asked long ago: nobody waits for this any more
            reply = self._do(engine, request)
        connection.settimeout(_LINE_LIMIT_S)
        connection.sendall(reply_line(reply))

    def _do(self, engine: Engine, request: EngineRequest) -> EngineReply:
        if not request.services:
            return EngineReply({})  # the health check
        self.last_request_at = time.monotonic()
        states: Mapping[str, ServiceState] = {}
        dialects: Mapping[str, str] = {}
        try:
            match request.verb:
                case Verb.STATES:
                    states = engine.states(request.services)
                case Verb.DIALECTS:
                    dialects = engine.dialects(request.services)
                case Verb.START:
                    engine.start(request.services[0])
                case Verb.STOP:
                    engine.stop(request.services[0])
                case Verb.RESTART:
                    engine.restart(request.services[0])
                case Verb.CREATE:
                    engine.create(request.services[0])
                case Verb.TRY:
                    engine.try_configuration(request.services[0])
        except ResourceError as exc:
            self._failed(exc)
            return EngineReply({}, (exc.resource, exc.reason))
        self._gone_since = None
        if request.verb not in (Verb.STATES, Verb.DIALECTS, Verb.TRY):
            log_event(log, LogLevel.INFO, f"told-to-{request.verb.value}", service=request.services[0])
        return EngineReply(states, dialects=dialects)

    def _failed(self, exc: ResourceError) -> None:
        if not isinstance(exc, EngineUnreachable):
            return
        now = time.monotonic()
        if self._gone_since is None:
            self._gone_since = now
            log_event(log, LogLevel.WARNING, "engine-gone", reason=exc.reason)
        elif now - self._gone_since > _ENGINE_GONE_LIMIT_S:
            log_event(log, LogLevel.ERROR, "engine-gone", reason="for long: ending, to see its new socket")
            self.end(1)


def read_line(connection: socket.socket) -> bytes:
    """One whole line, and nothing after it. ProtocolError when it is too long or comes too slowly."""
    end = time.monotonic() + _LINE_LIMIT_S
    line = b""
    while not line.endswith(b"\n"):
        left = end - time.monotonic()
        if left <= 0:
            raise ProtocolError("no whole line in time")
        connection.settimeout(left)
        try:
            chunk = connection.recv(MAX_LINE + 1 - len(line))
        except TimeoutError:
            continue
        line += chunk
        if len(line) > MAX_LINE:
            raise ProtocolError(f"a line has {MAX_LINE} bytes at most")
        if not chunk:
            raise ConnectionResetError(errno.ECONNRESET, "closed before a line was whole")
    if line.count(b"\n") > 1:
        raise ProtocolError("one line a connection")
    return line


def hung_up(connection: socket.socket) -> bool:
    """Whether the asker has closed its side."""
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False


def main(path: Path, environ: Mapping[str, str] = os.environ) -> int:
    """Run the engine proxy; returns its exit code."""
    handler = start_logging("engine-proxy", debug=environ.get("TWINBOOT_DEBUG", "") not in ("", "0"))
    try:
        project = environ.get("TWINBOOT_PROJECT", "")
        if not project:
            log_event(log, LogLevel.ERROR, "configuration-fault", fault="TWINBOOT_PROJECT is not set")
            return 2
        remembered = Remembered()
        proxy = EngineProxy(listen(path, _BACKLOG), lambda: Containers(project, remembered=remembered))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: proxy.end(0))
        proxy.start()
        log_event(log, LogLevel.INFO, "open", socket=str(path), project=project)
        proxy.ended.wait()
        if proxy.exit_code == 0:
            _linger(proxy)
        return proxy.exit_code
    except OSError as exc:
        log_event(log, LogLevel.ERROR, "cannot-open", socket=str(path), reason=exc.strerror or str(exc))
        return 1
    finally:
        handler.close()


def _linger(proxy: EngineProxy) -> None:
    end = time.monotonic() + _LINGER_S
    while (now := time.monotonic()) < end and now - proxy.last_request_at < _IDLE_S:
        time.sleep(0.05)
