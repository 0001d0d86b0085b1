"""Histories: play a schedule, repair everything, check the final state; many of them, and shrink a failing
schedule."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random

from hypothesis import strategies as st

from .rest import check_stays_at_rest, run_until_at_rest
from .runs import Sums
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
class Tally(Sums):
    """How much was simulated."""

    histories: int = 0
    acts: int = 0
    hours: float = 0.0
    moves: int = 0
    cpu_s: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.histories} histories, {self.acts} faults and cures, {self.moves} moves, "
            f"{self.hours:.1f} virtual hours, {self.cpu_s:.0f} s of CPU"
        )


class FailingHistory(Exception):
    """A history that fails, shrunk."""

    def __init__(self, seed: str, scenario: Scenario, fault: Exception, *, steady_s: float) -> None:
        small = shrunk(scenario, fault, steady_s=steady_s)
        super().__init__(
            f"seed {seed}: {failure_of(small, steady_s=steady_s)!r} (found as {fault!r})\n\n{small}"
        )
        self.small = small


def check(seed: int, count: int, *, servers: int | None = None) -> Tally:
    """Play `count` short histories from one seed; raises FailingHistory at the first that fails."""
    tally, begun = Tally(), time.process_time()
    for place in range(count):
        scenario = schedule(Random(f"{seed}/{place}"), servers=servers)
        steady_s = STEADY_S if place % LONG_WATCH_EVERY == 0 else SHORT_STEADY_S
        try:
            world = history(scenario, steady_s=steady_s)
        except Exception as fault:
            raise FailingHistory(f"{seed}/{place}", scenario, fault, steady_s=steady_s) from None
        tally.histories += 1
        tally.acts += len(scenario.acts)
        tally.hours += world.now / 3600.0
        tally.moves += len(world.changes)
    tally.cpu_s = time.process_time() - begun
    return tally


# The smallest schedule ---------------------------------------------------------------------------


def shrunk(
    scenario: Scenario, fault: Exception | None = None, *, steady_s: float = STEADY_S,
    limit_s: float = SHRINK_LIMIT_S,
) -> Scenario:
    """A scenario that fails in the same way, with fewer acts, servers and digits, found by simple attempts.

    Hypothesis shrinks better but takes minutes, since each attempt is a whole history.
    """
    end = time.process_time() + limit_s
    kind = type(fault) if fault is not None else Exception

    def fails(one: Scenario) -> bool:
        return time.process_time() < end and isinstance(failure_of(one, steady_s=steady_s), kind)

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
