"""What the agent tells the takeover process of moves and records, and what that tells the peers."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest
from agentfakes import until
from takeoverfakes import CLIENT, ONE, OTHER, VIP, FakeReplicator, FakeTakeover, made, moves_sent, record, run
from twinboot.agent.takeover import client as takeover_client
from twinboot.agent.takeover.moves import CONNECTIONS_TABLE, LastHolder, TakeoverMoves
from twinboot.replication.node import RowChange
from twinboot.takeover.logic.record import ConnectionKey

LATER = ConnectionKey(CLIENT, 4002, VIP, 80).packed()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover_client, "POLL_EVERY_S", 0.02)


def test_moves_and_records_go_to_the_takeover_and_its_own_to_the_peers(tmp_path: Path) -> None:
    async def test(path: Path) -> None:
        replicator, takeover = FakeReplicator(), await FakeTakeover(path).start()
        moves = made(path, replicator)
        replicator.tell(RowChange("server1", CONNECTIONS_TABLE, b"early", b"1"))
        await until(lambda: moves.summary()["takeover"], "the first report")
        replicator.tell(RowChange("server1", CONNECTIONS_TABLE, b"late", b"2"))
        for call in (moves.claiming, moves.announced, moves.releasing, moves.released):
            await asyncio.to_thread(call, VIP)
        await until(lambda: len(moves_sent(takeover)) == 4, "all four")
        assert moves_sent(takeover) == ["claiming", "claimed", "releasing", "released"]
        records = [line for line in takeover.lines if "key" in line]
        assert [base64.b64decode(line["key"]) for line in records] == [b"early", b"late"]
        own = record(ONE, b"v")
        takeover.say(own)
        await until(lambda: replicator.own == {ONE: b"v"}, "its record to be told")
        takeover.say({**own, "value": None})
        await until(lambda: not replicator.own, "its end as well")
        assert [(one.code, one.subject, one.text) for one in moves.alarm_conditions("server9")] == [
            ("takeover-by-reset", "server9", "no TCP_REPAIR"),
            ("takeover-limited", "server9", "of a later release"),
        ], "what the takeover process says of itself"
        summary = moves.summary()
        assert summary["followed"] == {"http": 3}
        assert summary["lag_ms"] == {"server2": 250.0}
        assert summary["taken_ms"] == {"median": 1.2, "worst": 34.5}
        assert summary["known_of"] == {"server1": 2}
        moves.close()
        takeover.end()

    run(test, tmp_path)


def test_the_takeover_hears_when_the_peers_know_what_it_told_before(tmp_path: Path) -> None:
    async def test(path: Path) -> None:
        replicator, takeover = FakeReplicator(), await FakeTakeover(path).start()
        moves = made(path, replicator)
        await until(lambda: moves.summary()["takeover"], "the first report")
        takeover.say({"key": base64.b64encode(ONE).decode(), "value": base64.b64encode(b"v").decode()})
        takeover.say({"ask_replicated": 7})
        await until(lambda: len(replicator.waiting) == 1, "the question")
        [(known, call)] = replicator.waiting
        assert known == {ONE: b"v"}, "the record went first"
        assert not any("replicated" in line for line in takeover.lines)
        call()
        await until(lambda: {"replicated": 7} in takeover.lines, "the answer")
        moves.close()
        takeover.end()

    run(test, tmp_path)


def test_who_had_the_address_is_looked_up_before_it_is_ours(tmp_path: Path) -> None:
    async def test(path: Path) -> None:
        takeover = await FakeTakeover(path).start()
        last = LastHolder("server1", alive=True)
        moves = TakeoverMoves(path, FakeReplicator(), lambda: [], lambda _address: last)
        await until(lambda: moves.summary()["takeover"], "the first report")
        await asyncio.to_thread(moves.claiming, VIP)
        last = LastHolder(ours=True)  # now the core says that we had it last
        await asyncio.to_thread(moves.announced, VIP)
        await until(lambda: len(moves_sent(takeover)) == 2, "both")
        await asyncio.to_thread(moves.claiming, VIP)  # it had vanished
        await asyncio.to_thread(moves.announced, VIP)
        await until(lambda: len(moves_sent(takeover)) == 4, "all four")
        told = [line for line in takeover.lines if line.get("do") == "claimed"]
        assert [(line["holder"], line["planned"], line.get("ours", False)) for line in told] == [
            ("server1", True, False), ("", False, True)]
        moves.close()
        takeover.end()

    run(test, tmp_path)


def test_the_next_takeover_is_told_what_the_last_one_knew_of_the_addresses_held(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover_client, "RECONNECT_S", 0.01)

    async def test(path: Path) -> None:
        replicator, first = FakeReplicator(), await FakeTakeover(path).start()
        moves = made(path, replicator, [VIP])
        await until(lambda: moves.summary()["takeover"], "the first report")
        first.say(record(ONE, b"1"))
        first.say(record(OTHER, b"2"))
        await until(lambda: len(replicator.own) == 2, "both records")
        first.end()
        second = await FakeTakeover(path).start()
        await until(lambda: "claimed" in moves_sent(second), "the address")
        assert replicator.own == {ONE: b"1"}, "the other address is not here any more"
        told = [line for line in second.lines if "id" not in line]
        assert told == [{"peer": "", **record(ONE, b"1")}]
        (claimed,) = [line for line in second.lines if line.get("do") == "claimed"]
        assert claimed["again"]
        assert second.lines.index(told[0]) < second.lines.index(claimed)
        moves.close()
        second.end()

    run(test, tmp_path)


def test_the_next_takeover_is_told_what_has_ended_though_a_dead_server_s_record_is_there(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover_client, "RECONNECT_S", 0.01)

    async def test(path: Path) -> None:
        replicator, first = FakeReplicator(), await FakeTakeover(path).start()
        moves = made(path, replicator, [VIP])
        for key in (ONE, LATER, OTHER):
            replicator.tell(RowChange("server1", CONNECTIONS_TABLE, key, b"old"))
        await until(lambda: moves.summary()["takeover"], "the first report")
        for key in (ONE, LATER, OTHER):
            first.say(record(key, b"taken over"))
            first.say({**record(key, b""), "value": None})
        first.say(record(LATER, b"anew"))
        await until(lambda: replicator.own == {LATER: b"anew"}, "all records")
        first.end()
        second = await FakeTakeover(path).start()
        await until(lambda: "claimed" in moves_sent(second), "the address")
        own = [line for line in second.lines if line.get("peer") == ""]
        assert sorted((base64.b64decode(line["key"]), line["value"] is None) for line in own) == sorted([
            (ONE, True), (LATER, False)]), "the other address is not here, and what was told of it may matter"
        replicator.tell(RowChange("server1", CONNECTIONS_TABLE, ONE, b"anew"))
        second.end()
        third = await FakeTakeover(path).start()
        await until(lambda: "claimed" in moves_sent(third), "the address")
        assert not [line for line in third.lines if line.get("peer") == "" and line["value"] is None]
        moves.close()
        third.end()

    run(test, tmp_path)
