"""The agent beside an adopter that is well, dead, hung, or reads nothing: a move never waits for long."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from agentfakes import until
from twinboot.agent import adopter_line
from twinboot.agent.moves import TOPIC, Moves
from twinboot.stream.node import Change, Reset

VIP = IPv4Address("192.168.0.253")


class FakeStreams:
    """The stream's table of this server, and its listeners."""

    def __init__(self) -> None:
        self.own: dict[bytes, bytes] = {}
        self.tell: Callable[[Reset | Change], None] = lambda _news: None

    def listen(self, topic: str, listener: Callable[[Reset | Change], None]) -> None:
        assert topic == TOPIC
        self.tell = listener

    def put(self, topic: str, key: bytes, value: bytes) -> bool:
        self.own[key] = value
        return True

    def remove(self, topic: str, key: bytes) -> None:
        self.own.pop(key, None)

    async def delivered(self, topic: str, limit_s: float) -> bool:
        return True

    def lag_s(self, topic: str) -> dict[str, float]:
        return {"server2": 0.25}

    def taken_s(self, topic: str) -> tuple[float, float]:
        return 0.0012, 0.0345


class FakeAdopter:
    """Answers each line by `answers`; a hung one does not even read."""

    def __init__(self, path: Path) -> None:
        self.path, self.lines = path, list[dict[str, Any]]()
        self.mute, self.deaf = False, False
        self.writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> FakeAdopter:
        self._server = await asyncio.start_unix_server(self._serve, self.path)
        return self

    def say(self, line: dict[str, Any]) -> None:
        assert self.writer is not None
        self.writer.write(json.dumps(line).encode() + b"\n")

    def answer(self, line: dict[str, Any]) -> None:
        report = {"report": {"faults": ["no TCP_REPAIR"], "followed": {"http": 3}}}
        self.say({"id": line["id"], **(report if line["do"] == "report" else {})})

    def end(self) -> None:
        assert self._server is not None
        assert self.writer is not None
        self._server.close()
        self.path.unlink()
        self.writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        while not self.deaf and (data := await reader.readline()):
            line = json.loads(data)
            self.lines.append(line)
            if "id" in line and not self.mute:
                self.answer(line)


def made(path: Path, streams: FakeStreams, held: list[IPv4Address] | None = None) -> Moves:
    return Moves(path, streams, lambda: held or [], lambda _address: ("server1", False))


def run(test: Callable[[Path], Any], tmp_path: Path) -> None:
    asyncio.run(test(tmp_path / "adopter.sock"))


def moves_told(adopter: FakeAdopter) -> list[str]:
    return [line["do"] for line in adopter.lines if "do" in line and line["do"] != "report"]


def test_moves_and_records_go_to_the_adopter_and_its_own_to_the_peers(tmp_path: Path) -> None:
    async def test(path: Path) -> None:
        streams, adopter = FakeStreams(), await FakeAdopter(path).start()
        moves = made(path, streams)
        streams.tell(Change("server1", TOPIC, b"early", b"1"))
        await until(lambda: moves.summary()["adopter"], "the first report")
        streams.tell(Change("server1", TOPIC, b"late", b"2"))
        for call in (moves.claiming, moves.announced, moves.releasing, moves.released):
            await asyncio.to_thread(call, VIP)
        await until(lambda: len(moves_told(adopter)) == 4, "all four")
        assert moves_told(adopter) == ["claiming", "claimed", "releasing", "released"]
        records = [line for line in adopter.lines if "key" in line]
        assert [base64.b64decode(line["key"]) for line in records] == [b"early", b"late"]
        own = {"key": base64.b64encode(b"k").decode(), "value": base64.b64encode(b"v").decode()}
        adopter.say(own)
        await until(lambda: streams.own == {b"k": b"v"}, "its record to be told")
        adopter.say({**own, "value": None})
        await until(lambda: not streams.own, "its end as well")
        assert moves.alarms() == ["no TCP_REPAIR"], "what the adopter says of itself"
        summary = moves.summary()
        assert summary["followed"] == {"http": 3}
        assert summary["lag_ms"] == {"server2": 250.0}
        assert summary["taken_ms"] == {"median": 1.2, "worst": 34.5}
        assert summary["known_of"] == {"server1": 2}
        moves.close()
        adopter.end()

    run(test, tmp_path)


