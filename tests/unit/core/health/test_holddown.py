"""Hold-down: who flaps must prove itself longer each time before it gets a group back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from coredriver import CONFIG, HOLDS_FIRST, ORDER, Driver, holding
from twinboot.alarms import kinds
from twinboot.core.effects import ClaimVip, DropVip
from twinboot.core.events import ServiceObserved, VipClaimed, VipDropped
from twinboot.core.health import holddown
from twinboot.core.health.holddown import HoldDown
from twinboot.core.model import GroupState, Health, LanHealth, ServiceState

WELL = {"vsftpd": Health.GOOD, "tftp": Health.GOOD}


def flapped(times: int, *, every_s: float = 2.0) -> tuple[HoldDown, float]:
    one, now = HoldDown(), 100.0
    for _ in range(times):
        one = holddown.health_observed(
            holddown.health_observed(one, healthy=False, now=now), healthy=True, now=now + 1.0
        )
        now += every_s
    return one, now - every_s + 1.0


def test_the_time_doubles_up_to_five_minutes() -> None:
    waits = []
    for times in range(9):
        one, now = flapped(times)
        waits.append(holddown.required_healthy_s(one, now, 5.0))
    assert waits == [0, 5, 10, 20, 40, 80, 160, 300, 300]


def test_without_a_delay_of_failback_there_is_one_for_who_flaps() -> None:
    one, now = flapped(4)
    assert holddown.required_healthy_s(one, now, 0.0) == 8.0


def test_it_counts_from_the_last_recovery() -> None:
    one, now = flapped(3)
    assert holddown.ends_at(one, now, 5.0) == now + 20.0


def test_losses_of_long_ago_are_forgotten() -> None:
    one, now = flapped(4)
    assert holddown.required_healthy_s(one, now + holddown.WINDOW_S, 5.0) == 0.0
    one = holddown.health_observed(one, healthy=False, now=now + holddown.WINDOW_S)
    assert holddown.recent_losses(one, now + holddown.WINDOW_S) == 1


def test_the_same_state_again_is_no_loss() -> None:
    one, now = flapped(1)
    assert holddown.health_observed(one, healthy=True, now=now + 5.0) is one


def test_the_record_is_bounded() -> None:
    assert len(flapped(1000, every_s=1.5)[0].losses) == holddown.MAX_LOSSES


def second_holds() -> Driver:
    driver = holding(replace(CONFIG, groups=(replace(CONFIG.groups[0], order=ORDER[::-1]),)))
    driver.observe_lan()
    driver.peer_says(0.2, daemons=WELL)
    return driver


def flap(driver: Driver, times: int, **bad: object) -> None:
    for _ in range(times):
        driver.peer_says(0.4, **{"daemons": WELL, **bad})
        driver.peer_says(0.4, daemons=WELL)


@pytest.mark.parametrize("bad", [{"lan": LanHealth.NO_CARRIER}, {"daemons": {"vsftpd": Health.BROKEN}}])
def test_a_flapping_server_gets_nothing_back_before_its_time(bad: dict[str, object]) -> None:
    driver = second_holds()
    flap(driver, 3, **bad)
    begin = driver.now - 0.4
    while driver.group() is GroupState.HELD:
        driver.peer_says(0.2, daemons=WELL)
    assert driver.now - begin == pytest.approx(20.0, abs=0.5)


def lost(driver: Driver) -> int:
    return holddown.recent_losses(driver.state.holddowns["server2"], driver.now)


def test_a_silence_that_the_same_life_comes_back_from_is_a_loss() -> None:
    """Where the LAN is the only link, a flapping cable shows as this."""
    driver = second_holds()
    for times in (1, 2, 3):
        driver.wait(2.0)
        assert lost(driver) == times - 1
        driver.peer_says(1.0, daemons=WELL)
        assert lost(driver) == times
    assert driver.alarms(kinds.HOLD_DOWN).keys() == {"server2"}


def test_a_server_started_anew_has_lost_nothing_by_that() -> None:
    driver = second_holds()
    for boot in range(23, 27):
        driver.wait(2.0)
        driver.peer_says(1.0, daemons=WELL, boot=boot)
    assert lost(driver) == 0
    assert driver.state.holddowns["server2"].healthy


def test_nor_has_one_that_left_in_order() -> None:
    driver = second_holds()
    driver.peer_says(leaving=True)
    driver.wait(2.0)
    driver.peer_says(1.0, daemons=WELL, boot=33)
    assert lost(driver) == 0


def test_one_that_comes_back_without_its_lan_has_lost_it_once() -> None:
    driver = second_holds()
    driver.wait(2.0)
    driver.peer_says(1.0, daemons=WELL, boot=33, lan=LanHealth.RX_DEAD)
    assert lost(driver) == 1
    assert not driver.state.holddowns["server2"].healthy


def test_a_flapping_server_still_takes_over_when_nobody_is_served_otherwise() -> None:
    driver = second_holds()
    flap(driver, 4, lan=LanHealth.NO_CARRIER)
    driver.observe_lan(carrier=False)
    assert DropVip("first") in driver.wait(0.1)


def test_but_not_for_the_sake_of_a_daemon() -> None:
    driver = second_holds()
    flap(driver, 4, lan=LanHealth.NO_CARRIER)
    driver.breaks(daemons=WELL)
    assert driver.group() is GroupState.HELD
    driver.peer_says(35.0, daemons=WELL)
    assert driver.group() is GroupState.RELEASING


def test_it_is_shown_here_and_there_and_ends() -> None:
    driver = second_holds()
    flap(driver, 1, lan=LanHealth.RX_DEAD)
    assert not driver.alarms(kinds.HOLD_DOWN), "once is no flapping"
    flap(driver, 1, lan=LanHealth.RX_DEAD)
    told = driver.alarms(kinds.HOLD_DOWN)
    assert told.keys() == {"server2"}
    assert all(fact in told["server2"] for fact in ("2 times in 5 min", "after 10 s"))
    assert driver.view().peers["server2"].hold_down_s == pytest.approx(9.6, abs=0.3)
    driver.peer_says(10.0, daemons=WELL)
    assert not driver.alarms(kinds.HOLD_DOWN)
    for carrier in (False, True, False, True):
        driver.observe_lan(carrier=carrier)
    assert "server1" in driver.alarms(kinds.HOLD_DOWN)
    assert driver.view().hold_down_s == pytest.approx(10.0)


def test_a_flapping_cable_of_the_preferred_server_moves_the_group_a_few_times_only() -> None:
    """For ten minutes, up for 8 s and down for 2 s; the peer holds the group while it is given it."""
    driver, moves = second_holds(), 0
    for _ in range(60):
        driver.peer_says(8.0, daemons=WELL)
        if driver.group() is GroupState.HELD:
            driver.peer_says(2.0, daemons=WELL, lan=LanHealth.NO_CARRIER)
            continue
        moves += 1
        driver.feed(ServiceObserved("dhcpd", ServiceState.STOPPED))
        driver.feed(VipDropped("first"))
        driver.peer_says(1.0, daemons=WELL, groups=HOLDS_FIRST)
        assert ClaimVip("first", 3.0) in driver.peer_says(daemons=WELL, lan=LanHealth.NO_CARRIER)
        driver.feed(VipClaimed("first"))
        driver.feed(ServiceObserved("dhcpd", ServiceState.RUNNING))
        driver.peer_says(2.0, daemons=WELL, lan=LanHealth.NO_CARRIER)
    assert moves == 2
