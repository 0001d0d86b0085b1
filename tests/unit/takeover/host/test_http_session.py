"""A connection that goes on with the HTTP service here: what the client has already is left out."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest
from twinboot.takeover.host.published.tree import PublishedTree
from twinboot.takeover.host.serve import http_session, lost_input
from twinboot.takeover.logic.pieces import FilePart, Piece
from twinboot.takeover.logic.plan import ClientPosition, Rebuild

HERE = "127.0.0.1"
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz"
ASKED = b"GET /x HTTP/1.1\r\n\r\n"


def rebuild_plan(**more: object) -> Rebuild:
    return Rebuild(1000, 5000, 0, (), ClientPosition(1000, 5000, 1000), **{"close_after": False, **more})  # type: ignore[arg-type]


async def outcome(base: Path, found: Rebuild, said: bytes = b"", reply: bytes = REPLY,
                  pieces: tuple[Piece, ...] = (), unseen: list[tuple[int, bytes]] | None = None,
                  ) -> tuple[bytes, str, list[bytes]]:
    """What the client got, what became of it, and what the service here was asked.

    unseen: filled with what is told of as sent that no capture has seen.
    """
    asked: list[bytes] = []
    told = [] if unseen is None else unseen

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(reply)
        writer.close()

    (base / "file").write_bytes(b"0123456789")
    service = await asyncio.start_server(serve, HERE, 0)
    loop, tree = asyncio.get_running_loop(), PublishedTree(base)
    with socket.create_server((HERE, 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    server.setblocking(False)
    client.setblocking(False)
    task = asyncio.create_task(http_session.serve(
        server, pieces, found, tree=tree, address=service.sockets[0].getsockname(),
        on_unseen=lambda at, data: told.append((at, data))))
    await loop.sock_sendall(client, said)
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while data := await asyncio.wait_for(loop.sock_recv(client, 65536), 60):
            got += data
    client.close()
    ended = await asyncio.wait_for(task, 60)
    service.close()
    tree.close()
    return got, ended, asked


def run(base: Path, found: Rebuild, said: bytes = b"", reply: bytes = REPLY,
        pieces: tuple[Piece, ...] = ()) -> tuple[bytes, str, list[bytes]]:
    return asyncio.run(outcome(base, found, said, reply, pieces))


@pytest.mark.parametrize("skip", [0, 1, 20, 45, len(REPLY) - 1])
def test_an_answer_begun_elsewhere_is_given_from_where_the_client_is(tmp_path: Path, skip: int) -> None:
    got, _, asked = run(tmp_path, rebuild_plan(unanswered=ASKED, skip_bytes=skip))
    assert got == REPLY[skip:]
    assert asked == [ASKED]
    unseen: list[tuple[int, bytes]] = []
    asyncio.run(outcome(tmp_path, rebuild_plan(unanswered=ASKED, skip_bytes=skip), unseen=unseen))
    assert unseen == [(0, REPLY[:skip])], "what the dead server said is known now"


@pytest.mark.parametrize("skip", [0, 20])
def test_what_counts_as_sent_is_told_of_as_no_capture_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skip: int
) -> None:
    ends = counted_as_sent(monkeypatch)
    unseen: list[tuple[int, bytes]] = []
    found = rebuild_plan(unanswered=ASKED, skip_bytes=skip, answers_sent=1 << 16)
    got, _, _ = asyncio.run(outcome(tmp_path, found, unseen=unseen))
    assert got == REPLY[skip:]
    assert b"".join(data for _at, data in unseen) == REPLY
    assert unseen[1][0] == skip
    assert ends == [True], "the client may have the end, too"


def counted_as_sent(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What counts as sent is sent. Whether its end does, too."""
    ends: list[bool] = []

    def append(sock: socket.socket, data: bytes, *, fin: bool = False) -> None:
        sock.sendall(data)
        if fin:
            ends.append(True)

    monkeypatch.setattr(http_session, "append_as_sent", append)
    return ends


