"""The history over a restart: what is kept comes back, what is none of ours is left, and nothing waits."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from agentfakes import until
from twinboot.adapters.statefile import StateFile
from twinboot.agent.history import keeper as keepers
from twinboot.agent.history.history import MAX_EVENTS, MAX_MOVES, History, MoveKind, TimelineEvent
from twinboot.agent.history.keeper import MAX_BYTES, HistoryKeeper, parse, serialize
from twinboot.errors import ResourceError

ADDRESS = {"first": "192.168.0.253"}
EVENT = {"at": 1000.0, "after_s": 0.0, "kind": "claim", "text": "server1 dead"}
MOVE: dict[str, Any] = {
    "number": 7, "group": "first", "address": "192.168.0.253", "kind": "claimed", "from": "server1",
    "to": "server2", "reason": "server1 dead", "done": True, "left_out": 0, "at": 1000.0, "events": [EVENT],
}
GOOD: dict[str, Any] = {"version": 1, "moves": [MOVE]}


class Disk:
    """A file in memory. hung: reads and writes wait until it is set."""

    def __init__(self, data: bytes | None = None) -> None:
        self.data, self.writes, self.failures = data, 0, 0
        self.works = threading.Event()
        self.works.set()
        self.broken = False

    def read(self) -> bytes | None:
        self.works.wait(60)
        return self.data

    def write(self, data: bytes) -> None:
        self.works.wait(60)
        if self.broken:
            self.failures += 1
            raise ResourceError("disk", "full")
        self.data, self.writes = data, self.writes + 1

    def numbers(self) -> list[int]:
        return [one["number"] for one in parse(self.data)]


def move(history: History, at: float) -> None:
    """A move: what else it does to a history stands in test_history."""
    history._begin(MoveKind.CLAIMED, "first", "server1", "server2", "server1 dead", at).done_at = at


def life(disk: Any, scenario: Callable[[History], Awaitable[None]]) -> None:
    """One life of a sidecar."""
    async def run() -> None:
        history = History("server2", ADDRESS)
        keeper = HistoryKeeper(history, disk, lambda: 10.0)
        try:
            await until(lambda: keeper._loaded, "the file is read")
            await scenario(history)
        finally:
            keeper.close()

    asyncio.run(run())


def told(history: History) -> list[int]:
    return [one["number"] for one in history.as_dicts(now=10.0, wall_time=1000.0)]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keepers, "SAVE_EVERY_S", 0.005)


def test_moves_are_told_in_the_next_life_and_numbers_go_on(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "history.json", MAX_BYTES)

    async def first(history: History) -> None:
        move(history, 9.0)
        history.record_event("first", "announced", 9.5, "by ARP")

    async def second(history: History) -> None:
        (old,) = history.as_dicts(now=10.0, wall_time=5000.0)
        assert [event["kind"] for event in old["events"]] == ["claim", "announced"]
        assert old["events"][1]["after_s"] == 0.5
        move(history, 9.9)
        assert told(history) == [1, 2]

    async def third(history: History) -> None:
        assert told(history) == [1, 2]

    for scenario in (first, second, third):
        life(file, scenario)


def test_what_is_new_is_kept_without_an_end_in_order() -> None:
    disk = Disk()

    async def scenario(history: History) -> None:
        move(history, 9.0)
        await until(lambda: disk.writes == 1, "the move is kept")
        history.record_event("first", "announced", 9.5)
        await until(lambda: disk.writes == 2, "its event is kept")

    life(disk, scenario)
    assert disk.writes == 2, "written though nothing was new"


def test_a_move_before_the_file_is_read_is_numbered_after_the_old_ones() -> None:
    disk = Disk(serialize([MOVE]))
    disk.works.clear()

    async def run() -> None:
        history = History("server2", ADDRESS)
        keeper = HistoryKeeper(history, disk, lambda: 10.0)
        move(history, 9.0)
        assert told(history) == [1]
        disk.works.set()
        await until(lambda: told(history) == [7, 8], "the old one is there")
        keeper.close()

    asyncio.run(run())
    assert disk.numbers() == [7, 8]


def test_a_disk_that_hangs_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keepers, "_CLOSE_LIMIT_S", 0.01)
    disk = Disk(serialize([MOVE]))
    disk.works.clear()

    async def run() -> None:
        history = History("server2", ADDRESS)
        keeper = HistoryKeeper(history, disk, lambda: 10.0)
        move(history, 9.0)
        keeper._turn()
        keeper.close()
        disk.works.set()
        assert keeper._worker.close(5.0)

    asyncio.run(run())
    assert disk.numbers() == [7]


def altered(**changes: Any) -> bytes:
    return json.dumps({**GOOD, "moves": [{**MOVE, **changes}]}).encode()


@pytest.mark.parametrize("data", [
    b"", b"\0" * 4096, b"{", b"[]", b"null", serialize([MOVE])[:-20], b"[" * 100_000,
    json.dumps({**GOOD, "version": 2}).encode(), json.dumps({"version": 1}).encode(),
    json.dumps({"version": 1, "moves": [1]}).encode(),
    altered(number="7"), altered(number=True), altered(kind="given away"), altered(more=1), altered(done=1),
    altered(events=[{**EVENT, "at": "noon"}]), altered(events=[EVENT] * (MAX_EVENTS + 1)),
    altered(events=[3]),
])  # fmt: skip
def test_a_file_that_is_none_of_ours_is_told_once_and_begun_anew(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    disk = Disk(data)

    async def scenario(history: History) -> None:
        assert told(history) == []
        move(history, 9.0)

    with caplog.at_level("INFO"):
        life(disk, scenario)
    assert sum("history-lost" in one.getMessage() for one in caplog.records) == 1
    assert disk.numbers() == [1]


def test_a_full_disk_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    disk = Disk()
    disk.broken = True

    async def scenario(history: History) -> None:
        for at in (1, 2, 3):
            move(history, at)
            await until(lambda at=at: disk.failures >= at, "it was tried")  # type: ignore[misc]
        assert told(history) == [1, 2, 3]
        disk.broken = False
        history.record_event("first", "announced", 9.5)

    life(disk, scenario)
    assert sum("history-not-kept" in one.getMessage() for one in caplog.records) == 1
    assert disk.numbers() == [1, 2, 3]


def test_only_the_last_moves_are_kept_and_never_more_than_there_is_room() -> None:
    history = History("server2", ADDRESS)
    history.restore([{**MOVE, "number": number} for number in range(1, MAX_MOVES + 1)])
    for at in range(5):
        move(history, float(at))
    assert told(history) == list(range(6, MAX_MOVES + 6))
    assert [one["number"] for one in parse(serialize(history.as_dicts(now=10.0, wall_time=0.0)))] == told(
        history
    )
    long = {**MOVE, "events": [{**EVENT, "text": "x" * 200} for _ in range(MAX_EVENTS)]}
    assert len(serialize([long] * MAX_MOVES)) <= MAX_BYTES
    longer = {**MOVE, "reason": "x" * (MAX_BYTES // 3)}
    assert len(parse(serialize([longer] * 5))) == 2


def test_a_larger_file_is_not_read(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "x", 10)
    assert file.read() is None
    file.write(b"0123456789")
    assert file.read() == b"0123456789"
    file.write(b"0123456789a")
    with pytest.raises(ResourceError, match="larger"):
        file.read()
    with pytest.raises(ResourceError, match="cannot be written"):
        StateFile(tmp_path / "none" / "x", 10).write(b"")


def test_an_entry_is_what_it_was() -> None:
    """The format's names are those of as_dict: what is told can be kept."""
    history = History("server2", ADDRESS)
    move(history, 1.0)
    history.record_event("first", "announced", 2.0, "x")
    assert history.moves[0].events[-1] == TimelineEvent(2.0, "announced", "x")
    assert parse(serialize(history.as_dicts(now=0.0, wall_time=0.0)))
