"""Rates in virtual time."""

from __future__ import annotations

import pytest
from twinboot.tree_sync.logic.pacing import Pacer, Speed


@pytest.mark.parametrize("rate", [1e5, 5e6])
def test_no_second_lets_more_through_than_the_rate_and_a_short_burst(rate: float) -> None:
    pacer, now, came, size = Pacer(), 100.0, [], 50_000
    pacer.set_rate(rate)
    while now < 110.0:
        came.append(now)
        now += pacer.wait_s(size, now) + 1e-4
    for begin in range(100, 109):
        within = sum(size for at in came if begin <= at < begin + 1)
        assert 0.8 * rate <= within + size
        assert within <= 1.3 * rate + size


def test_no_rate_is_no_wait() -> None:
    assert Pacer().wait_s(1 << 30, 0.0) == 0.0


def test_what_is_left_follows_from_the_last_seconds() -> None:
    speed = Speed()
    assert speed.left_s(100, 0.0) is None
    for second in range(60):
        speed.add(10 if second < 30 else 100, float(second))
    assert speed.left_s(1000, 59.0) == pytest.approx(10.0, rel=0.1)
