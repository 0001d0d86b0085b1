"""A slow line carries fewer messages and never old ones, in virtual time."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.wire.cluster.line_queue import LineQueue


def run(speed: int, size: int, interval_s: float, until_s: float) -> list[tuple[float, float]]:
    """When each message that was sent was made, and when its last byte arrived."""
    box, sent, now, due = LineQueue(speed), list[tuple[float, float]](), 0.0, 0.0
    while now < until_s:
        if now >= due:
            box.put(repr(now).encode().ljust(size, b" "))
            due += interval_s
        if box.waiting and not box.busy_s(now):
            message = box.take()
            box.wrote(len(message), now)
            sent.append((float(message), now + len(message) * 10 / speed))
        busy_s = box.busy_s(now) if box.waiting else due - now
        now = min(due, now + max(busy_s, 1e-4))
    return sent


def test_a_fast_line_carries_every_message() -> None:
    sent = run(115200, 350, 0.2, 10.05)
    assert len(sent) == 51
    assert max(arrived - made for made, arrived in sent) == pytest.approx(350 * 10 / 115200, abs=0.001)


def test_a_slow_line_carries_what_it_can_and_each_is_new() -> None:
    """350 bytes take 0.36 s at 9600 bit/s, and one is made every 0.2 s."""
    on_line_s = 350 * 10 / 9600
    sent = run(9600, 350, 0.2, 10.0)
    assert len(sent) == pytest.approx(10 / on_line_s, abs=2)
    assert max(arrived - made for made, arrived in sent) < on_line_s + 0.2 + 0.01
    gaps = [b[1] - a[1] for a, b in itertools.pairwise(sent)]
    assert max(gaps) < on_line_s + 0.01, "the line stood idle"


@given(st.sampled_from([1200, 9600, 115200]), st.integers(20, 1400), st.floats(0.02, 1.0))
def test_nothing_older_than_one_message_and_one_interval_arrives(
    speed: int, size: int, interval_s: float
) -> None:
    sent = run(speed, size, interval_s, 5.0)
    assert sent
    assert max(arrived - made for made, arrived in sent) <= size * 10 / speed + interval_s + 0.01
    assert [made for made, _ in sent] == sorted(made for made, _ in sent)


def test_what_the_driver_still_has_counts() -> None:
    box = LineQueue(9600)
    box.put(b"x" * 96)
    assert box.busy_s(1.0) == 0
    assert box.busy_s(1.0, unsent=960) == 1.0


def test_a_message_that_was_begun_is_finished_before_the_next() -> None:
    box = LineQueue(9600)
    box.put(b"first")
    assert box.take() == b"first"
    box.wrote(2, 0.0)
    box.put(b"second")
    box.put(b"third")
    assert (box.partly_written, box.busy_s(0.0), box.take()) == (True, 0.0, b"rst")
    box.wrote(3, 0.0)
    assert box.busy_s(0.0) == pytest.approx(5 * 10 / 9600)
    assert (box.take(), box.superseded) == (b"third", 1)


def test_a_line_that_stands_still_is_noticed_and_left_behind() -> None:
    box = LineQueue(9600)
    assert box.overdue_s(100.0) == 0
    box.clear(100.0)
    box.put(b"x" * 96)
    box.take()
    box.wrote(48, 100.0)
    assert box.overdue_s(100.04) == 0
    assert box.overdue_s(102.05) == pytest.approx(2.0)
    box.put(b"new")
    box.drop_partial(102.05)
    assert (box.busy_s(102.05), box.take(), box.superseded) == (0.0, b"new", 1)
