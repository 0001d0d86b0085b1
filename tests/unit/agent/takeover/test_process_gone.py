"""A takeover process that hangs, is gone or says nothing keeps no move waiting, and is restarted."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from agentfakes import until
from takeoverfakes import ONE, VIP, FakeReplicator, FakeTakeover, made, moves_sent, record, run
from twinboot.agent.takeover import client as takeover_client
from twinboot.agent.takeover import restarts
from twinboot.wire.ipc import takeover as protocol


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover_client, "POLL_EVERY_S", 0.02)


def test_without_a_takeover_process_nobody_waits_and_it_is_an_alarm_after_a_while(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover_client, "RECONNECT_S", 0.01)

    async def test(path: Path) -> None:
        moves = made(path, FakeReplicator())
        waits = {"claiming": moves.claiming, "releasing": moves.releasing}
        monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", pytest.fail)
        for call in waits.values():
            await asyncio.to_thread(call, VIP)
        assert moves.alarm_conditions("server9") == [], "it may be starting"
        monkeypatch.setattr(takeover_client, "GRACE_S", 0.0)
        assert [one.code for one in moves.alarm_conditions("server9")] == ["takeover-missing"]
        takeover = await FakeTakeover(path).start()
        await until(lambda: moves.summary()["takeover"], "it to be found when it is there")
        takeover.end()
        await until(
            lambda: [one.code for one in moves.alarm_conditions("server9")] == ["takeover-missing"],
            "its end to be seen",
        )
        moves.close()

    run(test, tmp_path)


def test_a_takeover_that_hangs_or_has_gone_is_restarted(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection is no sign of life: the kernel accepts it. Nor is what it says by itself an answer."""
    monkeypatch.setattr(takeover_client, "RECONNECT_S", 0.01)
    for name in ("HUNG_S", "GONE_S", "FIRST_PAUSE_S"):
        monkeypatch.setattr(restarts, name, 0.1)

    async def test(path: Path) -> None:
        takeover, asked = await FakeTakeover(path).start(), list[str]()
        moves = made(path, FakeReplicator(), restart=lambda: asked.append("restart"))
        await until(lambda: moves.summary()["takeover"], "the first report")
        for _ in range(20):
            await asyncio.sleep(0.02)
        assert asked == [], "it answers"
        takeover.silent = True
        takeover.say(record(ONE, b"v"))
        await until(lambda: asked == ["restart"], "the restart of the hung one")
        takeover.silent = False
        takeover.end()
        await until(lambda: len(asked) >= 2, "the restart of the one that has gone")
        moves.close()

    run(test, tmp_path)


def test_a_hung_takeover_is_waited_for_once_and_is_an_alarm(tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(path: Path) -> None:
        takeover = await FakeTakeover(path).start()
        moves = made(path, FakeReplicator())
        await until(lambda: moves.summary()["takeover"], "the first report")
        takeover.silent = True
        assert not await asyncio.to_thread(moves._request_and_wait, protocol.Move.CLAIMING, VIP)
        asked: list[object] = []
        monkeypatch.setattr(moves, "_ask", asked.append)
        await asyncio.to_thread(moves.releasing, VIP)
        assert asked == [], "the second time nobody waits"
        await until(lambda: moves_sent(takeover) == ["claiming", "releasing"], "but it is told")
        monkeypatch.setattr(takeover_client, "SILENT_ALARM_S", 0.0)
        [alarm] = moves.alarm_conditions("server9")
        assert (alarm.code, alarm.subject) == ("takeover-missing", "server9")
        assert "has not answered" in alarm.text
        assert not moves.summary()["takeover"]
        takeover.silent = False
        takeover.answer(takeover.lines[-1])
        await until(lambda: moves._client.usable, "trust when it answers again")
        moves.close()
        takeover.end()

    run(test, tmp_path)


def test_a_takeover_process_that_does_not_say_how_it_is_keeps_no_move_waiting(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(path: Path) -> None:
        takeover = await FakeTakeover(path).start()
        moves = made(path, FakeReplicator())
        await until(lambda: moves.summary()["takeover"], "the first report")
        takeover.silent = True
        await until(lambda: not moves._client.usable, "its silence to be seen")
        monkeypatch.setattr(moves, "_ask", pytest.fail)
        await asyncio.to_thread(moves.claiming, VIP)
        moves.close()
        takeover.end()

    run(test, tmp_path)
