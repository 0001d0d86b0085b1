"""Many histories of either simulation are played; one that fails is made as small as it can be, and told.

What a history is, and which ones are simpler than another, is each simulation's own (histories.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Generic, TypeVar

from .runs import Sums

Scene = TypeVar("Scene")
Fails = Callable[[Scene], bool]


@dataclass
class Played(Sums):
    """How much was simulated; each simulation counts more."""

    histories: int = 0
    cpu_s: float = 0.0


Counted = TypeVar("Counted", bound=Played)


class FailingHistory(Exception):
    """A history that fails, shrunk to `small`."""

    def __init__(self, seed: str, small: object, fails_with: Exception | None, fault: Exception) -> None:
        super().__init__(f"seed {seed}: {fails_with!r} (found as {fault!r})\n\n{small}")
        self.small = small


@dataclass(frozen=True)
class Shrinking(Generic[Scene]):
    """How a scenario is made small. failure_of: of its history; None: it passes. simplify: a simpler one for
    which `fails` holds, found by simple attempts; Hypothesis shrinks better but takes minutes, since each
    attempt is a whole history. limit_s: processor time of all attempts."""

    failure_of: Callable[[Scene], Exception | None]
    simplify: Callable[[Scene, Fails[Scene]], Scene]
    limit_s: float

    def shrunk(self, found: Scene, fault: Exception) -> Scene:
        """One that fails in the same way, with less in it."""
        end = time.process_time() + self.limit_s

        def fails(one: Scene) -> bool:
            return time.process_time() < end and isinstance(self.failure_of(one), type(fault))

        return self.simplify(found, fails)


def check(
    seed: int, count: int, tally: Counted, *, draw: Callable[[Random], Scene],
    play: Callable[[Scene, int], Counted], shrinking: Callable[[int], Shrinking[Scene]],
) -> Counted:
    """Play `count` scenarios from one seed, counted in the tally; FailingHistory at the first that fails.

    play, shrinking: are told the place of the scenario, too.
    """
    begun = time.process_time()
    for place in range(count):
        one = draw(Random(f"{seed}/{place}"))
        try:
            tally += play(one, place)
        except Exception as fault:
            how = shrinking(place)
            small = how.shrunk(one, fault)
            raise FailingHistory(f"{seed}/{place}", small, how.failure_of(small), fault) from None
    tally.cpu_s = time.process_time() - begun
    return tally
