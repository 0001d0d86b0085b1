"""Servers whose site files differ: what each knows of it, and what it does."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from coredriver import CONFIG, Driver, holding, peer_heartbeat, starting
from twinboot.alarms import kinds
from twinboot.core import view
from twinboot.core.effects import ClaimVip, DropVip, StartService
from twinboot.core.events import HeartbeatReceived, SiteApplied, VipClaimed
from twinboot.core.model import GroupReport, GroupState, ServiceState, SiteId

MINE = SiteId(4, b"mine", {"groups": b"1", "hosts": b"1"})
SAME = replace(MINE, number=3)
MORE_HOSTS = SiteId(5, b"more", {"groups": b"1", "hosts": b"2"})
OTHER_GROUPS = SiteId(4, b"else", {"groups": b"2", "hosts": b"1"})
OWN, PEERS = IPv4Address("192.168.0.11"), IPv4Address("192.168.0.12")


def knowing() -> Driver:
    """A server that knows its own site and address, and has heard its peer."""
    config = replace(CONFIG, site=MINE, addresses={"server1": OWN, "server2": PEERS})
    driver = starting(config)
    driver.peer_says(site=SAME)
    return driver


def test_another_site_is_an_alarm_with_what_differs_and_since_when() -> None:
    driver = knowing()
    assert not driver.alarms(kinds.SITE_DIFFERS)
    driver.peer_says(site=MORE_HOSTS)
    assert "site-differs" in driver.log_events()
    driver.peer_says(0.2, site=MORE_HOSTS)
    assert "site-differs" not in driver.log_events()
    assert "hosts" in driver.alarms(kinds.SITE_DIFFERS)["server2"]
    shown = view(driver.state, driver.now).peers["server2"]
    assert shown.site_differs_s == pytest.approx(0.2)
    assert shown.differing_parts == ("hosts",)
    driver.feed(SiteApplied(MORE_HOSTS))
    assert "site-same" in driver.log_events()
    assert not driver.alarms(kinds.SITE_DIFFERS)
    assert driver.sent()[-1].site == MORE_HOSTS, "told at once"


def test_an_older_release_that_names_no_site_is_no_alarm() -> None:
    driver = knowing()
    driver.peer_says(0.2, site=None)
    assert not driver.alarms(kinds.SITE_DIFFERS)


def test_the_address_says_which_group_a_peer_holds() -> None:
    driver = knowing()
    swapped = {
        "first": GroupReport(GroupState.HELD, address="192.168.0.200"),
        "elsewhere": GroupReport(GroupState.HELD, address="192.168.0.253"),
    }
    driver.peer_says(0.2, site=OTHER_GROUPS, groups=swapped, eligible=("first", "elsewhere"))
    assert view(driver.state, driver.now).groups["first"].holder == "server2"
    assert driver.group() is not GroupState.HELD
    swapped["elsewhere"] = replace(swapped["elsewhere"], state=GroupState.IDLE)
    did = driver.peer_says(0.2, site=OTHER_GROUPS, groups=swapped, eligible=("first", "elsewhere"))
    assert ClaimVip("first", 3.0) in did, "what the peer calls `first` is another address"


@pytest.mark.parametrize(("theirs", "drops"), [(IPv4Address("192.168.0.10"), True), (PEERS, False)])
def test_of_two_holders_with_other_sites_the_higher_own_address_yields(
    theirs: IPv4Address, *, drops: bool
) -> None:
    driver = knowing()
    driver.wait(0.1)
    driver.feed(VipClaimed("first"))
    held = {"named otherwise": GroupReport(GroupState.HELD, address="192.168.0.253")}
    did = driver.peer_says(
        0.1, site=OTHER_GROUPS, groups=held, eligible=("named otherwise",), address=theirs
    )
    assert (DropVip("first") in did) is drops


def test_dhcpd_does_not_start_while_a_peer_runs_it_under_another_group() -> None:
    driver = knowing()
    runs = {"second": GroupReport(
        GroupState.HELD, {"dhcpd": ServiceState.RUNNING}, address="192.168.0.254"
    )}
    driver.peer_says(0.1, site=OTHER_GROUPS, groups=runs)
    driver.wait(0.1)
    driver.feed(VipClaimed("first"))
    for _ in range(20):
        assert StartService("dhcpd") not in driver.peer_says(0.2, site=OTHER_GROUPS, groups=runs)
    runs["second"] = replace(runs["second"], services={"dhcpd": ServiceState.STOPPED})
    did = driver.peer_says(0.2, site=OTHER_GROUPS, groups=runs) + driver.wait(0.1)
    for _ in range(5):
        did += driver.peer_says(0.2, site=OTHER_GROUPS, groups=runs)
    assert StartService("dhcpd") in did


def test_a_server_that_the_site_file_does_not_name_counts() -> None:
    driver = holding()
    held = {"first": GroupReport(GroupState.HELD)}
    unknown = replace(peer_heartbeat(1, groups=held), sender="server9", boot_id=99)
    driver.feed(HeartbeatReceived("lan", unknown))
    assert driver.state.peers["server9"].alive
    assert "server9" in driver.alarms(kinds.SERVER_UNKNOWN)
    assert driver.state.groups["first"].rivals == ("server9",)
    driver.wait(3.0)
    assert not driver.alarms(kinds.SERVER_UNKNOWN), "it is not missed"
    assert "server9" not in view(driver.state, driver.now).peers


def test_unknown_servers_without_end_are_not_remembered() -> None:
    driver = holding()
    for number in range(30):
        one = replace(peer_heartbeat(1), sender=f"other{number}", boot_id=1000 + number)
        driver.feed(HeartbeatReceived("lan", one))
    assert len(driver.state.peers) == 9
