"""TFTP downloads are learned from their datagrams; what is not certain is not followed."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twinboot.takeover.logic.file_facts import FileFacts
from twinboot.takeover.logic.protocols.tftp import (
    BLIND_S,
    BLOCKS_PER_S,
    EXPIRE_AFTER_S,
    FASTER_THAN_SEEN,
    MAX_DOWNLOADS,
    MAX_PER_CLIENT,
    SAMPLE_BLOCKS,
    Downloads,
)
from twinboot.takeover.logic.protocols.tftp_download import Download
from twinboot.takeover.logic.protocols.tftp_options import Terms
from twinboot.takeover.logic.protocols.tftp_packets import Datagram, parse_datagram

CLIENT, SERVER = (IPv4Address("192.168.0.129"), 2071), IPv4Address("192.168.0.253")
KERNEL, SIZE, PORT = b"trees/rh9/vmlinuz", 300_000_000, 40_000
FILES = {KERNEL: FileFacts(SIZE, 77), b"/pxelinux.cfg/C0A80081": FileFacts(500, 3)}
PLAIN = b"\0\1trees/rh9/vmlinuz\0octet\0"
RRQ = PLAIN + b"tsize\0" + b"0\0blksize\0" + b"1408\0"
OACK = b"\0\6tsize\0" + b"300000000\0BLKSIZE\0" + b"1024\0"
AGREED = (69, RRQ), (-PORT, OACK)
Event = tuple[int, bytes]
"""The server's port, and what the client says to it; negative: what is said from it to the client."""


def frame(source: tuple[IPv4Address, int], target: tuple[IPv4Address, int], payload: bytes) -> bytes:
    udp = struct.pack(">HHHH", source[1], target[1], 8 + len(payload), 0) + payload
    ends = source[0].packed, target[0].packed
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, *ends)
    return bytes(12) + b"\x08\x00" + ip + udp + bytes(6)


def sees(one: Downloads, *events: Event, now: float = 5.0) -> Downloads:
    for port, payload in events:
        ends = (CLIENT, (SERVER, port)) if port > 0 else ((SERVER, -port), CLIENT)
        found = parse_datagram(frame(*ends, payload))
        assert found is not None
        one.observe(found, {SERVER}, now)
    return one


def ack(number: int, port: int = PORT) -> Event:
    return port, struct.pack(">HH", 4, number % 65_536)


def samples(until: int, start: int = 0) -> Iterator[Event]:
    return (ack(block) for block in range(start, until + 1, SAMPLE_BLOCKS))


def known(*events: Event) -> Download | None:
    one = sees(Downloads(FILES.get), *events)
    found = list(one.followed())
    assert [key for *key, _ in found] == [[CLIENT, SERVER]] * len(found)
    return found[0][2] if found else None


def refused(*events: Event) -> list[str]:
    one = sees(Downloads(FILES.get), *events)
    assert list(one.followed()) == []
    return list(one.refused.elements())


def test_a_download_is_known_by_its_request_what_was_agreed_and_the_port_that_is_acknowledged() -> None:
    assert known((69, RRQ)) is None, "what the server grants is not known yet"
    agreed = Download(KERNEL, SIZE, 77, Terms(1024), server_port=PORT)
    assert known(*AGREED) == agreed
    confirmed = known(*AGREED, ack(0))
    assert confirmed == Download(KERNEL, SIZE, 77, Terms(1024), 0, PORT, True)
    assert known(*AGREED, ack(0), ack(128), ack(384)) == confirmed.at(384)
    assert known((69, PLAIN)) == Download(KERNEL, SIZE, 77)
    assert known((69, PLAIN), ack(1)) == Download(KERNEL, SIZE, 77, Terms(), 1, PORT, True)
    with_timeout = RRQ + b"timeout\0" + b"6\0"
    found = known((69, with_timeout), (-PORT, OACK), ack(0))
    assert found is not None
    assert found.counts_on


def test_what_is_not_published_or_no_plain_file_is_not_told() -> None:
    one = sees(Downloads(FILES.get), (69, b"\0\1pxelinux.0\0octet\0"), (69, b"\0\1../etc/passwd\0octet\0"),
               (69, b"\0\1"), (69, b"\0\2" + RRQ[2:]), (-PORT, OACK), ack(0))
    assert list(one.followed()) == []
    sees(one, (69, b"\0\1/pxelinux.cfg/C0A80081\0OCTET\0"))
    assert [found.path for *_, found in one.followed()] == [b"/pxelinux.cfg/C0A80081"]


