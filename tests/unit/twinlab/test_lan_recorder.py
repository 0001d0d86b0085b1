"""The arithmetic on what the lab's instruments saw."""

from __future__ import annotations

from twinlab.measure.lan_recorder import longest, offers, visits


def test_two_dhcp_servers_are_told_from_one_that_says_it_twice() -> None:
    def line(number: int, *macs: str) -> str:
        told = ", ".join(f'{{"mac": "{mac}"}}' for mac in macs)
        return f'{{"time": {number}.0, "number": {number}, "offers": [{told}]}}'

    found = offers(
        [line(1, "aa"), line(2, "aa", "aa"), line(3, "aa", "bb"), "half a li", line(9, "aa")], 1, 5
    )
    assert found == ((1.0, ("aa",)), (2.0, ("aa",)), (3.0, ("aa", "bb")))


def test_the_longest_gap_counts_the_ends_of_the_span() -> None:
    assert longest([1.0, 2.0, 2.5], 0.5, 6.0) == 3.5
    assert longest([], 1.0, 4.0) == 3.0
    assert visits(["1.5 got 10.0.0.9 0.01", "1.6 bad 10.0.0.9 ECONNREFUSED", "1.7 go"]) == {"10.0.0.9": [1.5]}
