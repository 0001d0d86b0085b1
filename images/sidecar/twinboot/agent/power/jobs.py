"""Actions at many machines: a few at once, one after the other, each looked at before it is done.

A job belongs to the server where it was asked for. When that server dies, what was ordered stands, and what
was not done is not done.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from twinboot.power.logic.kind import Action
from twinboot.power.logic.pace import Pace
from twinboot.power.logic.talk import Answer, Question

AT_ONCE = 8
"""Machines whose BMCs are talked to at the same time, of one job."""
MAX_JOBS = 16
"""That are remembered; of those that have ended the oldest are forgotten, and one more than so many is
refused."""
_PACED = frozenset((Action.NETWORK, Action.ON, Action.CYCLE))

Ask = Callable[[Question], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class PowerResult:
    host: str
    ok: bool
    said: str


@dataclass(slots=True)
class Job:
    """forbidden: why nothing is to be done to a host after all; empty: it is. asked when its turn has come.
    done: called with each outcome."""

    questions: deque[Question]
    interval_s: float
    forbidden: Callable[[str], str]
    done: Callable[[PowerResult], None]
    outcomes: list[PowerResult] = field(default_factory=list)
    under_way: int = 0

    @property
    def left(self) -> int:
        return len(self.questions) + self.under_way


class Jobs:
    """On the loop. ask: of one machine. sleep, now: asyncio's and the clock, or stand-ins."""

    def __init__(
        self, ask: Ask, now: Callable[[], float], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._ask, self._now, self._sleep = ask, now, sleep
        self._pace = Pace()
        self._jobs: OrderedDict[int, Job] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._last = 0

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    def begin(
        self, questions: Sequence[Question], *, interval_s: float,
        forbidden: Callable[[str], str] = lambda _host: "",
        done: Callable[[PowerResult], None] = lambda _outcome: None,
    ) -> int | None:
        """The job's number; None when too many are at work."""
        while len(self._jobs) >= MAX_JOBS:
            ended = next((number for number, one in self._jobs.items() if not one.left), None)
            if ended is None:
                return None
            del self._jobs[ended]
        self._last += 1
        job = self._jobs[self._last] = Job(deque(questions), interval_s, forbidden, done)
        for _ in range(min(AT_ONCE, len(questions))):
            task = asyncio.get_running_loop().create_task(self._work(job))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return self._last

    def look(self, number: int, after: int) -> dict[str, Any] | None:
        """Outcomes from `after` on, and how many machines are left; None: no such job."""
        job = self._jobs.get(number)
        if job is None:
            return None
        new = job.outcomes[max(0, after):]
        return {
            "left": job.left,
            "outcomes": [{"host": one.host, "ok": one.ok, "said": one.said} for one in new],
        }

    async def _work(self, job: Job) -> None:
        while job.questions:
            question = job.questions.popleft()
            job.under_way += 1
            try:
                outcome = await self._one(job, question)
                job.outcomes.append(outcome)
                job.done(outcome)
            finally:
                job.under_way -= 1

    async def _one(self, job: Job, question: Question) -> PowerResult:
        if question.action in _PACED:
            wait_s = self._pace.wait_s(self._now(), job.interval_s)
            if wait_s > 0:
                await self._sleep(wait_s)
        why = job.forbidden(question.host)
        answer = Answer(False, why) if why else await self._ask(question)
        return PowerResult(question.host, answer.ok, answer.said)
