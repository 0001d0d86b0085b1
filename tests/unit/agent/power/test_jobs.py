"""Actions at many machines: how many at once, in which rhythm, and what is left when something goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from twinboot.agent.power.client import ask
from twinboot.agent.power.jobs import AT_ONCE, MAX_JOBS, Jobs
from twinboot.power.logic.kind import Action
from twinboot.power.logic.talk import Answer, Question


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        wanted = self.time + seconds
        await asyncio.sleep(0)
        self.time = max(self.time, wanted)


def questions(count: int, action: Action = Action.NETWORK) -> list[Question]:
    return [Question(action, f"host{number}") for number in range(count)]


async def ended(jobs: Jobs, job: int | None) -> list[dict[str, object]]:
    assert job is not None
    async with asyncio.timeout(60):
        while (found := jobs.look(job, 0)) and found["left"]:
            await asyncio.sleep(0)
    assert found is not None
    outcomes: list[dict[str, object]] = found["outcomes"]
    return outcomes


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scenario()

    asyncio.run(whole())


def test_two_hundred_machines_are_spread_and_few_are_at_work_at_once() -> None:
    async def scenario() -> None:
        clock, begun, at_work = Clock(), list[float](), 0
        most = 0

        async def answer(question: Question) -> Answer:
            nonlocal at_work, most
            begun.append(clock.time)
            at_work += 1
            most = max(most, at_work)
            for _ in range(5):
                await asyncio.sleep(0)
            at_work -= 1
            return Answer(True, question.host)

        jobs = Jobs(answer, clock.now, clock.sleep)
        found = await ended(jobs, jobs.begin(questions(200), interval_s=2.0))
        assert len(found) == 200
        assert most <= AT_ONCE
        assert clock.time >= 100.0 + 199 * 2.0, "one every two seconds"
        before = clock.time
        await ended(jobs, jobs.begin(questions(200, Action.STATUS), interval_s=2.0))
        assert clock.time == before, "to ask costs no current"

    run(scenario)


def test_one_that_fails_or_is_not_to_be_done_holds_up_nobody() -> None:
    async def scenario() -> None:
        clock, asked, told = Clock(), list[str](), list[str]()

        async def answer(question: Question) -> Answer:
            asked.append(question.host)
            return Answer(question.host != "host1", "said", "password")

        jobs = Jobs(answer, clock.now, clock.sleep)
        job = jobs.begin(
            questions(4), interval_s=0.0, forbidden=lambda host: "no longer" * (host == "host2"),
            done=lambda one: told.append(one.host))  # fmt: skip
        found = {str(one["host"]): one for one in await ended(jobs, job)}
        assert sorted(found) == sorted(told) == ["host0", "host1", "host2", "host3"]
        assert [name for name, one in found.items() if not one["ok"]] == ["host1", "host2"]
        assert "host2" not in asked
        assert job is not None
        later = jobs.look(job, 3)
        assert later is not None
        assert len(later["outcomes"]) == 1, "what was seen is not told again"

    run(scenario)


def test_jobs_are_bounded() -> None:
    async def scenario() -> None:
        clock = Clock()
        gate = asyncio.Event()

        async def answer(question: Question) -> Answer:
            await gate.wait()
            return Answer(True, "")

        jobs = Jobs(answer, clock.now, clock.sleep)
        begun = [jobs.begin(questions(1), interval_s=0.0) for _ in range(MAX_JOBS)]
        assert None not in begun
        assert jobs.begin(questions(1), interval_s=0.0) is None, "all are at work"
        gate.set()
        await ended(jobs, begun[0])
        assert jobs.begin(questions(1), interval_s=0.0) is not None, "the oldest that has ended is forgotten"
        assert jobs.look(begun[0] or 0, 0) is None
        assert jobs.look(77, 0) is None
        jobs.close()

    run(scenario)


def test_a_process_that_is_not_there_or_says_rubbish_is_one_line(tmp_path: Path) -> None:
    async def scenario() -> None:
        path, question = tmp_path / "power.sock", Question(Action.STATUS, "one")
        gone = await ask(path, question)
        assert not gone.ok
        assert "make up" in gone.said

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(replies.pop())
            writer.close()

        replies = [b"", b"rubbish\n", b'{"ok": true, "said": "on"}\n']
        server = await asyncio.start_unix_server(serve, path)
        assert (await ask(path, question)).said == "on"
        assert (await ask(path, question)).reason == "no-service"
        assert (await ask(path, question)).reason == "no-service"
        server.close()

    run(scenario)