@pytest.mark.parametrize("mode", [b"netascii", b"NetASCII", b"mail", b""])
def test_a_mode_that_changes_the_bytes_is_not_followed(mode: bytes) -> None:
    """Line ends are changed, so a block holds other bytes of the file than its number says."""
    assert known((69, b"\0\1trees/rh9/vmlinuz\0" + mode + b"\0"), ack(1), ack(128)) is None


@pytest.mark.parametrize(("events", "reason"), [
    (((69, RRQ), (-PORT, OACK + b"x\0" + b"1\0"), ack(0)), "unknown-option"),
    (((69, RRQ), (-PORT, b"\0\6tsize\0" + b"5\0"), ack(0)), "tsize"),
    (((69, RRQ), (-PORT, OACK[:-1]), ack(0)), "malformed"),
    (((69, RRQ), ack(0)), "no-agreement"),
    (((69, RRQ), ack(1)), "no-agreement"),
    (((69, PLAIN), ack(0)), "no-agreement"),
    (((69, PLAIN), (-PORT, OACK), ack(0)), "not-asked"),
    ((*AGREED, ack(0), ack(128), ack(0, 41_000)), "another-port"),
    ((*AGREED, *samples(65_408), ack(65_664)), "rollover"),
])
def test_what_is_not_certain_is_counted_once_and_not_followed(events: tuple[Event, ...], reason: str) -> None:
    assert refused(*events) == [reason]
    assert refused(*events, ack(256), ack(384)) == [reason]


def test_the_peers_are_told_that_it_is_not_followed() -> None:
    one = sees(Downloads(FILES.get), *AGREED, ack(0))
    assert len(list(one.changes(9))) == 1
    sees(one, ack(0, 41_000))
    assert [found for *_, found in one.changes(9)] == [None]


def test_a_request_that_is_repeated_is_answered_from_two_ports_and_the_client_takes_one() -> None:
    plain = ((69, RRQ), (-PORT, OACK), (69, PLAIN), ack(1, 41_000))
    found = known(*plain)
    assert found is not None
    assert (found.terms, found.server_port) == (Terms(), 41_000)
    smaller = OACK.replace(b"1024", b"512")
    both = ((69, RRQ), (-PORT, OACK), (-41_000, smaller))
    for port, block_bytes in ((PORT, 1024), (41_000, 512)):
        found = known(*both, ack(0, port), ack(128, port))
        assert found is not None
        assert (found.terms.block_bytes, found.server_port, found.acknowledged) == (block_bytes, port, 128)


def test_a_second_file_from_the_same_port_begins_anew() -> None:
    found = known(*AGREED, *samples(1280), (69, PLAIN), ack(1, 41_000))
    assert found == Download(KERNEL, SIZE, 77, Terms(), 1, 41_000, True)


def test_block_numbers_that_begin_anew_are_counted() -> None:
    begun = *AGREED, *samples(200_064)
    found = known(*begun)
    assert found is not None
    assert found.acknowledged == 200_064
    assert known(*begun, ack(200_064 - 128), ack(200_064)) == found, "late copies of older ones"
    one = sees(Downloads(FILES.get), *begun, ack(2**20))
    assert [one.acknowledged for *_, one in one.followed()] == [200_064], "half a round ahead is one behind"


@given(st.integers(0, 65_535))
@settings(max_examples=30, deadline=None)
def test_rollover_to_1_is_counted_as_agreed(more: int) -> None:
    grants = OACK + b"rollover\0" + b"1\0"
    last = 65_535 + more
    blocks = (*range(0, last, 1000), last)
    numbers = [block if block < 65_536 else (block - 65_536) % 65_535 + 1 for block in blocks]
    found = known((69, RRQ + b"rollover\0" + b"1\0"), (-PORT, grants), *(ack(number) for number in numbers))
    assert found is not None
    assert (found.acknowledged, found.terms.rollover) == (last, 1)


