"""Many scenarios of takeover, and which ones are simpler than one that fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from .. import failing
from ..failing import Fails, Played, Shrinking
from .files import Trees
from .scenario import Client, Net, Replication, Scenario, Work
from .schedule import scenario
from .world import play

SHRINK_LIMIT_S = 20.0


def scenarios() -> st.SearchStrategy[Scenario]:
    """Scenarios whose every random choice is made by Hypothesis."""
    return st.randoms(use_true_random=False).map(scenario)


def failure_of(one: Scenario) -> Exception | None:
    """What the judge says, or an exception of the code; None: all is well."""
    try:
        play(one)
    except Exception as fault:
        return fault
    return None


@dataclass
class Tally(Played):
    """How much was simulated."""

    moves: int = 0
    segments: int = 0
    resets: int = 0

    def __str__(self) -> str:
        return (
            f"{self.histories} histories, {self.moves} moves, {self.segments} segments of servers, "
            f"{self.resets} clients reset with a reason, {self.cpu_s:.0f} s of CPU"
        )


def check(seed: int, count: int) -> Tally:
    """Play `count` scenarios from one seed; raises FailingHistory at the first that fails."""

    def play_one(one: Scenario, _place: int) -> Tally:
        world = play(one)
        return Tally(1, moves=world.moves, segments=world.network.sent_by_servers, resets=world.resets)

    return failing.check(
        seed, count, Tally(), draw=scenario, play=play_one, shrinking=lambda _place: _SHRINKING
    )


def shrunk(found: Scenario, fault: Exception) -> Scenario:
    """A scenario that fails in the same way, with less in it."""
    return _SHRINKING.shrunk(found, fault)


def _simplified(found: Scenario, fails: Fails[Scenario]) -> Scenario:
    again = True
    while again:
        again = False
        for simpler in _simpler(found):
            if simpler != found and fails(simpler):
                found, again = simpler, True
                break
    return found


def _simpler(one: Scenario) -> Iterator[Scenario]:
    for place in range(len(one.moves)):
        yield replace(one, moves=one.moves[:place] + one.moves[place + 1 :])
    for place, work in enumerate(one.work):
        yield replace(one, work=one.work[:place] + one.work[place + 1 :])
        for less in _simpler_work(work):
            yield replace(one, work=(*one.work[:place], less, *one.work[place + 1 :]))
    for part in ("client", "net", "replication"):
        now = getattr(one, part)
        plain: Client | Net | Replication = type(now)()
        yield replace(one, **{part: plain})
        for name in plain.__dataclass_fields__:
            yield replace(one, **{part: replace(now, **{name: getattr(plain, name)})})
    yield replace(one, lingers=True)
    yield replace(one, trees=Trees.SAME)
    for place, move in enumerate(one.moves):
        for count in (1, move.count // 2, move.count - 1):
            if 0 < count < move.count:
                yield replace(
                    one,
                    moves=(
                        *one.moves[:place],
                        replace(move, count=float(int(count))),
                        *one.moves[place + 1 :],
                    ),
                )


def _simpler_work(work: Work) -> Iterator[Work]:
    if len(work.wants) > 1:
        for place in range(len(work.wants)):
            yield replace(work, wants=work.wants[:place] + work.wants[place + 1 :])
    for name, _value in work.habits:
        yield replace(work, habits=tuple(habit for habit in work.habits if habit[0] != name))


_SHRINKING = Shrinking(failure_of, _simplified, SHRINK_LIMIT_S)
