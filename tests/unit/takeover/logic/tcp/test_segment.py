"""TCP segments: what is put together is taken apart again, and nothing makes the parser fail."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st
from segments import frame
from twinboot.takeover.logic.tcp import segment
from twinboot.takeover.logic.tcp.segment import (
    ACK,
    FIN,
    PSH,
    SYN,
    Options,
    ack_options,
    parse_segment,
    tcp_packet,
)

CLIENT, SERVER = IPv4Address("192.168.0.128"), IPv4Address("192.168.0.253")


def test_every_field_of_a_segment() -> None:
    options = bytes((2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 7, 1, 3, 3, 7))
    found = parse_segment(
        frame(CLIENT, 40000, SERVER, 80, seq=5, ack=6, flags=SYN | ACK, window=77, options=options)
    )
    assert found is not None
    assert (found.source, found.source_port, found.target, found.target_port) == (CLIENT, 40000, SERVER, 80)
    assert (found.seq, found.ack, found.flags, found.window) == (5, 6, SYN | ACK, 77)
    assert found.options == Options(1460, 7, True, (), (9, 7))
    assert found.next_seq == 6


def test_sack_blocks() -> None:
    blocks = bytes((1, 1, 5, 18)) + struct.pack(">IIII", 10, 20, 30, 40)
    found = parse_segment(frame(CLIENT, 1, SERVER, 2, flags=ACK, options=blocks))
    assert found is not None
    assert found.options.sack_blocks == ((10, 20), (30, 40))


def test_padding_is_no_payload() -> None:
    found = parse_segment(frame(CLIENT, 1, SERVER, 2, flags=ACK) + bytes(6))
    assert found is not None
    assert (found.payload, found.payload_bytes) == (b"", 0)


def test_a_frame_cut_short_says_how_long_it_was() -> None:
    whole = frame(CLIENT, 1, SERVER, 2, flags=ACK | PSH, payload=b"x" * 1000)
    found = parse_segment(whole[:-900])
    assert found is not None
    assert (len(found.payload), found.payload_bytes) == (100, 1000)
    assert found.next_seq == 1000


def test_malformed_options_end_the_list() -> None:
    found = parse_segment(frame(CLIENT, 1, SERVER, 2, flags=SYN, options=bytes((2, 4, 5, 180, 3, 0, 0, 0))))
    assert found is not None
    assert found.options == Options(mss=1460)


def test_what_is_no_tcp_segment_is_none() -> None:
    whole = frame(CLIENT, 1, SERVER, 2)
    assert parse_segment(whole[:40]) is None
    assert parse_segment(whole[:12] + b"\x86\xdd" + whole[14:]) is None  # IPv6
    assert parse_segment(whole[:23] + b"\x11" + whole[24:]) is None  # UDP
    assert parse_segment(whole[:20] + b"\x20\x00" + whole[22:]) is None  # more fragments
    assert parse_segment(whole[:46] + b"\x10" + whole[47:]) is None  # a header of four bytes


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    parse_segment(data)
    parse_segment(frame(CLIENT, 1, SERVER, 2)[:34] + data)


def test_a_question_is_a_valid_packet_outside_of_every_window() -> None:
    packet = tcp_packet(SERVER, 80, CLIENT, 40000)
    found = parse_segment(bytes(12) + b"\x08\x00" + packet)
    assert found is not None
    assert (found.seq, found.ack, found.flags, found.payload) == (0, 0, ACK, b"")
    assert _sums_up(packet[:20])
    pseudo = packet[12:20] + struct.pack(">BBH", 0, 6, 20)
    assert _sums_up(pseudo + packet[20:])
    finished = parse_segment(bytes(12) + b"\x08\x00" + tcp_packet(SERVER, 80, CLIENT, 40000, flags=ACK | FIN))
    assert finished is not None
    assert finished.next_seq == 1


def _sums_up(data: bytes) -> bool:
    """A checksummed block adds up to all ones (RFC 1071 section 1)."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    return (total & 0xFFFF) + (total >> 16) == 0xFFFF


def test_flags_are_those_of_the_header() -> None:
    assert (segment.FIN, segment.SYN, segment.RST, segment.PSH, segment.ACK) == (1, 2, 4, 8, 16)


@given(st.none() | st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
       st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), max_size=3))
def test_where_a_client_is_can_be_said_again(stamps: tuple[int, int] | None,
                                             blocks: list[tuple[int, int]]) -> None:
    packet = tcp_packet(CLIENT, 40000, SERVER, 80, seq=7, ack=8, window=99,
                      options=ack_options(stamps, tuple(blocks)))
    found = parse_segment(bytes(12) + b"\x08\x00" + packet)
    assert found is not None
    assert (found.seq, found.ack, found.window, found.payload_bytes) == (7, 8, 99, 0)
    assert (found.options.timestamps, found.options.sack_blocks) == (stamps, tuple(blocks))
