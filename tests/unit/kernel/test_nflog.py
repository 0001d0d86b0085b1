"""What the kernel's netfilter log sends: taken apart, whatever it is."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st
from twinboot.kernel.nflog import parse_packets

PACKET, CONFIG, PAYLOAD, MARK = 0x0400, 0x0401, 9, 2


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def message(kind: int, *attributes: bytes) -> bytes:
    body = struct.pack(">BBH", 2, 0, 694) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body + bytes(-len(body) % 4)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=4))
def test_each_packet_is_found(payloads: list[bytes]) -> None:
    data = b"".join(
        message(PACKET, attribute(MARK, b"\1\2\3\4"), attribute(PAYLOAD, one)) for one in payloads)
    assert list(parse_packets(data)) == payloads
    assert list(parse_packets(message(CONFIG, attribute(PAYLOAD, b"x")) + data)) == payloads


@given(st.binary(max_size=200), st.integers(0, 60))
def test_what_is_cut_off_or_broken_is_left(junk: bytes, at: int) -> None:
    list(parse_packets(junk))
    whole = message(PACKET, attribute(PAYLOAD, b"abc"))
    assert list(parse_packets(whole[:at])) == ([b"abc"] if at >= len(whole) else [])
