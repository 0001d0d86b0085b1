"""TFTP downloads: learned from their datagrams, told to the peers, and gone on with where the client is."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from twinboot.takeover.host.serve import tftp_session
from twinboot.takeover.logic.protocols import tftp
from twinboot.takeover.logic.protocols.tftp import (
    BLOCK_NUMBERS,
    EXPIRE_AFTER_S,
    HALF_WAY,
    MAX_DOWNLOADS,
    MAX_PER_CLIENT,
    Datagram,
    Download,
    Downloads,
    parse_datagram,
)

CLIENT, SERVER = (IPv4Address("192.168.0.129"), 2071), IPv4Address("192.168.0.253")
KERNEL = b"trees/rh9/vmlinuz"
FILES = {KERNEL: (300_000_000, 77), b"/pxelinux.cfg/C0A80081": (500, 3)}
RRQ = b"\0\1trees/rh9/vmlinuz\0octet\0tsize\0" + b"0\0blksize\0" + b"1408\0"
OACK = b"\0\6tsize\0" + b"300000000\0BLKSIZE\0" + b"1024\0"


def frame(source: tuple[IPv4Address, int], target: tuple[IPv4Address, int], payload: bytes) -> bytes:
    udp = struct.pack(">HHHH", source[1], target[1], 8 + len(payload), 0) + payload
    ends = source[0].packed, target[0].packed
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, *ends)
    return bytes(12) + b"\x08\x00" + ip + udp + bytes(6)


def sees(one: Downloads, *events: tuple[str, bytes]) -> None:
    """>: from the client to port 69; <: from the server's port of this download; =: from the client to it."""
    ends = {">": (CLIENT, (SERVER, 69)), "<": ((SERVER, 40000), CLIENT), "=": (CLIENT, (SERVER, 40000))}
    for way, payload in events:
        found = parse_datagram(frame(*ends[way], payload))
        assert found is not None
        one.observe(found, {SERVER}, 5.0)


def ack(number: int) -> bytes:
    return struct.pack(">HH", 4, number)


def known(*events: tuple[str, bytes]) -> Download:
    one = Downloads(FILES.get)
    sees(one, *events)
    [(client, address, found)] = one.followed()
    assert (client, address) == (CLIENT, SERVER)
    return found


def test_a_download_is_known_by_its_request_and_what_was_agreed() -> None:
    assert known((">", RRQ)) == Download(KERNEL, 512, 300_000_000, 77)
    assert known((">", RRQ), ("<", OACK)) == Download(KERNEL, 1024, 300_000_000, 77)


def test_what_is_not_published_or_no_plain_file_is_not_told() -> None:
    one = Downloads(FILES.get)
    sees(one, (">", b"\0\1pxelinux.0\0octet\0"), (">", b"\0\1../etc/passwd\0octet\0"),
         (">", b"\0\1trees/rh9/vmlinuz\0netascii\0"), (">", b"\0\1"), (">", b"\0\2" + RRQ[2:]), ("<", OACK))
    assert list(one.followed()) == []
    sees(one, (">", b"\0\1/pxelinux.cfg/C0A80081\0OCTET\0"))
    assert [found.path for *_, found in one.followed()] == [b"/pxelinux.cfg/C0A80081"]


def test_block_numbers_that_begin_anew_are_counted() -> None:
    begun = ((">", RRQ), ("<", OACK), ("=", ack(0)), ("=", ack(0)))
    first = known(*begun)
    assert (first.wraps, first.offset(5)) == (0, 5 * 1024)
    half = known(*begun, ("=", ack(HALF_WAY)), ("=", ack(HALF_WAY)))
    assert half.offset(HALF_WAY + 1) == (HALF_WAY + 1) * 1024
    second = known(*begun, ("=", ack(HALF_WAY)), ("=", ack(0)), ("=", ack(0)))
    assert (second.wraps, second.offset(7)) == (1, (BLOCK_NUMBERS + 7) * 1024)
    assert half.offset(7) == second.offset(7), "the 0 was not told in time"
    assert second.offset(60_000) == (BLOCK_NUMBERS + 60_000) * 1024
    assert replace(second, wraps=9).offset(7) is None, "beyond the end"


def test_a_taken_over_download_is_known_from_where_it_is() -> None:
    one = Download(KERNEL, 1024, 300_000_000, 77)
    assert one.at(5 * 1024) == one
    assert one.at((BLOCK_NUMBERS + HALF_WAY) * 1024) == replace(one, wraps=1, past_half=True)


def asks(one: Downloads, client: int, port: int, now: float = 9.0) -> None:
    one.observe(Datagram(IPv4Address(client), port, SERVER, 69, RRQ), {SERVER}, now)


