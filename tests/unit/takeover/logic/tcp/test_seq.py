"""Sequence arithmetic: the wrap at 2^32, and files that pass it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twinboot.takeover.logic.tcp import seq

numbers = st.integers(0, 2**32 - 1)
GIB = 1 << 30


def test_the_wrap() -> None:
    assert seq.add(0xFFFFFFFF, 1) == 0
    assert seq.add(0, -1) == 0xFFFFFFFF
    assert seq.distance(0xFFFFFFF0, 0x10) == 0x20
    assert seq.distance(0x10, 0xFFFFFFF0) == -0x20
    assert seq.before(0xFFFFFFFF, 0)
    assert not seq.before(0, 0xFFFFFFFF)


@given(numbers, st.integers(-2**31, 2**31 - 1))
def test_distance_is_the_inverse_of_add(start: int, gap: int) -> None:
    assert seq.distance(start, seq.add(start, gap)) == gap


@given(numbers, st.integers(0, 40 * GIB), st.integers(-2 * GIB + 1, 2 * GIB - 1))
def test_a_position_beyond_4_gib_is_found_from_one_that_is_near(base: int, position: int, off: int) -> None:
    near = max(0, position + off)
    assert seq.unwrap(base, seq.at(base, position), near) == position


def test_a_position_before_the_base_is_negative() -> None:
    assert seq.unwrap(1000, 990, 0) == -10
