"""dhcpd that another server of the cluster serves, as the LAN says: started or not, kept or not."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from coredriver import CONFIG, ORDER, OWN_MAC, PEER_MAC, STRANGE_MAC, Driver, holding, starting
from twinboot.alarms import kinds
from twinboot.core.effects import AskForService, StartService, StopService
from twinboot.core.events import LanObserved, ServiceHeard, VipClaimed
from twinboot.core.model import ClusterConfig, GroupConfig
from twinboot.core.vip import served_elsewhere

FIRST, LOWER, HIGHER = "192.168.0.253", "192.168.0.200", "192.168.0.254"
ADDRESSES = {"server1": IPv4Address("192.168.0.11"), "server2": IPv4Address("192.168.0.12")}
SITE: ClusterConfig = replace(CONFIG, addresses=ADDRESSES, groups=(
    CONFIG.groups[0], GroupConfig("second", ORDER[::-1], (), HIGHER), GroupConfig("third", ORDER, (), LOWER),
))


def heard(address: str, mac: bytes = PEER_MAC) -> ServiceHeard:
    return ServiceHeard("dhcpd", address, mac)


def claiming() -> Driver:
    """Nobody is heard; the claims are under way."""
    driver = starting(SITE)
    driver.feed(LanObserved(True, True, OWN_MAC))
    driver.wait(5.02)
    return driver


def test_the_lan_is_asked_with_the_probes_of_a_claim() -> None:
    driver = starting(SITE)
    driver.wait(5.0)
    asked: list[object] = []
    for _ in range(10):
        driver.wait(0.01)
        asked += [one for one in driver.effects if isinstance(one, AskForService)]
    assert len(asked) >= 2


def test_what_answers_with_another_address_of_ours_holds_the_start_off() -> None:
    driver = claiming()
    driver.feed(heard(HIGHER))
    driver.wait(0.1)
    did = driver.feed(VipClaimed("first"))
    for _ in range(6):
        did += driver.wait(0.5)
        did += driver.feed(heard(HIGHER))
    assert StartService("dhcpd") not in did
    assert HIGHER in driver.alarms(kinds.SERVED_ELSEWHERE)["first"]
    assert StartService("dhcpd") in driver.wait(served_elsewhere.FRESH_S + 1.0)
    driver.wait(served_elsewhere.SHOWN_S)
    assert not driver.alarms(kinds.SERVED_ELSEWHERE)


@pytest.mark.parametrize(("address", "mac"), [("192.168.0.77", STRANGE_MAC), (FIRST, PEER_MAC)])
def test_a_foreign_server_and_one_with_the_same_address_do_not(address: str, mac: bytes) -> None:
    driver = claiming()
    driver.feed(heard(address, mac))
    driver.wait(0.1)
    assert StartService("dhcpd") in driver.feed(VipClaimed("first")) + driver.wait(0.1)


@pytest.mark.parametrize(("address", "yields"), [(LOWER, True), (HIGHER, False)])
def test_of_two_that_run_it_the_higher_address_ends(address: str, yields: bool) -> None:
    driver = holding(SITE)
    assert (StopService("dhcpd") in driver.feed(heard(address))) is yields


def test_a_peer_that_is_heard_is_believed() -> None:
    driver = holding(SITE)
    driver.peer_says(0.4)
    assert StopService("dhcpd") not in driver.feed(heard(LOWER))
