"""Heavy loss is not death: while a peer is late, heartbeats go out and are answered quickly."""

from __future__ import annotations

import pytest
from coredriver import Driver, holding, peer_heartbeat
from twinboot.core.events import HeartbeatReceived
from twinboot.core.membership.heartbeat import unacknowledged_s


def sent_in(driver: Driver, seconds: float) -> int:
    before = driver.state.seq
    driver.wait(seconds)
    return driver.state.seq - before


def heard(driver: Driver, echo: int) -> None:
    driver.seq += 1
    driver.feed(HeartbeatReceived("lan", peer_heartbeat(driver.seq, echo=echo, eligible=())))


@pytest.fixture
def driver() -> Driver:
    driver = holding()
    driver.peer_says(1.0, eligible=())
    return driver


def test_at_rest_one_goes_out_every_interval(driver: Driver) -> None:
    before = driver.state.seq
    driver.peer_says(4.0, eligible=())
    assert driver.state.seq - before in (19, 20, 21)


def test_while_a_peer_is_late_four_times_as_many(driver: Driver) -> None:
    driver.wait(0.51)
    assert sent_in(driver, 0.4) in (7, 8, 9)


def test_once_it_is_dead_it_is_given_up(driver: Driver) -> None:
    driver.wait(1.2)
    assert sent_in(driver, 2.0) in (9, 10, 11)


def test_a_peer_that_lacks_our_messages_is_answered_at_once_and_often(driver: Driver) -> None:
    lacking = driver.state.seq
    for _ in range(3):
        driver.wait(0.2)
        heard(driver, driver.state.seq)
    driver.wait(0.12)
    heard(driver, lacking)
    assert driver.sent()
    assert sent_in(driver, 0.19) in (3, 4)


def test_lagging_a_little_is_not_lacking(driver: Driver) -> None:
    before = driver.state.seq
    for _ in range(10):
        driver.wait(0.2)
        heard(driver, driver.state.seq - 2)
    assert driver.state.seq - before in (9, 10, 11)


def test_an_exchange_does_not_keep_itself_going(driver: Driver) -> None:
    """After the loss is over both are at their pace again."""
    driver.wait(0.7)
    driver.peer_says(1.0, eligible=())
    before = driver.state.seq
    driver.peer_says(4.0, eligible=())
    assert driver.state.seq - before in (19, 20, 21)


def test_a_flood_of_lagging_messages_does_not_make_a_flood_of_answers(driver: Driver) -> None:
    before = driver.state.seq
    lacking = before
    driver.wait(0.3)
    for _ in range(200):
        heard(driver, lacking)
        driver.wait(0.01)
    assert driver.state.seq - before <= 2.3 / 0.05 + 2


def test_how_long_it_lacks_something_is_known_for_the_last_few(driver: Driver) -> None:
    seq, now = driver.state.seq, driver.now
    assert unacknowledged_s(driver.state, seq) == 0.0
    assert unacknowledged_s(driver.state, seq + 5) == 0.0
    assert unacknowledged_s(driver.state, seq - 1) == pytest.approx(now - driver.state.sent_at)
    assert unacknowledged_s(driver.state, 1) > 4.0
