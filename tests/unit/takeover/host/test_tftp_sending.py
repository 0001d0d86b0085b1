"""A taken-over TFTP download on real sockets: block by block from where the client is, and its end."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from pathlib import Path

import pytest
from twinboot.takeover.host.kernel_connections import open_udp_ports
from twinboot.takeover.host.serve.tftp_sending import send_rest
from twinboot.takeover.logic.protocols.tftp_download import Download
from twinboot.takeover.logic.protocols.tftp_options import Terms
from twinboot.takeover.logic.protocols.tftp_sender import Sender

LIMIT_S = 60.0


def ack(number: int) -> bytes:
    return struct.pack(">HH", 4, number)


def pair() -> tuple[socket.socket, socket.socket]:
    """The server's socket and the client's."""
    ours, theirs = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    for one in (ours, theirs):
        one.bind(("127.0.0.1", 0))
        one.setblocking(False)
    ours.connect(theirs.getsockname())
    theirs.connect(ours.getsockname())
    return ours, theirs


def sender_of(path: Path, block_bytes: int, begun: int) -> Sender:
    one = Download(b"file", path.stat().st_size, 1, Terms(block_bytes), begun, 9, True)
    return Sender(one, reach=1000, now=asyncio.get_running_loop().time(), pace_s=0.001)


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize(("length", "begun"), [(5000, 0), (5000, 3), (4096, 2), (0, 0), (70_000 * 8, 65_530)])
def test_the_rest_is_sent_block_by_block(tmp_path: Path, length: int, begun: int, asked: bool) -> None:
    """Also when the client acknowledges some blocks twice, and when the numbers begin anew. asked: the client
    has said where it is before; otherwise it is spoken to first, unless its next round may have begun."""
    block_bytes = 8 if length > 100_000 else 512
    content = os.urandom(length)
    (tmp_path / "file").write_bytes(content)
    found: list[bool] = []

    async def run() -> bytes:
        ours, theirs = pair()
        file = os.open(tmp_path / "file", os.O_RDONLY)
        sender = sender_of(tmp_path / "file", block_bytes, begun)
        if asked:
            sender.heard(begun, asyncio.get_running_loop().time())
        sending = asyncio.create_task(send_rest(ours, file, sender, lambda: found.append(True)))
        try:
            got = await received(theirs, begun + 1, block_bytes) if asked or length < 100_000 else b""
            await asyncio.wait_for(sending, LIMIT_S)
            return got
        finally:
            ours.close()
            theirs.close()
            os.close(file)

    if asked or length < 100_000:
        assert asyncio.run(run()) == content[begun * block_bytes:]
        assert found == [True] * (asked or length >= block_bytes)
    else:
        assert (asyncio.run(run()), found) == (b"", [])


async def received(sock: socket.socket, expected: int, block_bytes: int) -> bytes:
    """What a client gets that acknowledges each block, and some twice."""
    loop, got = asyncio.get_running_loop(), b""
    while True:
        packet = await asyncio.wait_for(loop.sock_recv(sock, 2048), LIMIT_S)
        kind, number = struct.unpack_from(">HH", packet)
        assert kind == 3
        if number != expected % 65_536:
            continue
        got += packet[4:]
        await loop.sock_sendall(sock, ack(number))
        if number % 50 == 0:
            await loop.sock_sendall(sock, ack(number))
        expected += 1
        if len(packet) - 4 < block_bytes:
            return got


@pytest.mark.parametrize("end", ["closed", "error"])
def test_a_client_that_is_gone_is_not_spoken_to_again(tmp_path: Path, end: str) -> None:
    (tmp_path / "file").write_bytes(bytes(5000))

    async def run() -> None:
        ours, theirs = pair()
        file = os.open(tmp_path / "file", os.O_RDONLY)
        try:
            if end == "closed":
                theirs.close()  # its kernel says "port unreachable" (RFC 1122 section 4.1.3.1)
            else:
                theirs.send(b"\0\5\0\5unknown\0")
            await asyncio.wait_for(send_rest(ours, file, sender_of(tmp_path / "file", 512, 3), list), LIMIT_S)
        finally:
            ours.close()
            theirs.close()
            os.close(file)

    asyncio.run(run())


def test_a_file_that_has_become_shorter_is_not_sent(tmp_path: Path) -> None:
    """A short block in the middle would be taken for the last one."""
    (tmp_path / "file").write_bytes(bytes(5000))

    async def run() -> None:
        ours, theirs = pair()
        sender = sender_of(tmp_path / "file", 512, 3)
        os.truncate(tmp_path / "file", 1600)
        file = os.open(tmp_path / "file", os.O_RDONLY)
        try:
            with pytest.raises(OSError, match="changed"):
                await send_rest(ours, file, sender, list)
            with pytest.raises(BlockingIOError):
                theirs.recv(2048)
        finally:
            ours.close()
            theirs.close()
            os.close(file)

    asyncio.run(run())


def test_open_ports_are_those_of_this_kernel() -> None:
    ours, theirs = pair()
    port = ours.getsockname()[1]
    with ours, theirs:
        assert port in (open_udp_ports() or set())
    now = open_udp_ports()
    assert now is not None
    assert port not in now
