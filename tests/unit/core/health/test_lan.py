"""What a server makes of its LAN: health, isolation, and the pause a cable ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from coredriver import CONFIG, OWN_MAC, Driver, holding, starting
from twinboot.alarms import kinds
from twinboot.core import next_deadline
from twinboot.core.effects import ClaimVip, DropVip, SendArpProbe, StopService
from twinboot.core.events import ArpProbeFailed, LanObserved, Tick, VipClaimed, VipDropped
from twinboot.core.health import lan as lans
from twinboot.core.health.lan import Lan
from twinboot.core.model import GroupState, LanHealth, Timers

TIMERS = Timers()


def look(lan: Lan, now: float, *, carrier: bool = True, reachable: bool = True) -> Lan:
    return lans.observe(lan, carrier=carrier, reachable=reachable, mac=OWN_MAC, now=now, timers=TIMERS)


def test_no_carrier_counts_at_once_and_a_frame_heard_ends_it() -> None:
    lan = look(Lan(), 0.0, carrier=False, reachable=False)
    assert lan.health is LanHealth.NO_CARRIER
    assert look(lan, 0.1).health is LanHealth.GOOD


def test_rx_dead_must_last_for_a_deadtime_and_be_seen_twice() -> None:
    lan = look(look(Lan(), 0.0), 1.0, reachable=False)
    assert lans.check_silence(lan, 2.5, TIMERS).health is LanHealth.GOOD, (
        "one look may fall into a quiet moment"
    )
    early = look(lan, 1.5, reachable=False)
    assert early.health is LanHealth.GOOD
    assert lans.check_silence(early, 1.99, TIMERS).health is LanHealth.GOOD
    assert lans.check_silence(early, 2.0, TIMERS).health is LanHealth.RX_DEAD
    assert look(lan, 2.0, reachable=False).health is LanHealth.RX_DEAD


def test_a_frame_in_between_begins_the_silence_anew() -> None:
    lan = look(look(look(Lan(), 0.0, reachable=False), 0.5), 0.6, reachable=False)
    assert look(lan, 1.2, reachable=False).health is LanHealth.GOOD
    assert look(look(lan, 1.2, reachable=False), 1.6, reachable=False).health is LanHealth.RX_DEAD


def test_plugged_in_again_is_not_yet_rx_dead_nor_good() -> None:
    lan = look(look(Lan(), 0.0, carrier=False), 1.0, reachable=False)
    assert lan.health is LanHealth.UNKNOWN


def test_the_clock_alone_makes_it_rx_dead() -> None:
    driver = holding()
    driver.feed(LanObserved(True, False, OWN_MAC))
    driver.wait(0.95)
    driver.feed(LanObserved(True, False, OWN_MAC))
    assert driver.view().lan is LanHealth.UNKNOWN
    begin = driver.now
    while driver.view().lan is LanHealth.UNKNOWN:
        driver.now = next_deadline(driver.state) or 0.0
        driver.feed(Tick())
    assert driver.now == pytest.approx(begin + 0.05)
    assert driver.view().lan is LanHealth.RX_DEAD
    assert driver.alarms(kinds.LAN_RX_DEAD).keys() == {"server1"}


def test_heartbeats_say_how_the_lan_is_at_once() -> None:
    driver = holding()
    driver.observe_lan()
    driver.wait(0.21)
    assert driver.state.last_sent is not None
    assert (driver.state.last_sent.lan, driver.state.last_sent.mac) == (LanHealth.GOOD, OWN_MAC)
    driver.peer_says(0.3, eligible=())
    assert driver.observe_lan(carrier=False) == (), "nothing else is news"
    assert [one.lan for one in driver.sent()] == [LanHealth.NO_CARRIER]


# Isolation -----------------------------------------------------------------------------------------


def isolated() -> Driver:
    driver = holding()
    driver.observe_lan(carrier=False)
    for name in ("first", "second"):
        driver.feed(VipDropped(name))
    return driver


def test_without_carrier_and_peers_nothing_is_held() -> None:
    driver = holding()
    assert driver.observe_lan(carrier=False) == (DropVip("first"), StopService("dhcpd"), DropVip("second"))
    assert driver.alarms(kinds.ISOLATED).keys() == {"server1"}
    assert driver.view().isolated


def test_without_carrier_but_with_a_peer_at_first_nothing_moves_then_the_silence_counts() -> None:
    driver = holding()
    driver.peer_says(1.0, eligible=())
    assert not driver.observe_lan(carrier=False), "it could not take them, so it is no use to drop them"
    assert DropVip("first") not in driver.wait(0.9)
    assert DropVip("first") in driver.wait(0.2)


def test_isolated_nothing_is_claimed_nor_asked() -> None:
    driver = isolated()
    did = driver.wait(20.0)
    assert not [one for one in did if isinstance(one, ClaimVip | SendArpProbe)]
    assert not driver.alarms(kinds.GROUP_WITHOUT_HOLDER), "that is what isolated says"


def test_with_the_carrier_back_the_others_are_listened_to_and_then_the_lan_is_asked() -> None:
    driver = isolated()
    driver.wait(20.07)
    assert not driver.observe_lan()
    begin = driver.now
    while SendArpProbe("first") not in driver.requested():
        driver.now = next_deadline(driver.state) or 0.0
        driver.feed(Tick())
    assert driver.now == pytest.approx(begin + 1.0)
    assert ClaimVip("first", 3.0) in driver.wait(0.1)
    assert not driver.view().isolated


def test_a_cable_that_goes_again_begins_the_listening_anew() -> None:
    driver = isolated()
    driver.observe_lan()
    driver.wait(0.8)
    driver.observe_lan(carrier=False)
    driver.wait(5.0)
    driver.observe_lan()
    assert not [one for one in driver.wait(0.9) if isinstance(one, SendArpProbe)]


def test_a_peer_that_is_heard_ends_the_isolation() -> None:
    driver = isolated()
    driver.wait(5.0)
    driver.peer_says()
    assert not driver.view().isolated


def test_a_cluster_of_one_has_nobody_to_collide_with() -> None:
    alone = replace(CONFIG, servers=("server1",), groups=(replace(CONFIG.groups[0], order=("server1",)),))
    driver = starting(alone)
    driver.wait(0.1)
    driver.feed(VipClaimed("first"))
    assert not driver.observe_lan(carrier=False)
    assert driver.group() is GroupState.HELD


def test_a_cable_plugged_in_ends_the_pause_after_a_lan_that_could_not_be_asked() -> None:
    driver = starting()
    driver.wait(5.0)
    driver.feed(ArpProbeFailed("first", "no carrier"))
    driver.observe_lan(carrier=False)
    driver.peer_says(0.0)
    driver.observe_lan()
    assert driver.state.groups["first"].claim_backoff_until is None


def test_after_a_long_sleep_old_silence_says_nothing() -> None:
    driver = holding()
    driver.feed(LanObserved(True, False, OWN_MAC))
    driver.feed(Tick(), after_s=10.0)
    driver.feed(LanObserved(True, False, OWN_MAC))
    assert driver.view().lan is LanHealth.UNKNOWN
