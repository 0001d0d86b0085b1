"""When an address is announced: dense after a claim, and without a pause while a server is silent."""

from __future__ import annotations

from coredriver import Driver, starting
from twinboot.core import next_deadline
from twinboot.core.effects import AnnounceVip, ClaimVip
from twinboot.core.events import Tick, VipClaimed

ANNOUNCED = AnnounceVip("first")


def announced_at(driver: Driver, seconds: float) -> list[float]:
    """Offsets from now."""
    begun, found = driver.now, []
    while (at := next_deadline(driver.state)) is not None and at <= begun + seconds:
        driver.now = at
        if ANNOUNCED in driver.feed(Tick()):
            found.append(round(at - begun, 3))
    return found


def test_while_a_server_is_silent_no_two_are_more_than_a_second_apart() -> None:
    driver = starting()
    driver.wait(5.1)
    assert ANNOUNCED in driver.feed(VipClaimed("first"))
    assert announced_at(driver, 12.5) == [0.1, 0.3, *(float(second) for second in range(1, 13))]


def test_with_every_server_heard_the_series_is_all() -> None:
    driver = starting()
    while ClaimVip("first", 3.0) not in driver.peer_says(0.1, eligible=("second",)):
        assert driver.now < 30.0
    assert ANNOUNCED in driver.feed(VipClaimed("first"))
    assert driver.peer_says(15.0, eligible=("second",)).count(ANNOUNCED) == len((0.1, 0.3, 1, 3, 10))
