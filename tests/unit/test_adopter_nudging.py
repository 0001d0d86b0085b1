"""Connections that cannot get anything out are nudged, and no others."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
from twinboot.adopter import nudging
from twinboot.adopter.nudging import _INFO, Nudging


class Sock:
    """What tcp_info says of it: unacked, bytes acked, not sent."""

    def __init__(self, *info: int) -> None:
        self.info = info

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        if not self.info:
            raise OSError("closed")
        return _INFO.pack(*self.info)[:size]


def test_only_who_got_nothing_out_is_nudged_until_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nudging, "EVERY_S", 0.0)
    monkeypatch.setattr(nudging, "WATCHED_S", 0.05)
    nudged: list[str] = []
    socks = {"stuck": Sock(0, 0, 90000), "on its way": Sock(2, 0, 90000), "idle": Sock(0, 0, 0),
             "moving": Sock(0, 1, 90000), "closed": Sock()}

    def repeat(name: str) -> None:
        nudged.append(name)
        if len(nudged) == 3:
            socks["stuck"].info = (0, 1448, 90000)

    watched = Nudging()
    for name, sock in socks.items():
        watched.watch(sock, lambda name=name: repeat(name))  # type: ignore[arg-type,misc]
    asyncio.run(watched.run())
    assert nudged == ["stuck"] * 3


def test_the_kernel_says_it_where_it_is_looked_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, \
            socket.create_connection(listener.getsockname()) as client:
        server, _ = listener.accept()
        with server:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            server.setblocking(False)
            server.send(b"x" * 100)
            assert client.recv(100)
            before = _INFO.unpack(server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size))
            assert before == (0, 100, 0)
            with contextlib.suppress(BlockingIOError):
                while True:
                    server.send(bytes(65536))
            after = _INFO.unpack(server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size))
            assert after[2] > 0, "more waits than the client's window takes"
