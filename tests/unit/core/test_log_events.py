"""The log of a core: what an operator reads, at which level, in which order."""

from __future__ import annotations

from coredriver import Driver, starting
from twinboot.core.effects import Log, LogLevel
from twinboot.core.events import ServiceObserved, VipClaimed
from twinboot.core.model import ServiceState


def log_lines(driver: Driver) -> list[Log]:
    return [one for one in driver.effects if isinstance(one, Log)]


def test_the_first_line_says_that_it_starts() -> None:
    assert log_lines(Driver())[0].event == "starting"


def claimed_and_starting() -> Driver:
    """The address is up, and dhcpd has been asked to start."""
    driver = starting()
    driver.wait(5.1)
    driver.feed(VipClaimed("first"))
    assert driver.state.services["dhcpd"].command is not None
    return driver


def test_a_look_from_before_the_start_is_no_warning() -> None:
    driver = claimed_and_starting()
    driver.feed(ServiceObserved("dhcpd", ServiceState.UNKNOWN))
    driver.feed(ServiceObserved("dhcpd", ServiceState.STOPPED))
    assert [(one.event, one.level) for one in log_lines(driver)] == [("service-state", LogLevel.INFO)]


def test_a_start_that_failed_is_a_warning() -> None:
    driver = claimed_and_starting()
    driver.feed(ServiceObserved("dhcpd", ServiceState.STOPPED, "ended right after its start"))
    assert ("service-state", LogLevel.WARNING) in [(one.event, one.level) for one in log_lines(driver)]


def test_a_link_that_is_back_says_how_long_it_was_silent() -> None:
    driver = starting()
    driver.peer_says(2.0)
    first = [one for one in log_lines(driver) if one.event == "link-up"]
    assert not any("silent_s" in one.fields for one in first), "it was never there before"
    driver.wait(7.0)
    driver.peer_says()
    [back] = [one for one in log_lines(driver) if one.event == "link-up"]
    assert back.fields["silent_s"] == 7.0
    driver.peer_says(2.0)
    driver.wait(3.0)
    driver.peer_says()
    [again] = [one for one in log_lines(driver) if one.event == "link-up"]
    assert again.fields["silent_s"] == 3.0
