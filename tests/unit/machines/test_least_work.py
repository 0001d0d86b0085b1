"""Which group a machine is given: by work and weights; equal machines are shared as by parity."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address
from statistics import median

import pytest
from twinboot.machines.by_load.least_work import SENT_STEP_KIB_S, Group, Rules, Work
from twinboot.site.balance import weighted_balance

TWO = Rules({"first": Group(1, "server1"), "second": Group(1, "server2")})
HELD = {"first": "server1", "second": "server2"}
ALONE = dict.fromkeys(HELD, "server2")


def least(rules: Rules, home: str, running: Mapping[str, int], *, holders: Mapping[str, str] = HELD,
          sent: Mapping[str, int] | None = None) -> str | None:  # fmt: skip
    return Work(rules, holders, running, sent or {}).least(home, rules.groups)


@pytest.mark.parametrize(
    ("running", "sent", "given"),
    [
        ({}, {}, "second"),  # nothing to do: its home
        ({"second": 1}, {}, "first"),
        ({"first": 3, "second": 3}, {}, "second"),
        ({"first": 3, "second": 3}, {"server2": SENT_STEP_KIB_S - 1}, "second"),
        ({"first": 3, "second": 3}, {"server2": SENT_STEP_KIB_S}, "first"),
        ({"first": 4, "second": 3}, {"server2": 100 * SENT_STEP_KIB_S}, "second"),
    ],
)
def test_the_least_work(running: dict[str, int], sent: dict[str, int], given: str) -> None:
    assert least(TWO, "second", running, sent=sent) == given


@pytest.mark.parametrize("weights", [{"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 3, "b": 2, "c": 1}])
def test_equal_machines_that_come_in_turn_are_shared_as_by_parity(weights: dict[str, int]) -> None:
    rules = Rules({name: Group(weight, f"server-{name}") for name, weight in weights.items()})
    work = Work(rules, {name: f"server-{name}" for name in weights}, {}, {})
    balance = weighted_balance(weights)
    differs = 0
    for number in range(1, 10 * sum(weights.values()) + 1):
        home = balance.group_of(IPv4Address(number))
        given = work.least(home, weights)
        assert given is not None
        differs += given != home
        work.add(given)
    assert differs == 0 or len(set(weights.values())) > 1
    assert Counter(work._of_group) == Counter({name: 10 * weight for name, weight in weights.items()})


def test_a_server_that_holds_two_groups_has_the_work_of_both() -> None:
    rules = Rules({**TWO.groups, "third": Group(1, "server3")})
    holders = {"first": "server1", "second": "server1", "third": "server3"}
    assert least(rules, "second", {"first": 2, "second": 0, "third": 1}, holders=holders) == "third"
    assert least(rules, "second", {"first": 2, "second": 0, "third": 3}, holders=holders) == "second"


def test_when_a_server_is_back_it_is_given_more_until_both_have_as_much() -> None:
    work = Work(TWO, HELD, {"first": 1, "second": 7}, {})
    given = []
    for _ in range(8):
        group = work.least("second", TWO.groups)
        assert group is not None
        given.append(group)
        work.add(group)
    assert given == ["first"] * 6 + ["second", "first"]


def test_admission_is_by_server_and_its_weight() -> None:
    rules = Rules({"first": Group(2, "server1"), "second": Group(1, "server2")}, at_once=3)
    assert least(rules, "first", {"first": 5, "second": 3}) == "first"
    assert least(rules, "first", {"first": 6, "second": 3}) is None
    assert least(rules, "first", {"first": 6, "second": 2}) == "second"
    alone = {"first": 1, "second": 2}
    assert least(rules, "first", alone, holders=ALONE) is None, "what has moved counts there"
    assert least(rules, "first", {"first": 1, "second": 1}, holders=ALONE) is not None


def test_a_group_that_nobody_holds_is_not_given() -> None:
    assert least(TWO, "first", {}, holders={"second": "server2"}) == "second"
    assert least(TWO, "first", {}, holders={}) is None


def slowest(sizes: Sequence[int], at_once: int | None) -> float:
    """How long it takes until all machines have ended, beside the ideal, when each server's link is shared
    alike by those that run on it. sizes: of machines that ask in this order. at_once: None: by parity."""
    rules = Rules(TWO.groups, at_once or 0)
    left, waiting, time = [float(size) for size in sizes], list(range(len(sizes))), 0.0
    runs: dict[str, set[int]] = {group: set() for group in TWO.groups}
    homes = [("first", "second")[number % 2] for number in waiting]
    while waiting or any(runs.values()):
        work = Work(rules, HELD, {group: len(those) for group, those in runs.items()}, {})
        while waiting:
            given = homes[waiting[0]] if at_once is None else work.least(homes[waiting[0]], rules.groups)
            if given is None:
                break
            work.add(given)
            runs[given].add(waiting.pop(0))
        step = min(left[one] * len(those) for those in runs.values() for one in those)
        time += step
        for those in runs.values():
            for one in list(those):
                left[one] -= step / len(those)
            those.difference_update({one for one in those if left[one] < 1e-9})
    return 2 * time / sum(sizes)


def test_machines_of_unequal_size_are_done_sooner_than_by_parity() -> None:
    """In the median of many lots: one machine in four is six times as large as the others."""
    draw = random.Random(2008)
    lots = [[draw.choice((1, 1, 1, 6)) for _ in range(40)] for _ in range(60)]
    medians = {at_once: median(slowest(lot, at_once) for lot in lots) for at_once in (None, 0, 6, 2)}
    assert medians[0] == pytest.approx(medians[None])  # all at once: no server is known to have less
    assert medians[2] <= medians[6] < 1.06 < 1.09 < medians[None]
