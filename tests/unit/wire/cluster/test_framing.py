"""Frames come out of a stream whole and in order, wherever it is cut and whatever stands between them."""

from __future__ import annotations

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.wire.cluster.framing import FLAG, MAX_PAYLOAD, OVERHEAD, Deframer, frame

# Bytes that mean something to the framing are frequent, so that every way to meet them is tried.
BYTES = st.binary(max_size=60) | st.lists(
    st.sampled_from([0x7E, 0x7D, 0x5E, 0x5D, 0x20, 0x00]), max_size=12).map(bytes)
PAYLOADS = BYTES.filter(bool)
GARBAGE = BYTES.map(lambda data: data.replace(FLAG, b""))
CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=20)


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    """The stream cut into pieces of these sizes, over and over."""
    found, at, turn = [], 0, 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        found.append(stream[at:at + size])
        at, turn = at + size, turn + 1
    return found


def received(stream: bytes, cuts: list[int]) -> list[bytes]:
    deframer = Deframer()
    return [payload for piece in pieces(stream, cuts) for payload in deframer.feed(piece)]


@given(st.lists(PAYLOADS, max_size=8), CUTS)
def test_what_is_sent_comes_out_wherever_the_stream_is_cut(payloads: list[bytes], cuts: list[int]) -> None:
    assert received(b"".join(map(frame, payloads)), cuts) == payloads


@given(st.lists(st.tuples(GARBAGE, PAYLOADS), max_size=8), CUTS)
def test_garbage_between_frames_costs_no_frame(mixed: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    """Every frame begins with a flag, which ends whatever stood before it."""
    stream = b"".join(garbage + frame(payload) for garbage, payload in mixed)
    assert received(stream, cuts) == [payload for _, payload in mixed]


@given(st.binary(max_size=400), CUTS, PAYLOADS)
def test_after_any_bytes_the_next_frame_is_read(noise: bytes, cuts: list[int], payload: bytes) -> None:
    deframer = Deframer()
    for piece in pieces(noise, cuts):
        deframer.feed(piece)
    assert deframer.feed(frame(payload))[-1:] == [payload]


@given(PAYLOADS, st.data())
def test_a_changed_byte_is_never_taken_for_the_truth(payload: bytes, data: st.DataObject) -> None:
    good = bytearray(frame(payload))
    at = data.draw(st.integers(0, len(good) - 1))
    good[at] ^= data.draw(st.integers(1, 255))
    assert [one for one in received(bytes(good), [7]) if one != payload] == []


@given(PAYLOADS, st.data())
def test_a_lost_stretch_costs_its_own_frame_only(payload: bytes, data: st.DataObject) -> None:
    """A line that drops bytes, as one without flow control does when its buffer is full."""
    other = b"other"
    after = len(frame(payload)) // len(frame(other)) + 2
    stream = frame(payload) + frame(other) * after
    first = data.draw(st.integers(0, len(frame(payload)) - 1))
    length = data.draw(st.integers(1, len(frame(payload))))
    lost = stream[:first] + stream[first + length:]
    assert received(lost, [5])[-1:] == [other]
    assert set(received(lost, [5])) <= {payload, other}


def test_a_frame_without_payload_is_none() -> None:
    """What a lost stretch leaves of four zero bytes looks like one: the CRC-32 of nothing is zero."""
    with pytest.raises(ValueError, match="0 bytes"):
        frame(b"")
    deframer = Deframer()
    assert deframer.feed(FLAG + bytes(4) + frame(b"next")) == [b"next"]
    assert deframer.garbled == 1


def test_the_layout_is_that_of_rfc_1662() -> None:
    # 0xCBF43926 is the check value that every table of CRC-32 gives for these nine digits.
    assert frame(b"123456789") == b"~123456789" + bytes.fromhex("2639f4cb") + b"~"
    crc = binascii.crc32(b"a~b}").to_bytes(4, "little")
    assert frame(b"a~b}") == b"~a}^b}]" + crc + b"~"
    assert len(frame(b"plain")) == len(b"plain") + OVERHEAD


def test_an_aborted_frame_is_dropped() -> None:
    """RFC 1662 section 4.3: an escape right before the flag aborts the frame."""
    deframer = Deframer()
    assert deframer.feed(frame(b"x")[:-1] + b"\x7d\x7e" + frame(b"y")) == [b"y"]
    assert deframer.garbled == 1


def test_garbage_is_counted_by_stretch_and_flags_are_free() -> None:
    deframer = Deframer()
    deframer.feed(FLAG * 50)
    assert deframer.garbled == 0
    deframer.feed(b"login: ~password: ~")
    assert deframer.garbled == 2


def test_a_stream_without_flags_is_not_hoarded() -> None:
    deframer = Deframer()
    for _ in range(1000):
        assert deframer.feed(b"\x55" * 4096) == []
    assert len(deframer._buffer) <= 2 * MAX_PAYLOAD + 8
    assert deframer.feed(frame(b"found again")) == [b"found again"]
    assert deframer.garbled == 1


def test_the_largest_payload_passes_and_one_more_byte_does_not() -> None:
    for largest in (b"\x7e" * MAX_PAYLOAD, b"\x55" * MAX_PAYLOAD):
        assert received(frame(largest), [900]) == [largest]
    with pytest.raises(ValueError, match="2049 bytes"):
        frame(b"\x55" * (MAX_PAYLOAD + 1))
    crc = binascii.crc32(bytes(MAX_PAYLOAD + 1)).to_bytes(4, "little")
    assert received(FLAG + bytes(MAX_PAYLOAD + 1) + crc + FLAG, [900]) == []


def test_what_was_under_way_is_forgotten_on_a_new_line() -> None:
    deframer = Deframer()
    deframer.feed(frame(b"half of it")[:6])
    deframer.reset()
    assert deframer.feed(frame(b"whole")) == [b"whole"]
    assert deframer.garbled == 0