def test_after_a_time_without_watching_nothing_is_certain_where_numbers_come_twice() -> None:
    small = b"\0\1/pxelinux.cfg/C0A80081\0octet\0"
    one = sees(Downloads(FILES.get), *AGREED, ack(0))
    one.observe(Datagram(CLIENT[0], 9, SERVER, 69, small), {SERVER}, 5.0)
    one.look(5.0 + BLIND_S)
    assert len(list(one.followed())) == 2
    one.look(5.1 + 2 * BLIND_S)
    assert [found.size for *_, found in one.followed()] == [500]
    assert list(one.refused.elements()) == ["not-watched"]


def asks(one: Downloads, client: int, port: int, now: float = 9.0) -> None:
    one.observe(Datagram(IPv4Address(client), port, SERVER, 69, PLAIN), {SERVER}, now)


def test_changes_are_told_once_and_so_many_at_a_time() -> None:
    one = sees(Downloads(FILES.get), *AGREED)
    assert [found.acknowledged for *_, found in one.changes(9) if found is not None] == [0]
    sees(one, ack(0), ack(0), now=6.0)
    assert len(list(one.changes(9))) == 1
    for port in range(1, 6):
        asks(one, 7, port, now=7.0)
    assert [client[1] for client, *_ in one.changes(2)] == [1, 2]
    assert (one.waiting, [client[1] for client, *_ in one.changes(9)]) == (3, [3, 4, 5])


def test_positions_wait_for_the_rest_and_only_the_last_is_told() -> None:
    one = sees(Downloads(FILES.get), *AGREED, ack(0))
    list(one.changes(9))
    assert one.untold_blocks(SERVER) == (SAMPLE_BLOCKS, BLOCKS_PER_S)
    sees(one, *samples(1280))
    assert (one.waiting, one.untold_blocks(SERVER)) == (0, (1280 + SAMPLE_BLOCKS, BLOCKS_PER_S))
    assert [found.acknowledged for *_, found in one.progress(9) if found is not None] == [1280]
    assert (list(one.progress(9)), one.untold_blocks(SERVER)) == ([], (SAMPLE_BLOCKS, BLOCKS_PER_S))
    assert one.untold_blocks(IPv4Address(1)) is None


def test_how_fast_a_client_may_be_follows_from_how_fast_it_was() -> None:
    one = sees(Downloads(FILES.get), *AGREED, ack(0))
    for place, now in ((128, 6.0), (256, 6.1), (1128, 7.0), (1256, 9.0)):
        sees(one, ack(place), now=now)
    assert one.untold_blocks(SERVER) == (1256 + SAMPLE_BLOCKS, FASTER_THAN_SEEN * 1000)
    sees(one, ack(20_000), now=10.0)
    assert one.untold_blocks(SERVER) == (20_000 + SAMPLE_BLOCKS, BLOCKS_PER_S)


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
    asks(one, 3, 3, now=11.0)
    one.release(SERVER)
    assert list(one.followed()) == []
    assert [(client[1], found) for client, _, found in one.changes(9)] == [(2, None)]


def test_a_download_is_over_when_the_servers_port_is_closed() -> None:
    one = sees(Downloads(FILES.get), *AGREED)
    one.ended(set())
    assert len(list(one.followed())) == 1, "nobody has acknowledged anything there"
    sees(one, ack(0))
    one.ended({PORT})
    assert len(list(one.changes(9))) == 1
    one.ended({PORT + 1})
    assert [found for *_, found in one.changes(9)] == [None]


def test_a_download_that_was_taken_over_goes_on_being_told() -> None:
    one = Downloads(FILES.get)
    there = Download(KERNEL, SIZE, 77, Terms(1024), 1000, PORT, True)
    one.seed(CLIENT, SERVER, there, 5.0)
    assert [found for *_, found in one.changes(9)] == [there]
    sees(one, ack(1024))
    assert [found for *_, found in one.progress(9)] == [there.at(1024)]
    one.seed(CLIENT, SERVER, Download(KERNEL, SIZE, 77), 5.0)
    sees(one, ack(1152))
    assert list(one.followed()) == [], "told by the process before this one, which had not seen the port"


def test_frames_of_other_kinds_are_none() -> None:
    good = frame(CLIENT, (SERVER, 69), RRQ)
    found = parse_datagram(good)
    assert found is not None
    assert (found.payload, found.opcode) == (RRQ, 1)
    for at, value in ((12, 0x86), (23, 6), (20, 0x20), (14, 0x65)):
        assert parse_datagram(good[:at] + bytes([value]) + good[at + 1:]) is None
    for length in range(42):
        assert parse_datagram(good[:length]) is None