def test_changes_are_told_once_and_so_many_at_a_time() -> None:
    one = Downloads(FILES.get)
    sees(one, (">", RRQ))
    assert [found for *_, found in one.changes(9)] == [Download(KERNEL, 512, 300_000_000, 77)]
    sees(one, ("=", ack(0)), ("=", ack(3)))
    assert list(one.changes(9)) == []
    for port in range(1, 6):
        asks(one, 7, port)
    assert [client[1] for client, *_ in one.changes(2)] == [1, 2]
    assert (one.waiting, [client[1] for client, *_ in one.changes(9)]) == (3, [3, 4, 5])


def test_memory_is_bounded_and_one_client_pushes_nobody_out() -> None:
    one = Downloads(FILES.get)
    for client in range(MAX_DOWNLOADS - 1):
        asks(one, client, 1)
    for port in range(1, 3000):
        asks(one, 10**6, port)
    known = [client for client, *_ in one.followed()]
    assert len(known) == MAX_DOWNLOADS
    assert [port for client, port in known if client == IPv4Address(10**6)] == list(
        range(3000 - MAX_PER_CLIENT, 3000))
    assert one.waiting == MAX_DOWNLOADS, "what nobody was told of need not be taken back"


def test_what_is_over_or_left_is_taken_back_once_it_was_told() -> None:
    one = Downloads(FILES.get)
    asks(one, 1, 1)
    asks(one, 2, 2, now=10.0)
    assert len(list(one.changes(9))) == 2
    one.expire(8.0 + EXPIRE_AFTER_S)
    assert one.waiting == 0
    one.expire(9.0 + EXPIRE_AFTER_S)
    assert [(client[1], found) for client, _, found in one.changes(9)] == [(1, None)]
    asks(one, 3, 3)
    one.release(SERVER)
    assert list(one.followed()) == []
    assert [(client[1], found) for client, _, found in one.changes(9)] == [(2, None)]


@pytest.mark.parametrize("half", [False, True])
def test_a_record_survives_the_way_to_a_peer(half: bool) -> None:
    one = Download(KERNEL, 1408, 2**40, 1_700_000_000, 3, half)
    assert tftp.decode(tftp.encode(one)) == one
    for raw in (b"", b"\1", tftp.encode(one)[:10], b"\x09" + tftp.encode(one)[1:],
                tftp.encode(one)[:4] + b"\0\0" + tftp.encode(one)[6:]):
        with pytest.raises(ValueError, match=r"TFTP|blocks|section"):
            tftp.decode(raw)


def test_frames_of_other_kinds_are_none() -> None:
    good = frame(CLIENT, (SERVER, 69), RRQ)
    found = parse_datagram(good)
    assert found is not None
    assert (found.payload, found.opcode) == (RRQ, 1)
    for at, value in ((12, 0x86), (23, 6), (20, 0x20), (14, 0x65)):
        assert parse_datagram(good[:at] + bytes([value]) + good[at + 1:]) is None
    for length in range(42):
        assert parse_datagram(good[:length]) is None


@pytest.mark.parametrize(("length", "begun"), [(5000, 0), (5000, 3), (4096, 2), (0, 0), (70_000 * 8, 65_530)])
def test_the_rest_is_sent_block_by_block(tmp_path: Path, length: int, begun: int) -> None:
    """Also when the client acknowledges some blocks twice, and when the numbers begin anew."""
    block_bytes = 8 if length > 100_000 else 512
    content = os.urandom(length)
    (tmp_path / "file").write_bytes(content)

    async def run() -> bytes:
        ours, theirs = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for one in (ours, theirs):
            one.bind(("127.0.0.1", 0))
            one.setblocking(False)
        ours.connect(theirs.getsockname())
        theirs.connect(ours.getsockname())
        file = os.open(tmp_path / "file", os.O_RDONLY)
        sending = asyncio.create_task(
            tftp_session._send(ours, file, block_bytes, begun % BLOCK_NUMBERS, begun * block_bytes))
        try:
            got = await _received(theirs, (begun + 1) % BLOCK_NUMBERS, block_bytes)
            await asyncio.wait_for(sending, 5)
            return got
        finally:
            ours.close()
            theirs.close()
            os.close(file)

    assert asyncio.run(run()) == content[begun * block_bytes:]


async def _received(sock: socket.socket, expected: int, block_bytes: int) -> bytes:
    """What a client gets that acknowledges each block, and some twice."""
    loop, got = asyncio.get_running_loop(), b""
    while True:
        packet = await asyncio.wait_for(loop.sock_recv(sock, 2048), 10)
        kind, number = struct.unpack_from(">HH", packet)
        assert kind == 3
        if number != expected:
            continue
        got += packet[4:]
        await loop.sock_sendall(sock, ack(number))
        if number % 50 == 0:
            await loop.sock_sendall(sock, ack(number))
        expected = (expected + 1) % BLOCK_NUMBERS
        if len(packet) - 4 < block_bytes:
            return got