@pytest.mark.parametrize(("sent", "ends"), [(0, []), (30, []), (40, []), (41, [True])])
def test_what_the_dead_server_closed_after_is_all_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: int, ends: list[bool]
) -> None:
    """Also when the service here would say more; it must not say less."""
    found = counted_as_sent(monkeypatch)
    plan = rebuild_plan(unanswered=ASKED, skip_bytes=10, answers_bytes=50, answers_sent=sent)
    assert run(tmp_path, plan)[0] == REPLY[10:50]
    assert found == ends
    short = rebuild_plan(unanswered=ASKED, skip_bytes=10, answers_bytes=len(REPLY) + 1)
    assert run(tmp_path, short)[1].startswith("reset: ")


def test_one_that_is_shorter_here_is_a_reset(tmp_path: Path) -> None:
    got, ended, _ = run(tmp_path, rebuild_plan(unanswered=ASKED, skip_bytes=len(REPLY) + 2))
    assert got == b""
    assert ended.startswith("reset: ")


NGINX = REPLY.replace(b"Content", b"Server: nginx\r\nContent")


@pytest.mark.parametrize(("known", "skipped", "reply", "fine"), [
    (NGINX[:-26], NGINX[:-26], NGINX, True), (NGINX[:-26], b"", NGINX, True),
    (NGINX[:-26], b"", NGINX.replace(b"nginx", b"nginy"), False),
    (NGINX[:-26], NGINX[:-26], NGINX.replace(b"\r\n\r\n", b"\r\nX: y\r\n\r\n"), False),
])
def test_another_server_does_not_go_on_in_the_middle(
    tmp_path: Path, known: bytes, skipped: bytes, reply: bytes, fine: bool
) -> None:
    plan = rebuild_plan(unanswered=ASKED, skip_bytes=70, known_head=known, skipped_head=skipped)
    got, ended, _ = run(tmp_path, plan, reply=reply)
    assert got == (reply[70:] if fine else b"")
    assert ended.startswith("reset: ") is not fine


def test_one_that_the_client_has_with_its_end_is_no_reset(tmp_path: Path) -> None:
    got, ended, _ = run(tmp_path, rebuild_plan(unanswered=ASKED, skip_bytes=len(REPLY) + 1))
    assert (got, ended) == (b"", "went on with the service here")


def test_the_rest_of_a_file_and_then_the_next_request(tmp_path: Path) -> None:
    got, _, asked = run(tmp_path, rebuild_plan(), ASKED, pieces=(b"..", FilePart(b"file", 4, 6)))
    assert got == b"..456789" + REPLY
    assert asked == [ASKED]


def test_a_connection_that_was_to_be_closed_is(tmp_path: Path) -> None:
    got, _, asked = run(tmp_path, rebuild_plan(close_after=True), pieces=(FilePart(b"file", 0, 10),))
    assert got == b"0123456789"
    assert asked == []


def test_a_file_that_is_shorter_than_was_promised_is_a_reset(tmp_path: Path) -> None:
    got, ended, _ = run(tmp_path, rebuild_plan(), pieces=(FilePart(b"file", 0, 20),))
    assert got in (b"0123456789", b"")
    assert "shorter" in ended


def test_words_that_were_lost_with_the_server_are_a_reset_and_no_silence(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_input, "LOST_INPUT_S", 0.05)
    _, ended, asked = run(tmp_path, rebuild_plan(input_may_be_lost=True))
    assert "lost with its server" in ended
    assert asked == []
    got, _, asked = run(tmp_path, rebuild_plan(input_may_be_lost=True, unanswered=ASKED[:5]), ASKED[5:])
    assert (got, asked) == (REPLY, [ASKED]), "what is said again is heard"


def test_a_client_that_is_still_being_sent_to_is_not_idle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                          ) -> None:
    monkeypatch.setattr(http_session, "IDLE_S", 0.05)

    async def slow() -> str:
        loop, tree = asyncio.get_running_loop(), PublishedTree(tmp_path)
        with socket.create_server((HERE, 0)) as listener:
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(listener.getsockname())
            server, _ = listener.accept()
        server.setblocking(False)
        client.setblocking(False)
        serving = asyncio.create_task(
            http_session.serve(server, [bytes(100_000)], rebuild_plan(), tree=tree, address=(HERE, 1)))
        await asyncio.sleep(0.4)
        assert not serving.done(), "most of it has still to come"
        while await asyncio.wait_for(loop.sock_recv(client, 65536), 60):
            pass
        client.close()
        tree.close()
        return await serving

    assert asyncio.run(slow()) == "idle, closed"
