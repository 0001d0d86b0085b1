"""Which command about the virtual addresses comes next. Pure; the simulation uses it, too.

In their order, but renewals come last, one per group at most: behind a slow kernel they would pile up, and an
address that a peer holds as well would be dropped after them.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

from twinboot.core.effects import DropVip, Effect, RenewVip

Job = TypeVar("Job")


class CommandQueue(Generic[Job]):
    """Job: what carries an effect out."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._renewals: dict[str, Job] = {}
        """By group, the latest."""

    def put(self, job: Job, effect: Effect | None = None) -> None:
        """effect: which the job carries out; None: another job, in its order."""
        if isinstance(effect, RenewVip):
            self._renewals[effect.group] = job
            return
        if isinstance(effect, DropVip):
            self._renewals.pop(effect.group, None)
        self._jobs.append(job)

    def take(self) -> Job | None:
        """The next job; None: there is none."""
        if self._jobs:
            return self._jobs.popleft()
        return self._renewals.pop(next(iter(self._renewals), ""), None)
