"""A session that goes on here, with clients that speak FTP wrongly: it stays in its tree, and in bounds."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twinboot.takeover.host.published.tree import PublishedTree
from twinboot.takeover.host.serve import ftp_session, lost_input, sending
from twinboot.takeover.host.serve.ftp_data import DataChannel
from twinboot.takeover.logic.protocols.ftp import Channel, Session, Transfer
from twinboot.takeover.logic.protocols.vsftpd_replies import opening_reply

HERE = "127.0.0.1"
SECRET = b"not published"


def published(base: Path) -> Path:
    root = base / "root"
    if not root.exists():
        (root / "trees").mkdir(parents=True)
        (root / "trees/file").write_bytes(b"0123456789")
        (base / "secret").write_bytes(SECRET)
        (root / "trees/out").symlink_to("../../secret")
    return root


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a TCP connection: the session's, the client's."""
    with socket.create_server((HERE, 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    server.setblocking(False)
    client.setblocking(False)
    return server, client


Action = Callable[[socket.socket], Awaitable[bytes]]


async def talk(base: Path, said: bytes, client_does: Action | None = None, *,
               input_may_be_lost: bool = False) -> tuple[bytes, str]:
    """What a client that says all this is answered, and what became of the session."""
    tree, (server, client) = PublishedTree(published(base)), pair()
    serving = ftp_session.FtpSessionServer(server, Session(logged_in=True, binary=True), tree,
                                DataChannel(HERE, HERE), HERE, input_may_be_lost=input_may_be_lost)
    task = asyncio.create_task(serving.serve(b"", None))
    loop = asyncio.get_running_loop()
    heard = b""
    with contextlib.suppress(OSError):
        await loop.sock_sendall(client, said)
        if client_does is not None:
            heard += await client_does(client)
        client.shutdown(socket.SHUT_WR)
    with contextlib.suppress(OSError):
        while data := await asyncio.wait_for(loop.sock_recv(client, 65536), 60):
            heard += data
    client.close()
    ended = await asyncio.wait_for(task, 60)
    tree.close()
    return heard, ended


async def some(client: socket.socket) -> bytes:
    """What comes next."""
    data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 4096), 60)
    assert data, "closed without a word"
    return data


@pytest.mark.parametrize("name", [
    "../secret", "/../secret", "trees/out", "trees/../../secret", "trees", "", "a" * 3000,
])
def test_no_name_leads_out_of_the_tree(tmp_path: Path, name: str) -> None:
    heard, _ = asyncio.run(talk(tmp_path, f"SIZE {name}\r\nMDTM {name}\r\nRETR {name}\r\nQUIT\r\n".encode()))
    replies = [line[:3] for line in heard.split(b"\r\n") if line]
    assert replies == [b"550", b"550", b"550", b"221"]
    assert SECRET not in heard


@pytest.mark.parametrize("name", ["..", "/../..", "trees/out", "none"])
def test_no_directory_but_its_own(tmp_path: Path, name: str) -> None:
    heard, _ = asyncio.run(talk(tmp_path, f"CWD {name}\r\nRETR secret\r\nQUIT\r\n".encode()))
    assert b"550 Failed to open file." in heard
    assert SECRET not in heard


def test_what_would_write_is_refused(tmp_path: Path) -> None:
    verbs = (b"STOR", b"APPE", b"DELE", b"MKD", b"RNFR", b"XRMD")
    said = b"".join(verb + b" trees/file\r\n" for verb in verbs)
    heard, _ = asyncio.run(talk(tmp_path, said + b"QUIT\r\n"))
    assert heard.count(b"550 Permission denied.") == 6
    assert (tmp_path / "root/trees/file").read_bytes() == b"0123456789"


def test_a_line_without_end_ends_the_session(tmp_path: Path) -> None:
    heard, _ = asyncio.run(talk(tmp_path, b"RETR " + b"x" * 100_000))
    assert b"500 Input line too long." in heard


def test_the_reply_comes_when_the_client_has_the_file_though_it_keeps_its_end_open(tmp_path: Path) -> None:
    """As clients do that close the data connection only when they know how it went."""
    async def test() -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server((HERE, 0)) as listener:
            listener.setblocking(False)

            async def take(client: socket.socket) -> bytes:
                data, _ = await asyncio.wait_for(loop.sock_accept(listener), 60)
                heard = b""
                while b"226 " not in heard:
                    heard += await some(client)
                assert await loop.sock_recv(data, 100) == b"0123456789"
                data.close()
                return heard

            port = listener.getsockname()[1]
            said = b"PORT 127,0,0,1,%d,%d\r\nRETR trees/file\r\n" % divmod(port, 256)
            heard, _ = await talk(tmp_path, said, take)
        assert b"226 " in heard

    asyncio.run(test())


