"""Whether clients reach the servers: what each asks of the LAN, tells the others, and concludes of itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from coredriver import CONFIG, OWN_MAC, PEER_MAC, STRANGE_MAC, Driver, starting
from twinboot.alarms import kinds
from twinboot.core.effects import DropVip
from twinboot.core.events import AddressesAnswered, LanObserved, VipClaimed
from twinboot.core.membership import reach
from twinboot.core.model import GroupReport, GroupState, LanHealth

OWN, PEERS, FIRST = "192.168.0.11", "192.168.0.12", "192.168.0.253"
WHOLE_S = (reach.WINDOW + 2) * reach.ASK_EVERY_S


@pytest.fixture
def driver() -> Driver:
    """server1 holds the first group; the peer is heard, and holds the second one."""
    addresses = {"server1": IPv4Address(OWN), "server2": IPv4Address(PEERS)}
    driver = starting(replace(CONFIG, addresses=addresses))
    driver.feed(LanObserved(True, True, OWN_MAC))
    driver.peer_says(0.4, **SAID)
    driver.feed(VipClaimed("first"))
    return driver


SAID = {"groups": {"second": GroupReport(GroupState.HELD)}, "eligible": ("first", "second")}


def asked_in(driver: Driver, seconds: float, *answering: str, **said: object) -> Iterator[tuple[str, ...]]:
    """What is asked for while the peer speaks and these addresses are answered by it."""
    end = driver.now + seconds
    while driver.now < end:
        driver.peer_says(0.0, **{**SAID, **said})
        for _ in range(2):
            driver.wait(0.1)
            asked, driver.asked = driver.asked, []
            for one in asked:
                yield one.addresses
                found = frozenset((a, PEER_MAC) for a in one.addresses if a in answering)
                driver.feed(AddressesAnswered(found))


def lasts(driver: Driver, seconds: float, *answering: str, **said: object) -> None:
    for _ in asked_in(driver, seconds, *answering, **said):
        pass


def test_the_peer_is_asked_for_all_the_time_and_what_is_held_here_now_and_then(driver: Driver) -> None:
    rounds = list(asked_in(driver, 3.0, PEERS))
    assert len(rounds) >= 8
    assert all(PEERS in addresses for addresses in rounds)
    assert 0 < sum(FIRST in addresses for addresses in rounds) <= len(rounds) // 2


def test_a_peer_that_does_not_answer_is_told_of_and_an_alarm(driver: Driver) -> None:
    lasts(driver, WHOLE_S, PEERS)
    assert driver.state.last_sent is not None
    assert driver.state.last_sent.unanswered == ()
    lasts(driver, WHOLE_S)
    assert driver.state.last_sent.unanswered == ("server2",)
    assert "server2" in driver.alarms(kinds.LAN_UNANSWERED)
    lasts(driver, 1.0, PEERS)
    assert driver.state.last_sent.unanswered == ()


def test_a_lan_of_ours_that_is_dead_says_nothing_of_others(driver: Driver) -> None:
    lasts(driver, WHOLE_S)
    driver.feed(LanObserved(False, False, OWN_MAC))
    assert driver.state.last_sent is not None
    assert driver.state.last_sent.unanswered == ()


def test_who_answers_us_and_gets_no_answer_proves_that_we_are_unreachable(driver: Driver) -> None:
    lasts(driver, WHOLE_S, PEERS, unanswered=("server1",))
    assert driver.state.lan.health is LanHealth.RX_DEAD
    assert driver.group() is GroupState.RELEASING
    assert "server1" in driver.alarms(kinds.LAN_UNANSWERED)
    driver.observe_lan()
    assert driver.state.lan.bad, "our own view of the LAN does not count"
    driver.peer_says(0.2, **SAID)
    assert driver.state.lan.health is LanHealth.GOOD


@pytest.mark.parametrize("lan", [LanHealth.UNKNOWN, LanHealth.RX_DEAD])
def test_one_whose_own_lan_is_not_good_proves_nothing(driver: Driver, lan: LanHealth) -> None:
    lasts(driver, WHOLE_S, PEERS, unanswered=("server1",), lan=lan)
    assert not driver.state.lan.bad


def test_one_that_does_not_answer_either_proves_nothing(driver: Driver) -> None:
    lasts(driver, 2 * WHOLE_S, unanswered=("server1",))
    assert not driver.state.lan.bad
    assert driver.group() is GroupState.HELD


def test_after_a_pause_of_ours_what_was_asked_before_is_void(driver: Driver) -> None:
    lasts(driver, WHOLE_S, PEERS)
    before = driver.state.reach.targets[PEERS]
    driver.now += 0.6
    driver.peer_says(0.0, **SAID)
    assert driver.state.reach.targets[PEERS] == before


def test_another_host_that_answers_for_what_is_held_here_is_named(driver: Driver) -> None:
    assert not driver.alarms(kinds.ADDRESS_CONFLICT)
    driver.feed(AddressesAnswered(frozenset({(FIRST, STRANGE_MAC)})))
    assert STRANGE_MAC.hex(":") in driver.alarms(kinds.ADDRESS_CONFLICT)["first"]
    assert DropVip("first") not in driver.effects
