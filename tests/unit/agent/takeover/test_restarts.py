"""When a silent takeover process is restarted, and when not. In virtual time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from twinboot.agent.takeover import restarts
from twinboot.agent.takeover.restarts import Restarts


class Agent:
    """Looks once a second."""

    def __init__(self) -> None:
        self.now, self.restarts, self.at = 0.0, Restarts(), list[float]()

    def live(self, seconds: int, *, answered: bool, connected: bool = True, busy: bool = False,
             tick_s: float = 1.0) -> list[float]:
        """When it was restarted meanwhile."""
        before = len(self.at)
        for _ in range(seconds):
            self.now += tick_s
            if self.restarts.tick(tick_s, answered=answered, connected=connected, busy=busy):
                self.at.append(self.now)
        return self.at[before:]


def gaps(times: Iterable[float]) -> list[float]:
    return [later - one for one, later in itertools.pairwise(times)]


def test_one_that_answers_is_never_restarted() -> None:
    assert Agent().live(1000, answered=True, busy=True) == []


def test_one_that_hangs_is_restarted_after_seconds_and_then_with_growing_pauses() -> None:
    found = Agent().live(3000, answered=False)
    assert found[0] == restarts.HUNG_S
    assert gaps(found)[:6] == [30, 60, 120, 240, 480, 600]


def test_one_that_has_gone_is_given_the_time_of_a_new_image() -> None:
    agent = Agent()
    assert agent.live(19, answered=False, connected=False) == []
    assert agent.live(1, answered=False, connected=False) == [restarts.GONE_S]


def test_a_busy_machine_is_no_reason_but_no_excuse_for_ever() -> None:
    agent = Agent()
    assert agent.live(17, answered=False, busy=True) == []
    assert len(agent.live(2, answered=False, busy=True)) == 1


def test_an_agent_that_stood_still_does_not_blame_the_process() -> None:
    agent = Agent()
    assert agent.live(2, answered=False, tick_s=600.0) == []
    assert agent.live(1, answered=True) == []
    assert agent.live(5, answered=False) == []


def test_silence_that_ends_before_its_time_is_forgotten() -> None:
    agent = Agent()
    for _ in range(100):
        assert agent.live(5, answered=False) == []
        agent.live(1, answered=True)


def test_the_pauses_are_short_again_after_it_was_well_for_long() -> None:
    agent = Agent()
    agent.live(200, answered=False)
    agent.live(299, answered=True)
    first = agent.live(600, answered=False)
    assert gaps(first)[0] > restarts.FIRST_PAUSE_S, "well, but not for long enough"
    agent.live(700, answered=True)
    again = agent.live(60, answered=False)
    assert gaps(again) == [restarts.FIRST_PAUSE_S]
