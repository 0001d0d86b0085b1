"""The Docker engine as the sidecar reaches it: through the engine proxy, for the daemons of this stack only.

Owns the connection to the engine proxy's socket, one for each question. Every call waits for the engine, at
most its time limit; so this is used from a thread of its own. The sidecar itself has no way to the
engine: what the engine proxy (twinboot/engine_proxy) does not offer cannot be done from here.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from twinboot.core.model import ServiceState
from twinboot.errors import ENGINE, ResourceError
from twinboot.wire.ipc.engine_proxy import (
    MAX_LINE,
    EngineReply,
    EngineRequest,
    ProtocolError,
    Verb,
    parse_reply,
    request_line,
)

_STATES_TIMEOUT_S = 6.0
"""A little more than the engine proxy gives the engine for it, so that the engine proxy says what is
wrong."""
_COMMAND_TIMEOUT_S = 14.0
_MAX_REPLY_BYTES = 4 * MAX_LINE


class EngineProxyClient:
    """path: the engine proxy's socket. Nothing is kept open, so an engine proxy that comes back is used at
    once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def states(self, services: Iterable[str]) -> Mapping[str, ServiceState]:
        """State of each service's container. A service without a container does not run: STOPPED."""
        wanted = tuple(services)
        found = self._call(EngineRequest(Verb.STATES, wanted), _STATES_TIMEOUT_S).states
        return {name: found.get(name, ServiceState.UNKNOWN) for name in wanted}

    def dialects(self, services: Iterable[str]) -> Mapping[str, str]:
        """The dialect that the image of each service's container names, or empty. Without a container: none.
        """
        return self._call(EngineRequest(Verb.DIALECTS, tuple(services)), _STATES_TIMEOUT_S).dialects

    def start(self, service: str) -> None:
        """The service's container was told to run. Whether it stays up shows in states()."""
        self._call(EngineRequest(Verb.START, (service,)), _COMMAND_TIMEOUT_S)

    def stop(self, service: str) -> None:
        """The service's container does not run."""
        self._call(EngineRequest(Verb.STOP, (service,)), _COMMAND_TIMEOUT_S)

    def restart(self, service: str) -> None:
        """The service's container runs, started after this call."""
        self._call(EngineRequest(Verb.RESTART, (service,)), _COMMAND_TIMEOUT_S)

    def present(self, services: Iterable[str]) -> frozenset[str]:
        """The services among these that have a container, running or not."""
        return frozenset(self.dialects(services))

    def create(self, service: str) -> None:
        """The service has a container: the one that it has, or one like the last one."""
        self._call(EngineRequest(Verb.CREATE, (service,)), _COMMAND_TIMEOUT_S)

    def try_configuration(self, service: str) -> None:
        """The service accepts its rendered configuration. ResourceError of CONFIGURATION: it refuses it."""
        self._call(EngineRequest(Verb.TRY, (service,)), _COMMAND_TIMEOUT_S)

    def _call(self, request: EngineRequest, limit_s: float) -> EngineReply:
        try:
            reply = parse_reply(_exchange(self._path, request_line(request), limit_s))
        except TimeoutError as exc:
            raise ResourceError(ENGINE, f"the engine proxy does not answer within {limit_s:g} s") from exc
        except ProtocolError as exc:
            raise ResourceError(ENGINE, f"the engine proxy gave an answer that is none: {exc}") from exc
        except OSError as exc:
            raise ResourceError(ENGINE, f"the engine proxy {_reason(exc)}") from exc
        if reply.fault is not None:
            raise ResourceError(*reply.fault)
        return reply


def _exchange(path: Path, line: bytes, limit_s: float) -> bytes:
    """Send a line and read one, all within the limit."""
    end = time.monotonic() + limit_s
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(limit_s)
        sock.connect(str(path))
        sock.sendall(line)
        got = b""
        while not got.endswith(b"\n") and len(got) < _MAX_REPLY_BYTES:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            sock.settimeout(left)
            chunk = sock.recv(_MAX_REPLY_BYTES)
            if not chunk:
                raise ConnectionResetError(errno.ECONNRESET, "closed without an answer")
            got += chunk
    return got


def _reason(exc: OSError) -> str:
    if exc.errno in (errno.ENOENT, errno.ECONNREFUSED):
        return "does not run"
    if exc.errno == errno.EAGAIN:  # unix(7): the queue of connections is full
        return "takes no more questions"
    return exc.strerror or str(exc)