def test_who_had_the_address_is_looked_up_before_it_is_ours(tmp_path: Path) -> None:
    async def test(path: Path) -> None:
        adopter = await FakeAdopter(path).start()
        last = ("server1", True)
        moves = Moves(path, FakeStreams(), lambda: [], lambda _address: last)
        await until(lambda: moves.summary()["adopter"], "the first report")
        await asyncio.to_thread(moves.claiming, VIP)
        last = ("", False)  # now the core says that we had it last
        await asyncio.to_thread(moves.announced, VIP)
        await until(lambda: len(moves_told(adopter)) == 2, "both")
        told = [line for line in adopter.lines if line.get("do") == "claimed"]
        assert [(line["holder"], line["planned"]) for line in told] == [("server1", True)]
        moves.close()
        adopter.end()

    run(test, tmp_path)


def test_without_an_adopter_nobody_waits_and_it_is_an_alarm_after_a_while(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adopter_line, "AGAIN_S", 0.01)

    async def test(path: Path) -> None:
        moves = made(path, FakeStreams())
        waits = {"claiming": moves.claiming, "releasing": moves.releasing}
        monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", pytest.fail)
        for call in waits.values():
            await asyncio.to_thread(call, VIP)
        assert moves.alarms() == [], "it may be starting"
        monkeypatch.setattr(adopter_line, "GRACE_S", 0.0)
        assert "the adopter is missing" in moves.alarms()[0]
        adopter = await FakeAdopter(path).start()
        await until(lambda: moves.summary()["adopter"], "it to be found when it is there")
        adopter.end()
        await until(lambda: any("missing" in one for one in moves.alarms()), "its end to be seen")
        moves.close()

    run(test, tmp_path)


def test_a_hung_adopter_is_waited_for_once_and_is_an_alarm(tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(path: Path) -> None:
        adopter = await FakeAdopter(path).start()
        moves = made(path, FakeStreams())
        await until(lambda: moves.summary()["adopter"], "the first report")
        adopter.mute = True
        assert not await asyncio.to_thread(moves._wait, "claiming", VIP), "waited in vain"
        asked: list[object] = []
        monkeypatch.setattr(moves, "_ask", asked.append)
        await asyncio.to_thread(moves.releasing, VIP)
        assert asked == [], "the second time nobody waits"
        await until(lambda: moves_told(adopter) == ["claiming", "releasing"], "but it is told")
        monkeypatch.setattr(adopter_line, "SILENT_S", 0.0)
        assert "has not answered" in moves.alarms()[0]
        assert not moves.summary()["adopter"]
        adopter.mute = False
        adopter.answer(adopter.lines[-1])
        await until(lambda: moves._line.usable, "trust when it answers again")
        moves.close()
        adopter.end()

    run(test, tmp_path)


def test_what_an_adopter_does_not_read_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adopter_line, "BACKLOG_BYTES", 100_000)

    async def test(path: Path) -> None:
        streams, adopter = FakeStreams(), await FakeAdopter(path).start()
        moves = made(path, streams)
        await until(lambda: moves.summary()["adopter"], "the first report")
        adopter.deaf = True
        line = moves._line
        for number in range(10_000):
            streams.tell(Change("server1", TOPIC, number.to_bytes(4), bytes(500)))
        writer = line._writer
        assert writer is not None
        assert writer.transport.is_closing(), "taken for dead"
        assert writer.transport.get_write_buffer_size() < 200_000
        moves.close()
        adopter.end()

    run(test, tmp_path)
