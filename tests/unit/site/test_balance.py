"""Balancing: every address has exactly one group, and groups get the shares their weights ask for."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.site.balance import weighted_balance

NAMES = ("first", "second", "third", "fourth", "fifth")
weights = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 20), min_size=1)
addresses = st.integers(1, 2**32 - 2).map(IPv4Address)


@pytest.mark.parametrize(
    ("address", "group"),
    [("192.168.0.128", "second"), ("192.168.0.129", "first"), ("10.0.0.1", "first"), ("10.0.1.0", "second")],
)
def test_two_groups_odd_is_first_even_is_second(address: str, group: str) -> None:
    assert weighted_balance({"first": 1, "second": 1}).group_of(IPv4Address(address)) == group


def test_three_groups_go_by_the_remainder() -> None:
    three = weighted_balance({"first": 1, "second": 1, "third": 1})
    for number in range(3_000, 3_030):
        expected = {1: "first", 2: "second", 0: "third"}[number % 3]
        assert three.group_of(IPv4Address(number)) == expected


def test_weights_are_spread_so_that_neighbours_differ() -> None:
    assert weighted_balance({"first": 2, "second": 1}).slots == ("first", "second", "first")
    assert weighted_balance({"first": 3, "second": 1}).slots.count("first") == 3


def test_one_group_serves_all() -> None:
    assert weighted_balance({"only": 7}).group_of(IPv4Address("10.0.0.200")) == "only"


@given(weights, addresses)
def test_every_address_has_one_group_of_the_site(shares: dict[str, int], address: IPv4Address) -> None:
    group = weighted_balance(shares).group_of(address)
    assert group in shares
    assert weighted_balance(shares).group_of(address) == group


@given(weights, st.integers(0, 2**32 - 200_000))
def test_any_whole_number_of_rounds_has_exactly_the_weights(shares: dict[str, int], start: int) -> None:
    split = weighted_balance(shares)
    total = sum(shares.values())
    found = [split.group_of(IPv4Address(start + at)) for at in range(2 * total)]
    assert {name: found.count(name) for name in shares} == {name: 2 * part for name, part in shares.items()}


@given(weights)
def test_no_prefix_of_a_round_is_far_from_its_share(shares: dict[str, int]) -> None:
    slots = weighted_balance(shares).slots
    total = sum(shares.values())
    for length in range(1, total + 1):
        for name, part in shares.items():
            assert abs(slots[:length].count(name) - length * part / total) < len(shares)


@given(st.integers(2, 5))
def test_equal_weights_keep_the_order_of_the_site(count: int) -> None:
    assert weighted_balance(dict.fromkeys(NAMES[:count], 1)).slots == NAMES[:count]


@given(weights, addresses)
def test_remainders_tell_the_same_as_the_address(shares: dict[str, int], address: IPv4Address) -> None:
    split = weighted_balance(shares)
    rest = int(address) % len(split.slots)
    assert [name for name in shares if rest in split.remainders(name)] == [split.group_of(address)]
