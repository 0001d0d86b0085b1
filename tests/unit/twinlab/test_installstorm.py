"""The storm's arithmetic: the ideal time, shares, the rate between two moments."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from twinboot.site import parse
from twinlab.host import labsite
from twinlab.host.client import Client
from twinlab.programs import sharestorm
from twinlab.programs.installstorm import Storm, ideal_s, strays


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


def test_bytes_to_another_servers_clients_are_counted() -> None:
    odd, even = "10.0.0.21", "10.0.0.22"
    before = {"server1": {odd: 10, "10.0.0.4": 5}, "server2": {even: 1, odd: 2}}
    after = {"server1": {odd: 40, "10.0.0.4": 900, even: 3}, "server2": {even: 70, odd: 2}}
    assert strays(before, after, {odd, even}) == 3
    assert strays(after, after, {odd, even}) == 0


def test_the_rate_is_between_the_lines_that_were_said() -> None:
    with subprocess.Popen(["true"], text=True) as process:
        lines = [(0.0, 0, {}), (2.0, 20, {}), (4.0, 100, {"b": 75, "a": 25})]
        storm = Storm(process, Client("none"), progress=lines)
        assert storm.rate(1.0, 3.0) == pytest.approx((60 - 10) / 2)
        assert storm.at(9.0) == 100
        assert storm.shares() == {"a": 0.25, "b": 0.75}


def test_most_at_once_is_by_the_address_that_an_install_came_from() -> None:
    def end(base: str, given: float, ended: float) -> dict[str, Any]:
        return {"base": base, "given": given, "ended": ended}

    ends = [end("a", 1, 4), end("a", 2, 3), end("a", 3, 5), end("b", 1, 9), end("a", 0, 9), end("", 1, 9)]
    assert sharestorm.most_at_once(ends) == {"a": 2, "b": 1}, "one that was given none has no install"


@pytest.mark.parametrize("mode", ["parity", "dns", "load"])
def test_a_site_of_unequal_machines_is_sound(mode: str) -> None:
    of = parse(labsite.prepare(None, 2, sharestorm.patch(30, mode, 4)))
    assert of.balancing.mode == mode
    assert of.balancing.at_once == (4 if mode == "load" else None)
    macs = {one.mac for one in of.hosts.values()}
    assert len(macs) == len(of.hosts) >= 30
