"""Hosts that are no servers and answer for an address: when a claim overrules them, and when it must not."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from coredriver import CONFIG, HOLDS_FIRST, OWN_MAC, PEER_MAC, STRANGE_MAC, Driver, starting
from twinboot.alarms import kinds
from twinboot.core.effects import ClaimVip, DropVip, SendArpProbe, SendArpRequests
from twinboot.core.events import (
    AddressesAnswered,
    ArpProbeAnswered,
    ArpRequestAnswered,
    LanObserved,
    VipClaimed,
)
from twinboot.core.model import GroupState, SiteId
from twinboot.core.vip.claim_probing import LOSSY_PROBES

PEERS, FIRST = "192.168.0.12", "192.168.0.253"
FOREIGN, SERVER = STRANGE_MAC.hex(":"), PEER_MAC.hex(":")
CLAIM = ClaimVip("first", 3.0)


def bereft(**said: object) -> Driver:
    """The peer held the first group until it fell silent for good; a probe for it is under way."""
    addresses = {"server1": IPv4Address("192.168.0.11"), "server2": IPv4Address(PEERS)}
    site = SiteId(1, b"mine", {"groups": b"1"})
    driver = starting(replace(CONFIG, addresses=addresses, site=site))
    driver.feed(LanObserved(True, True, OWN_MAC))
    driver.peer_says(1.0, **{"groups": HOLDS_FIRST, "site": site, **said})
    driver.wait(1.01)
    assert driver.group() is GroupState.CLAIMING
    return driver


def answered_for(driver: Driver, seconds: float, *macs: str, own: bytes = b"") -> tuple[object, ...]:
    """These hosts answer all the while; what the core asked for."""
    found: tuple[object, ...] = ()
    end = driver.now + seconds
    while driver.now < end:
        for mac in macs:
            found += driver.feed(ArpProbeAnswered("first", mac))
        if own and any(isinstance(one, SendArpRequests) for one in found):
            found += driver.feed(ArpRequestAnswered(PEERS, own, "server2"))
        found += driver.wait(0.02)
    return found


def test_after_the_holders_death_a_host_that_is_no_server_does_not_hold_a_claim_off() -> None:
    driver = bereft()
    early = answered_for(driver, 0.5, FOREIGN)
    assert CLAIM not in early
    assert SendArpRequests("server2") in early, "the server itself is asked for meanwhile"
    assert driver.alarms(kinds.SPLIT)
    assert CLAIM in answered_for(driver, 1.0, FOREIGN)


def test_a_server_that_has_answered_is_asked_more_before_it_is_taken_for_gone() -> None:
    """A busy machine answers late: one short silence does not end a split."""
    driver = bereft()
    driver.feed(ArpProbeAnswered("first", SERVER))
    did = driver.wait(1.0)
    assert did[: did.index(CLAIM)].count(SendArpProbe("first")) == LOSSY_PROBES


def test_what_was_claimed_so_is_kept_and_the_alarm_stays() -> None:
    driver = bereft()
    answered_for(driver, 1.5, FOREIGN)
    driver.feed(VipClaimed("first"))
    did = answered_for(driver, 0.2, FOREIGN)
    did += driver.feed(AddressesAnswered(frozenset({(FIRST, STRANGE_MAC)})))
    assert DropVip("first") not in did
    assert driver.group() is GroupState.HELD
    assert FOREIGN in driver.alarms(kinds.ADDRESS_CONFLICT)["first"]


@pytest.mark.parametrize("macs", [(SERVER,), (FOREIGN, SERVER), (SERVER, FOREIGN)])
def test_while_a_server_answers_nothing_is_claimed(macs: tuple[str, ...]) -> None:
    assert CLAIM not in answered_for(bereft(), 5.0, *macs)


def test_another_card_of_a_server_is_the_server() -> None:
    assert CLAIM not in answered_for(bereft(), 5.0, FOREIGN, own=STRANGE_MAC)


def test_that_the_server_answers_for_itself_with_its_own_card_changes_nothing() -> None:
    assert CLAIM in answered_for(bereft(), 2.0, FOREIGN, own=PEER_MAC)


def test_another_site_file_may_name_a_server_that_ours_does_not() -> None:
    assert CLAIM not in answered_for(bereft(site=SiteId(1, b"else", {"groups": b"2"})), 5.0, FOREIGN)


def test_what_no_server_was_heard_to_hold_is_left_alone() -> None:
    assert CLAIM not in answered_for(bereft(groups={}), 5.0, FOREIGN)
