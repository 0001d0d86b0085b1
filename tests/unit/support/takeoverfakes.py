"""A takeover process and the replication beside the agent's side of takeover, on a real socket."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from twinboot.agent.takeover.moves import CONNECTIONS_TABLE, LastHolder, TakeoverMoves
from twinboot.replication.node import RowChange, TableReset
from twinboot.takeover.logic.record import ConnectionKey

VIP = IPv4Address("192.168.0.253")
CLIENT = IPv4Address("192.168.0.9")
ONE, OTHER = (
    ConnectionKey(CLIENT, 4000, VIP, 80).packed(),
    ConnectionKey(CLIENT, 4001, IPv4Address("192.168.0.254"), 80).packed(),
)
LIMITS = [["takeover-by-reset", "no TCP_REPAIR"], ["no-such-code", "of a later release"]]


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
    last = LastHolder("server1")
    return TakeoverMoves(path, replicator, lambda: held or [], lambda _address: last, restart)


def record(key: bytes, value: bytes) -> dict[str, Any]:
    return {"key": base64.b64encode(key).decode(), "value": base64.b64encode(value).decode()}


def run(test: Callable[[Path], Any], tmp_path: Path) -> None:
    asyncio.run(test(tmp_path / "takeover.sock"))


def moves_sent(takeover: FakeTakeover) -> list[str]:
    return [line["do"] for line in takeover.lines if "do" in line and line["do"] != "report"]
