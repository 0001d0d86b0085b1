"""How the health checks of containers ask, at real sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from twinboot.commands import client
from twinboot.engine_proxy.serve import EngineProxy
from twinboot.private_socket import listen
from twinboot.takeover.host.liveness import serve_health


class SlowToAsk(socket.socket):
    """Its process gets no processor between connect(2) and what comes next, until the server has closed."""

    def connect(self, address: object) -> None:
        super().connect(address)  # type: ignore[arg-type]
        assert self.recv(64, socket.MSG_PEEK)
        threading.Event().wait(0.2)


@pytest.fixture
def health(tmp_path: Path) -> Iterator[Path]:
    """The takeover process's health socket."""
    path, loop = tmp_path / "health.sock", asyncio.new_event_loop()
    server = loop.run_until_complete(serve_health(path))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield path
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_slow_check_hears_the_takeover_process_that_has_answered_at_once(
    health: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.takeover_healthy(health) == (True, "the takeover process answers")
    monkeypatch.setattr(socket, "socket", SlowToAsk)
    assert client.takeover_healthy(health) == (True, "the takeover process answers")


def test_a_process_that_is_not_there_or_ends_is_not_well(tmp_path: Path) -> None:
    well, said = client.takeover_healthy(tmp_path / "health.sock")
    assert (well, "does not answer" in said) == (False, True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(tmp_path / "health.sock"))
        listening.listen()
        ends = threading.Thread(target=lambda: listening.accept()[0].close())
        ends.start()
        assert client.takeover_healthy(tmp_path / "health.sock") == (False, "the takeover process ends")
        ends.join()


class NeverAsked:
    """An engine of which nothing is wanted."""

    def states(self, services: tuple[str, ...]) -> dict[str, object]:
        assert not services
        return {}


def test_the_engine_proxy_is_well_when_a_thread_of_it_answers(tmp_path: Path) -> None:
    path = tmp_path / "proxy.sock"
    well, said = client.engine_proxy_healthy(path)
    assert (well, "does not answer" in said) == (False, True)
    with listen(path) as listener:
        well, said = client.engine_proxy_healthy(path, timeout_s=0.2)
        assert (well, "timed out" in said) == (False, True), "it hangs"
    with listen(path) as listener:
        refuses = threading.Thread(target=refuse, args=(listener,))
        refuses.start()
        assert client.engine_proxy_healthy(path) == (False, "the engine proxy gives an answer that is none")
        refuses.join()
    with listen(path) as listener:
        EngineProxy(listener, NeverAsked).start()  # type: ignore[arg-type]
        assert client.engine_proxy_healthy(path) == (True, "the engine proxy answers")
        listener.shutdown(socket.SHUT_RD)
        for one in threading.enumerate():
            if one.name.startswith("engine-proxy-"):
                one.join()  # or it might accept from whoever gets the listener's number next


def refuse(listener: socket.socket) -> None:
    """One question. It is read first: a close before that resets the asker's end (unix(7))."""
    asked, _ = listener.accept()
    with asked:
        asked.recv(64)
        asked.sendall(b'{"ok": false}\n')
