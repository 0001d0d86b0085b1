"""The storm's arithmetic: the ideal time, shares, the rate between two moments."""

from __future__ import annotations

import subprocess

import pytest
from twinlab.client import Client
from twinlab.installstorm import Storm, ideal_s, shares


@pytest.mark.parametrize(
    ("outages", "expected"),
    [
        ([], 50.0),
        ([(110.0, 120.0)], 55.0),  # ten seconds with one link of two cost five
        ([(110.0, 500.0)], 90.0),  # it never comes back in time
        ([(200.0, 210.0)], 50.0),  # too late to matter
        ([(110.0, 120.0), (130.0, 140.0)], 60.0),
    ],
)
def test_the_ideal(outages: list[tuple[float, float]], expected: float) -> None:
    assert ideal_s(1000.0, 10.0, 100.0, outages) == pytest.approx(expected)


def test_shares_count_the_clients_alone() -> None:
    before = {"server1": {"a": 10, "peer": 5}, "server2": {"b": 0}}
    after = {"server1": {"a": 40, "peer": 900}, "server2": {"b": 70, "a": 0}}
    assert shares(before, after, {"a", "b"}) == {"server1": 0.3, "server2": 0.7}
    assert shares(after, after, {"a", "b"}) == {}


def test_the_rate_is_between_the_lines_that_were_said() -> None:
    with subprocess.Popen(["true"], text=True) as process:
        storm = Storm(process, Client("none"), progress=[(0.0, 0, {}), (2.0, 20, {}), (4.0, 100, {})])
        assert storm.rate(1.0, 3.0) == pytest.approx((60 - 10) / 2)
        assert storm.at(9.0) == 100
