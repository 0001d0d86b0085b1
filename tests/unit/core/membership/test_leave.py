"""Leaving takes no longer than it is of use, whatever hangs."""

from __future__ import annotations

import pytest
from coredriver import Driver, holding
from twinboot.core.effects import DropVip, Exit, StopService
from twinboot.core.events import LeaveRequested, ServiceObserved, StandbyRequested, VipDropped
from twinboot.core.model import Health, ServiceState

WELL = {"vsftpd": Health.GOOD, "tftp": Health.GOOD}


@pytest.fixture
def driver() -> Driver:
    driver = holding()
    driver.feed(ServiceObserved("dhcpd", ServiceState.RUNNING))
    driver.service_probe("dhcpd")
    return driver


def drops_after(driver: Driver) -> float:
    """When the first group's address goes, after standby; the stop of dhcpd is never answered."""
    begin = driver.now
    did = driver.feed(StandbyRequested(on=True, force=True))
    while DropVip("first") not in did:
        did = driver.wait(0.05)
    return driver.now - begin


def test_a_service_that_serves_is_given_a_second_to_stop(driver: Driver) -> None:
    assert drops_after(driver) == pytest.approx(1.0, abs=0.1)


def test_one_that_does_not_serve_any_more_is_not_waited_for(driver: Driver) -> None:
    driver.service_probe("dhcpd", "no answer")
    assert drops_after(driver) == 0.0


def test_nor_one_whose_engine_hangs(driver: Driver) -> None:
    driver.wait(3.1)
    assert drops_after(driver) == 0.0


def test_nor_one_that_the_engine_does_not_know(driver: Driver) -> None:
    driver.feed(ServiceObserved("dhcpd", ServiceState.UNKNOWN))
    assert drops_after(driver) == 0.0


def exits_after(driver: Driver, *, drop: bool = True) -> float:
    begin = driver.now
    did = driver.feed(LeaveRequested())
    while Exit() not in did:
        did = driver.wait(0.05)
        if drop and DropVip("first") in did:
            driver.feed(VipDropped("first"))
            driver.feed(VipDropped("second"))
            did = tuple(one for one in did if one != DropVip("first")) + driver.requested()
        assert driver.now < begin + 5.0
    return driver.now - begin


def test_leaving_takes_a_second_when_nobody_can_take_over(driver: Driver) -> None:
    assert exits_after(driver, drop=False) == pytest.approx(1.0, abs=0.1)


def test_leaving_waits_for_a_taker_but_not_for_a_service_that_will_not_stop(driver: Driver) -> None:
    driver.peer_says(daemons=WELL)
    assert exits_after(driver) == pytest.approx(1.7, abs=0.1)


def test_leaving_with_a_drop_that_hangs_takes_three_seconds_at_most(driver: Driver) -> None:
    driver.peer_says(daemons=WELL)
    assert exits_after(driver, drop=False) == pytest.approx(3.0, abs=0.1)


def test_leaving_stops_the_service_first(driver: Driver) -> None:
    assert driver.feed(LeaveRequested())[0] == StopService("dhcpd")


def test_asked_twice_it_leaves_once(driver: Driver) -> None:
    driver.feed(LeaveRequested())
    leave_by = driver.state.leave_by
    driver.wait(0.3)
    driver.feed(LeaveRequested())
    assert driver.state.leave_by == leave_by
