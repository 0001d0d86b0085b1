"""Who else has an address, or gets it next, and who receives nothing: for clients with a stale ARP entry."""

from __future__ import annotations

from dataclasses import replace

from coredriver import CONFIG, HOLDS_FIRST, Driver, holding, starting
from twinboot.core.model import GroupReport, GroupState, LanHealth
from twinboot.core.ownership.other_holders import other_holder, unreceptive_peers


def elsewhere(driver: Driver) -> str | None:
    return other_holder(driver.state, driver.state.groups["first"])


def alone() -> Driver:
    """We hold the group, and no peer was ever heard."""
    return holding(replace(CONFIG, groups=(CONFIG.groups[0],)))


def test_a_live_peer_that_holds_it() -> None:
    driver = starting()
    driver.peer_says(1.0, groups=HOLDS_FIRST)
    assert elsewhere(driver) == "server2"
    assert unreceptive_peers(driver.state) == ()


def test_a_peer_that_only_claims_it_has_it_not_yet() -> None:
    driver = starting()
    driver.peer_says(1.0, groups={"first": GroupReport(GroupState.CLAIMING)})
    assert elsewhere(driver) is None


def test_who_gets_it_from_us_is_known_beforehand() -> None:
    """The kernel may drop the address without us: then it is the peer's."""
    driver = alone()
    assert elsewhere(driver) is None
    driver.peer_says(1.0)
    assert driver.group() is GroupState.HELD
    assert elsewhere(driver) == "server2"
    driver.peer_says(standby=True)
    assert elsewhere(driver) is None, "it would not take it"


def test_a_dead_peer_gets_nothing_and_receives_nothing() -> None:
    driver = alone()
    driver.peer_says(1.0)
    driver.wait(3.0)
    assert elsewhere(driver) is None
    assert unreceptive_peers(driver.state) == ("server2",)
    driver.peer_says(1.0, boot=23)
    assert unreceptive_peers(driver.state) == ()


def test_a_peer_without_a_lan_receives_nothing() -> None:
    driver = alone()
    driver.peer_says(1.0, lan=LanHealth.NO_CARRIER)
    assert unreceptive_peers(driver.state) == ("server2",)
