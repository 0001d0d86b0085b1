"""A takeover process that talks without form or end, or does not read, costs the agent little."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from agentfakes import until
from takeoverfakes import ONE, FakeReplicator, FakeTakeover, made, record, run
from twinboot.agent.takeover import client as takeover_client
from twinboot.agent.takeover.moves import CONNECTIONS_TABLE
from twinboot.replication.node import RowChange


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover_client, "POLL_EVERY_S", 0.02)


def test_what_a_takeover_process_does_not_read_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeover_client, "BACKLOG_BYTES", 100_000)

    async def test(path: Path) -> None:
        replicator, takeover = FakeReplicator(), await FakeTakeover(path).start()
        moves = made(path, replicator)
        await until(lambda: moves.summary()["takeover"], "the first report")
        takeover.stopped_reading = True
        line = moves._client
        for number in range(10_000):
            replicator.tell(RowChange("server1", CONNECTIONS_TABLE, number.to_bytes(4), bytes(500)))
        writer = line._writer
        assert writer is not None
        assert writer.transport.is_closing(), "taken for dead"
        assert writer.transport.get_write_buffer_size() < 200_000
        moves.close()
        takeover.end()

    run(test, tmp_path)


@pytest.mark.parametrize("line", [b"{}", b"x" * 100_000])
def test_a_takeover_process_that_talks_nonsense_is_left_and_looked_for_again(
        line: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover_client, "RECONNECT_S", 0.01)

    async def test(path: Path) -> None:
        replicator, takeover = FakeReplicator(), await FakeTakeover(path).start()
        moves = made(path, replicator)
        await until(lambda: moves.summary()["takeover"], "the first report")
        last = takeover.writer
        assert last is not None
        last.write(line + b"\n")
        await until(lambda: takeover.writer is not last, "another connection")
        await until(lambda: moves.summary()["takeover"], "its report")
        assert replicator.own == {}
        moves.close()
        takeover.end()

    run(test, tmp_path)


def test_what_was_counted_stays_until_the_next_process_reports(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """increase() of Prometheus counts anew what falls to 0 and comes again."""
    monkeypatch.setattr(takeover_client, "RECONNECT_S", 0.01)
    reports = [
        {"followed": {"http": 3}, "totals": {"taken-over": {"http": 2}}, "segments": 900, "serving": 4},
        {"followed": {}, "segments": 1},
    ]

    class Counting(FakeTakeover):
        def answer(self, line: dict[str, Any]) -> None:
            self.say({"id": line["id"], **({"report": reports[0]} if line["do"] == "report" else {})})

    async def test(path: Path) -> None:
        takeover = await Counting(path).start()
        moves = made(path, FakeReplicator())
        assert not moves.summary()["reported"]
        await until(lambda: moves.summary()["takeover"], "the first report")
        takeover.say({"newer": 1})
        await until(lambda: moves.summary()["unknown_messages_here"] == 1, "what is not known is counted")
        takeover.end()
        await until(lambda: not moves.summary()["takeover"], "the end to be seen")
        summary = moves.summary()
        assert (summary["segments"], summary["totals"]) == (900, {"taken-over": {"http": 2}})
        assert (summary["serving"], summary["followed"]) == (0, {}), "that is no more"
        reports.pop(0)
        takeover = await Counting(path).start()
        await until(lambda: moves.summary()["takeover"], "the next one's report")
        assert (moves.summary()["segments"], moves.summary()["totals"]) == (1, {})
        moves.close()
        takeover.end()

    run(test, tmp_path)


def test_a_takeover_process_that_talks_without_end_takes_no_ones_turn(tmp_path: Path) -> None:
    async def test(path: Path) -> None:
        takeover = await FakeTakeover(path).start()
        moves = made(path, FakeReplicator())
        await until(lambda: moves.summary()["takeover"], "the first report")
        heard, turns = 0, 0

        def hear(_word: object) -> None:
            nonlocal heard
            heard += 1

        moves._client._on_message = hear
        assert takeover.writer is not None
        takeover.writer.write((json.dumps(record(ONE, b"1")).encode() + b"\n") * 1000)
        while heard < 1000:
            turns += 1
            await asyncio.sleep(0)
        assert turns >= 1000 / takeover_client.LINES_PER_TURN
        moves.close()
        takeover.end()

    run(test, tmp_path)
