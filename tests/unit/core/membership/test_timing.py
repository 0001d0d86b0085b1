"""Of two servers' timers the longer ones hold between them."""

from __future__ import annotations

from dataclasses import replace

from coredriver import CONFIG, Driver, starting
from twinboot.core.membership.peer import Liveness
from twinboot.core.model import Timers

SLOW = Timers(interval_s=1.5, warntime_s=3.0, deadtime_s=4.0, suspect_s=3.0, address_lifetime_s=8.0)


def rare(driver: Driver, times: int, timers: Timers | None) -> None:
    """So many heartbeats, 1.5 s apart."""
    for _ in range(times):
        driver.wait(1.5)
        driver.peer_says(timers=timers)


def test_one_that_sends_more_rarely_than_our_deadtime_lives() -> None:
    driver = starting()
    driver.peer_says(timers=SLOW)
    rare(driver, 5, SLOW)
    assert driver.state.peers["server2"].alive_since == 0.0
    driver.wait(4.01)
    assert driver.state.peers["server2"].liveness is Liveness.DEAD


def test_one_that_does_not_tell_its_timers_is_measured_by_ours() -> None:
    driver = starting()
    driver.peer_says()
    driver.wait(1.01)
    assert driver.state.peers["server2"].liveness is Liveness.DEAD


def test_shorter_timers_of_the_other_change_nothing() -> None:
    driver = starting(replace(CONFIG, timers=SLOW))
    driver.peer_says(timers=CONFIG.timers)
    assert driver.state.peers["server2"].timers is None
    driver.wait(1.5)
    assert driver.state.peers["server2"].liveness is Liveness.ALIVE


def test_once_it_has_ours_again_they_hold() -> None:
    driver = starting()
    driver.peer_says(timers=SLOW)
    driver.peer_says(timers=CONFIG.timers)
    driver.wait(1.01)
    assert driver.state.peers["server2"].liveness is Liveness.DEAD
