"""The agent beside a takeover process that is well, dead, hung, or reads nothing: a move never waits for
long."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from agentfakes import until
from hypothesis import given
from hypothesis import strategies as st
from twinboot.agent.takeover import line as takeover_line
from twinboot.agent.takeover import restarts
from twinboot.agent.takeover.moves import CONNECTIONS_TABLE, TakeoverMoves
from twinboot.replication.node import RowChange, TableReset
from twinboot.takeover.logic.record import ConnectionKey
from twinboot.wire.ipc import takeover as protocol

VIP = IPv4Address("192.168.0.253")
CLIENT = IPv4Address("192.168.0.9")
ONE, OTHER = (
    ConnectionKey(CLIENT, 4000, VIP, 80).packed(),
    ConnectionKey(CLIENT, 4001, IPv4Address("192.168.0.254"), 80).packed(),
)

LIMITS = [["takeover-by-reset", "no TCP_REPAIR"], ["no-such-code", "of a later release"]]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover_line, "POLL_EVERY_S", 0.02)


class FakeReplicator:
    """The replicated table of this server, and its listeners."""

    def __init__(self) -> None:
        self.own: dict[bytes, bytes] = {}
        self.tell: Callable[[TableReset | RowChange], None] = lambda _news: None
        self.waiting: list[tuple[dict[bytes, bytes], Callable[[], None]]] = []

    def subscribe(self, table: str, handler: Callable[[TableReset | RowChange], None]) -> None:
        assert table == CONNECTIONS_TABLE
        self.tell = handler

    def put(self, table: str, key: bytes, value: bytes) -> bool:
        self.own[key] = value
        return True

    def remove(self, table: str, key: bytes) -> None:
        self.own.pop(key, None)

    async def delivered(self, table: str, limit_s: float) -> bool:
        return True

    def call_when_delivered(self, table: str, call: Callable[[], None]) -> None:
        self.waiting.append((dict(self.own), call))

    def lag_s(self, table: str) -> dict[str, float]:
        return {"server2": 0.25}

    def ack_time_s(self, table: str) -> tuple[float, float]:
        return 0.0012, 0.0345


class FakeTakeover:
    """Answers each line by `answers`; a hung one does not even read."""

    def __init__(self, path: Path) -> None:
        self.path, self.lines = path, list[dict[str, Any]]()
        self.silent, self.stopped_reading = False, False
        self.writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> FakeTakeover:
        self._server = await asyncio.start_unix_server(self._serve, self.path)
        return self

    def say(self, line: dict[str, Any]) -> None:
        assert self.writer is not None
        self.writer.write(json.dumps(line).encode() + b"\n")

    def answer(self, line: dict[str, Any]) -> None:
        report = {"report": {"limits": LIMITS, "followed": {"http": 3}}}
        self.say({"id": line["id"], **(report if line["do"] == "report" else {})})

    def end(self) -> None:
        assert self._server is not None
        assert self.writer is not None
        self._server.close()
        self.path.unlink(missing_ok=True)  # Python 3.13 removes it by itself
        self.writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        while not self.stopped_reading and (data := await reader.readline()):
            line = json.loads(data)
            self.lines.append(line)
            if "id" in line and not self.silent:
                self.answer(line)


def made(path: Path, replicator: FakeReplicator, held: list[IPv4Address] | None = None,
         restart: Callable[[], None] | None = None) -> TakeoverMoves:
    return TakeoverMoves(path, replicator, lambda: held or [], lambda _address: ("server1", False), restart)


def record(key: bytes, value: bytes) -> dict[str, Any]:
    return {"key": base64.b64encode(key).decode(), "value": base64.b64encode(value).decode()}


def run(test: Callable[[Path], Any], tmp_path: Path) -> None:
    asyncio.run(test(tmp_path / "takeover.sock"))


def moves_sent(takeover: FakeTakeover) -> list[str]:
    return [line["do"] for line in takeover.lines if "do" in line and line["do"] != "report"]


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
        last = ("server1", True)
        moves = TakeoverMoves(path, FakeReplicator(), lambda: [], lambda _address: last)
        await until(lambda: moves.summary()["takeover"], "the first report")
        await asyncio.to_thread(moves.claiming, VIP)
        last = ("", False)  # now the core says that we had it last
        await asyncio.to_thread(moves.announced, VIP)
        await until(lambda: len(moves_sent(takeover)) == 2, "both")
        told = [line for line in takeover.lines if line.get("do") == "claimed"]
        assert [(line["holder"], line["planned"]) for line in told] == [("server1", True)]
        moves.close()
        takeover.end()

    run(test, tmp_path)


def test_without_a_takeover_process_nobody_waits_and_it_is_an_alarm_after_a_while(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover_line, "RECONNECT_S", 0.01)

    async def test(path: Path) -> None:
        moves = made(path, FakeReplicator())
        waits = {"claiming": moves.claiming, "releasing": moves.releasing}
        monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", pytest.fail)
        for call in waits.values():
            await asyncio.to_thread(call, VIP)
        assert moves.alarm_conditions("server9") == [], "it may be starting"
        monkeypatch.setattr(takeover_line, "GRACE_S", 0.0)
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
    monkeypatch.setattr(takeover_line, "RECONNECT_S", 0.01)
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
        monkeypatch.setattr(takeover_line, "SILENT_ALARM_S", 0.0)
        [alarm] = moves.alarm_conditions("server9")
        assert (alarm.code, alarm.subject) == ("takeover-missing", "server9")
        assert "has not answered" in alarm.text
        assert not moves.summary()["takeover"]
        takeover.silent = False
        takeover.answer(takeover.lines[-1])
        await until(lambda: moves._line.usable, "trust when it answers again")
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
        await until(lambda: not moves._line.usable, "its silence to be seen")
        monkeypatch.setattr(moves, "_ask", pytest.fail)
        await asyncio.to_thread(moves.claiming, VIP)
        moves.close()
        takeover.end()

    run(test, tmp_path)


def test_what_a_takeover_process_does_not_read_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeover_line, "BACKLOG_BYTES", 100_000)

    async def test(path: Path) -> None:
        replicator, takeover = FakeReplicator(), await FakeTakeover(path).start()
        moves = made(path, replicator)
        await until(lambda: moves.summary()["takeover"], "the first report")
        takeover.stopped_reading = True
        line = moves._line
        for number in range(10_000):
            replicator.tell(RowChange("server1", CONNECTIONS_TABLE, number.to_bytes(4), bytes(500)))
        writer = line._writer
        assert writer is not None
        assert writer.transport.is_closing(), "taken for dead"
        assert writer.transport.get_write_buffer_size() < 200_000
        moves.close()
        takeover.end()

    run(test, tmp_path)


def test_the_next_takeover_is_told_what_the_last_one_knew_of_the_addresses_held(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover_line, "RECONNECT_S", 0.01)

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


@pytest.mark.parametrize("line", [
    b"7", b"null", b"[]", b"{}", b'"id"', b"\xff", b"[" * 50_000, b'{"id": {}}', b'{"id": "x"}',
    b'{"id": 1e999}',
    b'{"id": 1, "report": 3}', b'{"id": 1, "report": {"followed": []}}',
    b'{"id": 1, "report": {"followed": {"http": "many"}}}', b'{"id": 1, "report": {"limits": 5}}',
    b'{"id": 1, "report": {"limits": ["takeover-blind"]}}',
    b'{"id": 1, "report": {"cpu_s": NaN}}', b'{"id": 1, "report": {"totals": {"reset": 1}}}',
    b'{"event": "x"}', b'{"event": "x", "fields": 3}', b'{"event": "x", "fields": {}}',
    b'{"event": "x", "fields": {"address": 1}, "timeline": [[1, 2]]}',
    b'{"event": "x", "fields": {"address": 1}, "timeline": [["soon", "", ""]]}',
    b'{"event": "x", "fields": {"address": 1}, "reset": 5}', b'{"key": "", "value": null}',
    b'{"key": "AAAA"}',
    b'{"key": 5, "value": null}',
])
def test_nonsense_is_no_word_of_the_takeover(line: bytes) -> None:
    with pytest.raises(protocol.MalformedMessage):
        protocol.parse_takeover_line(line)


@given(
    st.recursive(
        st.none() | st.floats() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "id",
                        "event",
                        "fields",
                        "key",
                        "value",
                        "report",
                        "timeline",
                        "reset",
                        "address",
                        "limits",
                        "totals",
                        "followed",
                        "http",
                    ]
                ),
                inner,
            )
        ),
    )
)
def test_any_json_is_a_word_or_none(found: object) -> None:
    with contextlib.suppress(protocol.MalformedMessage):
        protocol.parse_takeover_line(json.dumps(found).encode())


def test_what_the_takeover_says_is_cut() -> None:
    said = {"event": "x" * 1000, "fields": {"address": "a" * 1000, **{f"n{n}": n for n in range(100)}},
            "reset": {"y" * 1000: 3}, "timeline": [[1.5, "z" * 1000, "t"]] * 1000}
    word = protocol.parse_takeover_line(json.dumps(said).encode())
    assert isinstance(word, protocol.TakeoverEvent)
    cut = protocol.MAX_TEXT
    assert (len(word.name), len(word.address), len(word.fields)) == (cut, cut, protocol.MAX_FIELDS)
    assert word.reset == {"y" * cut: 3}
    assert word.timeline == ((1.5, "z" * cut, "t"),) * protocol.MAX_EVENTS


@pytest.mark.parametrize("line", [b"{}", b"x" * 100_000])
def test_a_takeover_process_that_talks_nonsense_is_left_and_looked_for_again(
        line: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover_line, "RECONNECT_S", 0.01)

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


def test_a_takeover_process_that_talks_without_end_takes_no_ones_turn(tmp_path: Path) -> None:
    async def test(path: Path) -> None:
        takeover = await FakeTakeover(path).start()
        moves = made(path, FakeReplicator())
        await until(lambda: moves.summary()["takeover"], "the first report")
        heard, turns = 0, 0

        def hear(_word: object) -> None:
            nonlocal heard
            heard += 1

        moves._line._on_message = hear
        assert takeover.writer is not None
        takeover.writer.write((json.dumps(record(ONE, b"1")).encode() + b"\n") * 1000)
        while heard < 1000:
            turns += 1
            await asyncio.sleep(0)
        assert turns >= 1000 / takeover_line.LINES_PER_TURN
        moves.close()
        takeover.end()

    run(test, tmp_path)