def test_a_client_that_breaks_a_transfer_off_is_told_so(tmp_path: Path) -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        (published(tmp_path) / "trees/big").write_bytes(bytes(16 << 20))
        with socket.create_server((HERE, 0)) as listener:
            listener.setblocking(False)

            async def take(client: socket.socket) -> bytes:
                data, _ = await asyncio.wait_for(loop.sock_accept(listener), 60)
                sending.reset(data)
                heard = b""
                while b"426 " not in heard:
                    heard += await some(client)
                return heard

            port = listener.getsockname()[1]
            said = b"PORT 127,0,0,1,%d,%d\r\nRETR trees/big\r\n" % divmod(port, 256)
            heard, _ = await talk(tmp_path, said, take)
        assert b"226 " not in heard

    asyncio.run(test())


@pytest.mark.parametrize("other", [b"PORT 8,8,8,8,%d,%d", b"PORT 127,0,0,2,%d,%d", b"EPRT |1|8.8.8.8|%d%d|"])
def test_a_file_goes_to_the_client_itself_and_to_no_other_address(tmp_path: Path, other: bytes) -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server((HERE, 0)) as listener:
            listener.setblocking(False)
            port = listener.getsockname()[1]

            async def take(_client: socket.socket) -> bytes:
                data, (address, _port) = await asyncio.wait_for(loop.sock_accept(listener), 60)
                assert address == HERE
                got = await loop.sock_recv(data, 100)
                data.close()
                return b"<" + got + b">"

            # A server that believed the first would send to others (RFC 2577 section 3).
            said = b"\r\n".join((other, b"RETR trees/file", b"PORT 127,0,0,1,%d,%d", b"REST 4",
                                 b"RETR trees/file", b"")) % (*divmod(port, 256), *divmod(port, 256))
            heard, ended = await talk(tmp_path, said, take)
        assert b"<456789>" in heard
        refused, none, *_ = heard.replace(b"<456789>", b"").splitlines()
        assert (refused[:4], none) == (b"500 ", b"425 Use PORT or PASV first.")
        assert opening_reply(b"trees/file", 10) in heard
        assert b"226 " in heard
        assert ended == "ended by the client"

    asyncio.run(test())


@pytest.mark.parametrize("low", [1, 21, 80, 1023])
def test_no_connection_to_a_service_of_the_client(tmp_path: Path, low: int) -> None:
    heard, _ = asyncio.run(talk(tmp_path, b"PORT 127,0,0,1,%d,%d\r\nQUIT\r\n" % divmod(low, 256)))
    assert b"500 Illegal PORT command." in heard


def test_words_that_were_lost_with_the_server_end_the_session_in_order(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_input, "LOST_INPUT_S", 0.05)

    async def wait(client: socket.socket) -> bytes:
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 100), 60)

    heard, ended = asyncio.run(talk(tmp_path, b"", wait, input_may_be_lost=True))
    assert heard == b"421 Timeout.\r\n"
    assert ended == "idle, closed"


def test_who_says_very_much_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    """All its commands are there already, and there is room for all replies: nothing has to be waited for."""
    async def test() -> None:
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        task = asyncio.create_task(others())
        heard, _ = await talk(tmp_path, b"NOOP\r\n" * 500)
        task.cancel()
        assert heard.count(b"200 NOOP ok.") == 500
        assert turns >= 500

    asyncio.run(test())


@pytest.mark.parametrize(("line", "data", "said"), [
    (b"RETR trees/file", b"0123456789", b"226 Transfer complete.\r\n"),
    (b"NLST trees", b"file\r\nout\r\n", b"226 Directory send OK.\r\n"),
])
def test_what_was_announced_and_not_begun_is_sent(tmp_path: Path, line: bytes, data: bytes, said: bytes
                                                  ) -> None:
    """The dead server had said 150; the client has its data connection, and nothing on it."""
    async def test() -> None:
        tree, (server, client), (ours, theirs) = PublishedTree(published(tmp_path)), pair(), pair()
        channel = DataChannel(HERE, HERE)
        channel.take_over(ours)
        begun = Transfer(b"/", 0, started=True)
        session = Session(logged_in=True, binary=True, pending=(line,), transfer=begun)
        serving = ftp_session.FtpSessionServer(server, session, tree, channel, HERE)

        async def delivery() -> None:
            return None

        task = asyncio.create_task(serving.serve(b"", delivery))
        assert await some(theirs) == data
        assert await asyncio.get_running_loop().sock_recv(theirs, 1) == b""
        theirs.close()
        assert await some(client) == said
        client.close()
        await task
        tree.close()

    asyncio.run(test())


