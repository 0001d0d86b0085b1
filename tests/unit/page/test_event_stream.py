"""Event streams: what differs is told, what grows by itself is not; bounded for those who read slowly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import twinboot_page.event_stream
from fakesidecar import STATUS, FakeSidecar, machine
from twinboot_page import cache
from twinboot_page.event_stream import MAX_CHANGED, MAX_WAITING, RELOAD, EventStream
from twinboot_page.facts import Facts
from twinboot_page.limits import Places


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept, and it is looked again at once."""
    monkeypatch.setattr(cache, "KEEP_S", 0.0)
    monkeypatch.setattr(twinboot_page.event_stream, "LOOK_S", 0.001)


def told(event: bytes) -> tuple[str, Any]:
    head, _, data = event.decode().partition("\ndata: ")
    return head.removeprefix("event: "), json.loads(data)


async def next_of(stream: AsyncIterator[bytes], count: int) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    while len(found) < count:
        event = await asyncio.wait_for(anext(stream), 60)
        if event.startswith(b"event: "):
            found.append(told(event))
    return found


def answers(sidecar: FakeSidecar) -> dict[str, Any]:
    assert sidecar.answers is not None
    return sidecar.answers


def test_the_first_events_are_how_things_are_and_the_next_what_differs() -> None:
    async def scenario() -> None:
        sidecar = FakeSidecar()
        events = EventStream(Facts(sidecar), lambda: 0.0)
        stream = events.listen()
        first = dict(await next_of(stream, 3))
        assert first["status"]["groups"]["first"]["holder"] == "server1"
        assert [one["code"] for one in first["alarms"]] == ["disk-full"]
        assert len(first["machines"]["changed"]) == 5
        later = [machine(number, silent_s=99.0) for number in range(1, 5)]
        later[1]["state"] = "failed"
        answers(sidecar)["machines"] = {"ok": True, "machines": later}
        ((name, data),) = await next_of(stream, 1)
        assert (name, data["gone"]) == ("machines", ["cli5"])
        assert [one["name"] for one in data["changed"]] == ["cli2"]
        answers(sidecar)["status"] = {**STATUS, "uptime_s": 7.0, "state": "standby"}
        ((name, data),) = await next_of(stream, 1)
        assert (name, data["state"]) == ("status", "standby")

    asyncio.run(scenario())


def test_what_grows_by_itself_is_no_news() -> None:
    async def scenario() -> None:
        sidecar = FakeSidecar()
        events = EventStream(Facts(sidecar), lambda: 0.0)
        assert len(await events.look()) == 3
        group = {**STATUS["groups"]["first"], "since_s": 99.0}
        answers(sidecar)["status"] = {**STATUS, "uptime_s": 7.0, "groups": {"first": group}}
        assert await events.look() == []

    asyncio.run(scenario())


def test_a_sidecar_that_goes_and_comes_back_is_told_once_each() -> None:
    async def scenario() -> None:
        sidecar = FakeSidecar()
        kept = answers(sidecar)
        stream = EventStream(Facts(sidecar), lambda: 0.0).listen()
        await next_of(stream, 3)
        sidecar.answers = None
        ((name, data),) = await next_of(stream, 1)
        assert (name, "does not run" in data["detail"]) == ("down", True)
        sidecar.answers = kept
        assert [name for name, _ in await next_of(stream, 2)] == ["status", "alarms"]

    asyncio.run(scenario())


def test_many_changes_and_a_slow_reader_are_told_to_load_again() -> None:
    async def scenario() -> None:
        sidecar = FakeSidecar()
        events = EventStream(Facts(sidecar), lambda: 0.0)
        many = {"ok": True, "machines": [machine(number % 200, name=f"m{number}") for number in range(500)]}
        await events.look()
        answers(sidecar)["machines"] = many
        assert await events.look() == [RELOAD]
        assert len(many["machines"]) > MAX_CHANGED
        slow: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)
        events._listeners.add(slow)
        for number in range(3 * MAX_WAITING):
            events._tell(b"%d" % number)
        assert slow.qsize() <= MAX_WAITING
        left = [slow.get_nowait() for _ in range(slow.qsize())]
        assert left[0] == RELOAD
        assert left[-1] == b"%d" % (3 * MAX_WAITING - 1)

    asyncio.run(scenario())


def test_nobody_listens_nobody_asks() -> None:
    async def scenario() -> None:
        sidecar = FakeSidecar()
        events = EventStream(Facts(sidecar), lambda: 0.0)
        stream = events.listen()
        await next_of(stream, 3)
        await stream.aclose()
        await asyncio.sleep(0.02)
        asked = len(sidecar.asked)
        await asyncio.sleep(0.02)
        assert len(sidecar.asked) == asked

    asyncio.run(scenario())


def test_a_stream_ends_after_its_time_so_that_it_is_asked_again_who_reads() -> None:
    async def scenario() -> None:
        now = [0.0]
        stream = EventStream(Facts(FakeSidecar()), lambda: now[0]).listen()
        await next_of(stream, 3)
        now[0] = twinboot_page.event_stream.LASTS_S
        assert [event async for event in stream] == []

    asyncio.run(scenario())


def test_places_are_bounded_for_all_and_for_each() -> None:
    places = Places(3, 2)
    assert [places.take(one) for one in "aaab"] == [True, True, False, True]
    assert not places.take("c")
    places.leave("a")
    assert places.take("c")
