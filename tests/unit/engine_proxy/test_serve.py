"""The engine proxy over a pair of connected sockets: what it answers, and to whom it does not listen."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping

import pytest
from twinboot.core.model import ServiceState
from twinboot.engine_proxy.containers import EngineUnreachable
from twinboot.engine_proxy.serve import EngineProxy, RateLimiter, hung_up, read_line
from twinboot.errors import ResourceError
from twinboot.wire.ipc.engine_proxy import MAX_LINE, ProtocolError, parse_reply


class Engine:
    """Does everything, or fails with an error."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.error: ResourceError | None = None

    def states(self, services: tuple[str, ...]) -> Mapping[str, ServiceState]:
        self._do("states", ",".join(services))
        return dict.fromkeys(services, ServiceState.RUNNING)

    def dialects(self, services: tuple[str, ...]) -> Mapping[str, str]:
        self._do("dialects", ",".join(services))
        return dict.fromkeys(services, "vsftpd-3.0")

    def start(self, service: str) -> None:
        self._do("start", service)

    def stop(self, service: str) -> None:
        self._do("stop", service)

    def restart(self, service: str) -> None:
        self._do("restart", service)

    def create(self, service: str) -> None:
        self._do("create", service)

    def try_configuration(self, service: str) -> None:
        self._do("try", service)

    def _do(self, what: str, service: str) -> None:
        if self.error is not None:
            raise self.error
        self.done.append((what, service))


Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Pair]:
    """The sidecar's end and the engine proxy's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def ask(proxy: EngineProxy, engine: Engine, line: bytes) -> bytes:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(line)
        proxy._answer(engine, theirs)
        return ours.recv(4096)


@pytest.fixture
def proxy(ends: Pair) -> EngineProxy:
    return EngineProxy(ends[1], Engine)


def test_it_does_what_is_asked_and_nothing_else(proxy: EngineProxy) -> None:
    engine = Engine()
    for verb in ("start", "stop", "restart", "states"):
        reply = parse_reply(ask(proxy, engine, b'{"do": "%s", "services": ["dhcpd"]}\n' % verb.encode()))
        assert reply.fault is None
    assert reply.states == {"dhcpd": ServiceState.RUNNING}
    assert engine.done == [("start", "dhcpd"), ("stop", "dhcpd"), ("restart", "dhcpd"), ("states", "dhcpd")]
    reply = parse_reply(ask(proxy, engine, b'{"do": "dialects", "services": ["vsftpd", "httpd"]}\n'))
    assert reply.dialects == {"vsftpd": "vsftpd-3.0", "httpd": "vsftpd-3.0"}
    for verb in ("create", "try"):
        line = b'{"do": "%s", "services": ["dhcpd"]}\n' % verb.encode()
        assert parse_reply(ask(proxy, engine, line)).fault is None
    reply = parse_reply(ask(proxy, engine, b'{"do": "exec", "services": ["dhcpd"]}\n'))
    words = "states, dialects, start, stop, restart, create, try"
    assert reply.fault == ("the engine proxy", f"no such request; there are: {words}")
    assert engine.done[5:] == [("create", "dhcpd"), ("try", "dhcpd")]


def test_its_health_does_not_ask_the_engine(proxy: EngineProxy) -> None:
    engine = Engine()
    assert parse_reply(ask(proxy, engine, b'{"do": "states", "services": []}\n')).fault is None
    assert engine.done == []


def test_an_error_is_told(proxy: EngineProxy) -> None:
    engine = Engine()
    engine.error = ResourceError("engine: start dhcpd", "no such image")
    reply = parse_reply(ask(proxy, engine, b'{"do": "start", "services": ["dhcpd"]}\n'))
    assert reply.fault == ("engine: start dhcpd", "no such image")
    assert not proxy.ended.is_set()


def test_what_was_asked_by_one_that_has_gone_is_not_done(proxy: EngineProxy, ends: Pair) -> None:
    engine = Engine()
    ours, theirs = socket.socketpair()
    ours.sendall(b'{"do": "start", "services": ["dhcpd"]}\n')
    ours.close()
    with theirs:
        proxy._answer(engine, theirs)
    assert engine.done == []


def test_a_line_is_whole_short_and_alone(ends: Pair) -> None:
    ours, theirs = ends
    ours.sendall(b"x" * (MAX_LINE - 1) + b"\n")
    assert len(read_line(theirs)) == MAX_LINE
    ours.sendall(b"one\ntwo\n")
    with pytest.raises(ProtocolError, match="one line"):
        read_line(theirs)
    ours.sendall(b"x" * (MAX_LINE + 1))
    with pytest.raises(ProtocolError, match="bytes at most"):
        read_line(theirs)


def test_a_line_that_does_not_end_is_not_waited_for(ends: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = ends
    monkeypatch.setattr("twinboot.engine_proxy.serve._LINE_LIMIT_S", 0.01)
    ours.sendall(b'{"do": ')
    with pytest.raises(ProtocolError, match="in time"):
        read_line(theirs)
    ours.shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionResetError):
        read_line(theirs)


def test_hung_up_is_seen(ends: Pair) -> None:
    ours, theirs = ends
    assert not hung_up(theirs)
    ours.close()
    assert hung_up(theirs)


def test_it_ends_when_the_engine_s_socket_is_dead_for_long(
    proxy: EngineProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("twinboot.engine_proxy.serve.time.monotonic", lambda: now[0])
    engine, line = Engine(), b'{"do": "states", "services": ["dhcpd"]}\n'

    def at(seconds: float, error: ResourceError | None) -> bool:
        now[0], engine.error = seconds, error
        ask(proxy, engine, line)
        return proxy.ended.is_set()

    gone = EngineUnreachable("engine: list containers", "Connection refused")
    assert not at(100, gone)
    assert not at(109, gone)
    assert not at(110, None)
    assert not at(115, gone)
    assert not at(124, ResourceError("engine: list containers", "timed out"))
    assert at(126, gone)
    assert proxy.exit_code == 1


def test_pace_lets_a_burst_through_and_then_so_many_a_second() -> None:
    pace = RateLimiter(burst=3, per_second=2)
    waits = [pace.wait_s(1000.0) for _ in range(6)]
    assert waits[:3] == [0, 0, 0]
    assert waits[3:] == pytest.approx([0.5, 1.0, 1.5])
    assert pace.wait_s(2000.0) == 0
