"""A captured stream put into order: whatever the order and however often, the bytes come once."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from segments import cut
from twinboot.takeover.logic.tcp import seq
from twinboot.takeover.logic.tcp.reassembly import OUT_OF_ORDER_SEGMENTS, LineSplitter, Reassembler


@given(st.binary(min_size=1, max_size=300), st.lists(st.integers(0, 300), max_size=12),
       st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_shuffled_and_repeated_segments_give_the_bytes_once(data: bytes, cuts: list[int], start: int,
                                                            dice: random.Random) -> None:
    at, pieces = start, []
    for part in cut(data, cuts):
        pieces.append((at, part))
        at = seq.add(at, len(part))
    sent = pieces + dice.choices(pieces, k=3)
    dice.shuffle(sent)
    stream = Reassembler(start)
    found = b"".join(stream.feed(at, part, len(part)) for at, part in sent)
    assert found == data
    assert not stream.lost
    assert stream.next_seq == seq.add(start, len(data))


def test_overlapping_segments() -> None:
    stream = Reassembler(100)
    assert stream.feed(100, b"abc", 3) == b"abc"
    assert stream.feed(101, b"bcde", 4) == b"de"
    assert stream.feed(99, b"?a", 2) == b""


def test_a_hole_that_stays_is_given_up() -> None:
    stream = Reassembler(0)
    for number in range(OUT_OF_ORDER_SEGMENTS + 1):
        assert stream.feed(10 + number, b"x", 1) == b""
    assert stream.lost
    assert stream.feed(0, b"late", 4) == b""


def test_a_segment_cut_short_by_the_capture_is_a_loss_unless_it_is_old() -> None:
    stream = Reassembler(0)
    assert stream.feed(0, b"0123456789", 10) == b"0123456789"
    stream.feed(0, b"0123", 10)
    assert not stream.lost
    stream.feed(10, b"abc", 1000)
    assert stream.lost


@given(st.lists(st.sampled_from([b"a", b"", b"two words"]), max_size=8),
       st.lists(st.integers(0, 80), max_size=8))
def test_lines_are_the_same_however_they_are_cut(lines: list[bytes], cuts: list[int]) -> None:
    whole, cutter = b"".join(line + b"\r\n" for line in lines), LineSplitter(100)
    assert [line for part in cut(whole, cuts) for line in cutter.feed(part)] == lines


def test_a_line_without_end_is_not_collected_for_ever() -> None:
    lines = LineSplitter(10)
    assert lines.feed(b"x" * 11) == []
    assert lines.overrun
    assert lines.partial_line == b""
    assert lines.feed(b"\r\nNOOP\r\n") == []