@pytest.mark.parametrize(("started", "arrived", "said"), [
    (True, True, b"226 Transfer complete.\r\n"),
    (False, True, opening_reply(b"trees/file", 10) + b"226 Transfer complete.\r\n"),
    (True, False, b"426 Failure writing network stream.\r\n"),
    (False, False, b"426 Failure writing network stream.\r\n"),
])
def test_the_client_hears_of_a_transfer_what_it_has_not_heard(
        tmp_path: Path, started: bool, arrived: bool, said: bytes) -> None:
    """Its data connection is over: it has all, or was reset."""
    async def test() -> None:
        tree, (server, client) = PublishedTree(published(tmp_path)), pair()
        session = Session(logged_in=True, binary=True, pending=(b"RETR trees/file",),
                          transfer=Transfer(b"/trees/file", 0, started, 10, 1))
        serving = ftp_session.FtpSessionServer(server, session, tree, DataChannel(HERE, HERE), HERE)

        async def delivery() -> ftp_session.Delivery:
            over: ftp_session.Delivery = asyncio.get_running_loop().create_future()
            over.set_result(arrived)
            return over

        task = asyncio.create_task(serving.serve(b"", delivery))
        heard = b""
        while len(heard) < len(said):
            heard += await some(client)
        assert heard == said
        client.close()
        await task
        tree.close()

    asyncio.run(test())


def test_no_transfer_is_announced_without_its_connection(tmp_path: Path) -> None:
    """As vsftpd: who has heard 150 has had a data connection, and a taker may rely on that."""
    with socket.create_server((HERE, 0)) as closed:
        numbers = b"127,0,0,1,%d,%d" % divmod(closed.getsockname()[1], 256)
    heard, _ = asyncio.run(talk(tmp_path, b"PORT " + numbers + b"\r\nRETR trees/file\r\n"))
    assert b"425" in heard
    assert b"150" not in heard


_WORDS = st.sampled_from([
    b"RETR ", b"CWD ", b"PASV", b"PORT 127,0,0,1,4,1", b"REST ", b"LIST ", b"ABOR", b"\r\n", b"\n", b"\0",
    b"\xff\xf4", b"../secret", b"/", b" ", b"99999999999999999999", b"TYPE A", b"\r",
])


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(_WORDS, st.binary(max_size=20)), max_size=25))
def test_no_words_lead_out_or_hang_it(tmp_path: Path, words: list[bytes]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("twinboot.takeover.host.serve.ftp_data.CONNECT_S", 0.01)
        heard, _ = asyncio.run(talk(tmp_path, b"".join(words)))
    assert SECRET not in heard


def test_a_data_connection_that_is_taken_over_late_is_used() -> None:
    """The session was first, and waits at the dead server's port. Its client has come there long ago."""

    async def scenario() -> None:
        channel, (server, client) = DataChannel(HERE, HERE), pair()
        channel.passive()
        waiting = asyncio.create_task(channel.connection())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        channel.take_over(server)
        assert await asyncio.wait_for(waiting, 60) is server
        assert not channel.is_agreed
        server.close()
        client.close()

    asyncio.run(scenario())


def test_a_port_that_is_learned_late_is_used() -> None:
    async def scenario() -> None:
        channel = DataChannel(HERE, HERE)
        channel.active(1)
        waiting = asyncio.create_task(channel.connection())
        port = channel.passive()
        with socket.create_connection((HERE, port)) as client:
            found = await asyncio.wait_for(waiting, 60)
            assert found.getpeername() == client.getsockname()
            found.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(("exc", "loud"), [
    (ConnectionAbortedError(103, "our own, when an address moves on"), False),
    (ConnectionResetError(104, "the client"), False),
    (TimeoutError(110, "the client took nothing"), True),
    (sending.SendError("has become shorter"), True),
])
def test_a_client_that_has_gone_is_no_news(exc: Exception, loud: bool) -> None:
    assert (sending.log_level(exc) >= logging.WARNING) == loud


def test_a_data_connection_that_was_taken_over_stays_when_its_port_is_expected() -> None:
    async def play() -> None:
        channel, (server, client) = DataChannel(HERE, HERE), pair()
        channel.take_over(server)
        channel.expect(Channel.PASSIVE, 30001)  # its session, taken over later, still names the port
        assert await channel.connection() is server
        client.close()
        server.close()

    asyncio.run(play())


def test_a_channel_knows_the_port_that_it_listened_on_last() -> None:
    channel = DataChannel(HERE, HERE)
    port = channel.passive()
    channel.close()
    assert channel.listened_on(port)
    assert not channel.listened_on(port + 1)
