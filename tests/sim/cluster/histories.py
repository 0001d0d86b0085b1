"""Histories: play a schedule, repair everything, check the final state; many of them, and which schedules are
simpler than one that fails."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from hypothesis import strategies as st

from .. import failing
from ..failing import Fails, Played, Shrinking
from .rest import check_stays_at_rest, run_until_at_rest
from .scenario import Act, Scenario, play
from .schedule import schedule
from .verbs import note_act, repair_all
from .world import World

STEADY_S = 6.0
SHORT_STEADY_S = 1.5
LONG_WATCH_EVERY = 16
"""One history in this many is observed for STEADY_S after its end, the others for SHORT_STEADY_S."""

SHRINK_LIMIT_S = 60.0


def scenarios(episodes: int = 8) -> st.SearchStrategy[Scenario]:
    """Schedules whose every random choice is made by Hypothesis."""
    return st.randoms(use_true_random=False).map(lambda rng: schedule(rng, episodes=episodes))


def history(scenario: Scenario, *, steady_s: float = STEADY_S) -> World:
    """Play the scenario, repair everything, and check that the final state is reached and kept."""
    world = play(scenario)
    note_act(world, "mend")
    repair_all(world)
    world.transcript.append(f"{world.now:9.3f} -------- all is mended")
    if world.applying is not None:
        world.applying.run_until_settled()
    run_until_at_rest(world)
    check_stays_at_rest(world, steady_s)
    return world


def failure_of(scenario: Scenario, *, steady_s: float = STEADY_S) -> Exception | None:
    """The failure of a history: a violated invariant, or an exception of the core; None: it passes."""
    try:
        history(scenario, steady_s=steady_s)
    except Exception as fault:
        return fault
    return None


@dataclass
class Tally(Played):
    """How much was simulated."""

    acts: int = 0
    hours: float = 0.0
    moves: int = 0

    def __str__(self) -> str:
        return (
            f"{self.histories} histories, {self.acts} faults and cures, {self.moves} moves, "
            f"{self.hours:.1f} virtual hours, {self.cpu_s:.0f} s of CPU"
        )


def check(seed: int, count: int, *, servers: int | None = None) -> Tally:
    """Play `count` short histories from one seed; raises FailingHistory at the first that fails."""

    def steady_s(place: int) -> float:
        return STEADY_S if place % LONG_WATCH_EVERY == 0 else SHORT_STEADY_S

    def play_one(scenario: Scenario, place: int) -> Tally:
        world = history(scenario, steady_s=steady_s(place))
        return Tally(1, acts=len(scenario.acts), hours=world.now / 3600.0, moves=len(world.changes))

    return failing.check(
        seed, count, Tally(), draw=lambda rng: schedule(rng, servers=servers), play=play_one,
        shrinking=lambda place: _shrinking(steady_s(place)),
    )


def _shrinking(steady_s: float) -> Shrinking[Scenario]:
    return Shrinking(partial(failure_of, steady_s=steady_s), _simplified, SHRINK_LIMIT_S)


def shrunk(scenario: Scenario, fault: Exception) -> Scenario:
    """A scenario that fails in the same way, with fewer acts, servers and digits."""
    return _shrinking(STEADY_S).shrunk(scenario, fault)


def _simplified(scenario: Scenario, fails: Fails[Scenario]) -> Scenario:
    for width in (8, 4, 2, 1, 1):
        place = 0
        while place < len(scenario.acts):
            fewer = replace(scenario, acts=scenario.acts[:place] + scenario.acts[place + width:])
            if fails(fewer):
                scenario = fewer
            else:
                place += width
    for simpler in (_without_idle_servers(scenario), replace(scenario, seed=0)):
        if simpler != scenario and fails(simpler):
            scenario = simpler
    for place, act in enumerate(scenario.acts):
        for digits in (0, 1):
            rounder = _put(scenario, place, replace(act, at=round(act.at, digits)))
            if rounder is not None and rounder != scenario and fails(rounder):
                scenario = rounder
                break
    return scenario


def _without_idle_servers(scenario: Scenario) -> Scenario:
    """The scenario without the last servers if no act names them."""
    used = max((int(word[6:]) for act in scenario.acts for word in act.args if word.startswith("server")),
               default=2)
    return replace(scenario, servers=max(2, min(scenario.servers, used)))


def _put(scenario: Scenario, place: int, act: Act) -> Scenario | None:
    acts = [*scenario.acts]
    acts[place] = act
    if any(one.at > other.at for one, other in pairwise(acts)):
        return None
    return replace(scenario, acts=tuple(acts))
