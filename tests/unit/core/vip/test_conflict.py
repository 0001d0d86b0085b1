"""Another host has our address by its ARP: who it is decides (RFC 5227 section 2.4)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from coredriver import (
    CONFIG,
    HOLDS_FIRST,
    ORDER,
    OWN_MAC,
    PEER_MAC,
    STRANGE_MAC,
    Driver,
    holding,
    peer_heartbeat,
)
from twinboot.alarms import kinds
from twinboot.core.effects import AnnounceVip, ClaimVip, DropVip, Effect, Log, SendArpProbe, StopService
from twinboot.core.events import AddressConflict, ArpProbeAnswered, HeartbeatReceived, VipDropped
from twinboot.core.model import GroupState


def conflict(driver: Driver, mac: bytes) -> tuple[Effect, ...]:
    return driver.feed(AddressConflict("first", mac))


def silent_peer(order: tuple[str, ...] = ORDER) -> Driver:
    """The peer was heard once, so its MAC is known; now it is silent, and we hold the group.

    order: of the servers' own addresses, too.
    """
    addresses = {name: IPv4Address(f"192.168.0.{place}") for place, name in enumerate(order, 11)}
    driver = holding(
        replace(CONFIG, groups=(replace(CONFIG.groups[0], order=order),), addresses=addresses)
    )
    driver.peer_says(0.4, eligible=())
    driver.wait(12.0)
    assert not driver.state.peers["server2"].alive
    return driver


def test_a_foreign_host_is_answered_by_an_announcement_and_named() -> None:
    driver = silent_peer()
    assert conflict(driver, STRANGE_MAC) == (AnnounceVip("first"),)
    assert "address-conflict" in driver.log_events()
    named = driver.alarms(kinds.ADDRESS_CONFLICT)
    assert named.keys() == {"first"}
    assert "02:00:00:00:00:09" in named["first"]
    assert "server2" not in named["first"]
    assert driver.group() is GroupState.HELD


def test_a_shouting_foreign_host_makes_one_announcement_a_second_and_one_line() -> None:
    driver, announced, lines = silent_peer(), 0, 0
    for _ in range(100):
        did = conflict(driver, STRANGE_MAC) + driver.wait(0.1)
        announced += did.count(AnnounceVip("first"))
        lines += "address-conflict" in driver.log_events()
    assert announced in (10, 11)


def test_the_alarm_ends_when_it_is_quiet() -> None:
    driver = silent_peer()
    conflict(driver, STRANGE_MAC)
    driver.wait(29.0)
    assert driver.alarms(kinds.ADDRESS_CONFLICT)
    driver.wait(1.5)
    assert not driver.alarms(kinds.ADDRESS_CONFLICT)


def test_a_silent_peer_that_comes_first_gets_it_and_is_asked_on() -> None:
    driver = silent_peer(ORDER[::-1])
    assert conflict(driver, PEER_MAC) == (DropVip("first"), StopService("dhcpd"))
    assert SendArpProbe("first") in driver.feed(VipDropped("first"))
    driver.feed(ArpProbeAnswered("first", PEER_MAC.hex(":")))
    assert driver.alarms(kinds.SPLIT)
    assert ClaimVip("first", 3.0) in driver.wait(0.7), "and it is taken when that one is gone"


def test_against_a_silent_peer_that_comes_later_it_is_kept_and_announced() -> None:
    driver = silent_peer()
    assert conflict(driver, PEER_MAC) == (AnnounceVip("first"),)
    assert "server2, which is silent" in driver.alarms(kinds.ADDRESS_CONFLICT)["first"]


@pytest.mark.parametrize("order", [ORDER, ORDER[::-1]])
def test_of_a_live_peer_heartbeats_know_more(order: tuple[str, ...]) -> None:
    driver = silent_peer(order)
    driver.peer_says(
        0.2, eligible=(), groups={"first": replace(HOLDS_FIRST["first"], state=GroupState.RELEASING)}
    )
    driver.wait(0.2)
    assert conflict(driver, PEER_MAC) == ()
    assert driver.group() is GroupState.HELD
    assert not driver.alarms(kinds.ADDRESS_CONFLICT)


def test_a_late_frame_of_a_live_peer_that_let_go_is_corrected() -> None:
    driver = silent_peer()
    driver.peer_says(0.0, eligible=())
    driver.wait(0.15)
    assert conflict(driver, PEER_MAC) == (AnnounceVip("first"),)


def test_a_live_peer_that_goes_on_answering_without_saying_so_is_named() -> None:
    driver = silent_peer()
    for _ in range(8):
        driver.peer_says(0.5, eligible=())
        conflict(driver, PEER_MAC)
    assert "server2, which does not say so" in driver.alarms(kinds.ADDRESS_CONFLICT)["first"]
    assert driver.group() is GroupState.HELD


def test_a_peer_that_does_not_say_its_mac_any_more_is_still_known_by_it() -> None:
    driver = silent_peer()
    driver.peer_says(0.2, eligible=(), mac=b"")
    driver.wait(2.0)
    conflict(driver, PEER_MAC)
    assert "server2, which is silent" in driver.alarms(kinds.ADDRESS_CONFLICT)["first"]


def test_our_own_frames_are_no_conflict() -> None:
    driver = silent_peer()
    driver.observe_lan()
    assert conflict(driver, OWN_MAC) == ()


def test_a_conflict_of_what_is_not_held_is_the_witness_business() -> None:
    driver = silent_peer(ORDER[::-1])
    conflict(driver, PEER_MAC)
    assert conflict(driver, STRANGE_MAC) == ()
    assert not [one for one in driver.effects if isinstance(one, Log)]


def test_announcing_goes_on_as_planned() -> None:
    driver = holding()
    before = driver.state.groups["first"].announce
    conflict(driver, STRANGE_MAC)
    assert driver.state.groups["first"].announce == before


def test_a_late_frame_of_a_server_that_has_left_in_order_takes_nothing_away() -> None:
    """Its last ARP answer may come after its goodbye; it comes first in the order, but it has let go."""
    driver = silent_peer(ORDER[::-1])
    driver.peer_says(0.4, eligible=())
    driver.feed(HeartbeatReceived("lan", peer_heartbeat(driver.seq + 1, echo=driver.state.seq, leaving=True)))
    driver.now += 0.12
    assert driver.state.peers["server2"].left
    assert DropVip("first") not in conflict(driver, PEER_MAC)
    assert driver.group() is GroupState.HELD
    driver.wait(5.0)
    assert DropVip("first") in conflict(driver, PEER_MAC), "but what lasts counts"
