"""A server asks its peers, by replicated tables: whole replies, in time or not at all; nothing stays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from twinboot.agent.replication import asking, documents
from twinboot.agent.replication.asking import Busy, PeerQuestions
from twinboot.replication.node import RowChange, TableReset

Handler = Callable[[TableReset | RowChange], None]


class Wire:
    """Replication among servers, without a network."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, bytes], bytes] = {}
        self.handlers: dict[tuple[str, str], Handler] = {}

    def tell(self, name: str, table: str, key: bytes, value: bytes | None) -> None:
        for (other, wanted), handler in self.handlers.items():
            if other != name and wanted == table:
                asyncio.get_running_loop().call_soon(handler, RowChange(name, table, key, value))


class End:
    def __init__(self, name: str, wire: Wire) -> None:
        self.name, self.wire = name, wire

    def put(self, table: str, key: bytes, value: bytes) -> bool:
        assert len(value) <= documents.ROW_BYTES
        self.wire.rows[self.name, table, key] = value
        self.wire.tell(self.name, table, key, value)
        return True

    def remove(self, table: str, key: bytes) -> None:
        if self.wire.rows.pop((self.name, table, key), None) is not None:
            self.wire.tell(self.name, table, key, None)

    def subscribe(self, table: str, handler: Handler) -> None:
        self.wire.handlers[self.name, table] = handler


def server(name: str, wire: Wire, peers: list[str], text: str = "") -> PeerQuestions:
    async def answer(question: Mapping[str, Any]) -> dict[str, Any]:
        if question["name"] == "broken":
            raise ValueError("no")
        return {"text": text + str(question["name"])}

    def shorter(reply: dict[str, Any]) -> dict[str, Any]:
        return {"text": reply["text"][len(reply["text"]) // 2:]}

    return PeerQuestions(End(name, wire), lambda: peers, answer, shorter)


def test_every_live_peer_answers_whole_and_nothing_stays_behind() -> None:
    async def play() -> None:
        wire = Wire()
        one = server("one", wire, ["two", "three"])
        long = "".join(f"{number * 7919 % 100_003} " for number in range(20_000))
        server("two", wire, ["one"], long)
        server("three", wire, ["one"])
        found = await one.ask({"name": "x"})
        assert found == {"two": {"text": long + "x"}, "three": {"text": "x"}}
        for _ in range(3):
            await asyncio.sleep(0)
        assert wire.rows == {}

    asyncio.run(play())


def test_who_gives_no_answer_is_waited_for_no_longer_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "LIMIT_S", 0.05)

    async def play() -> None:
        wire = Wire()
        one = server("one", wire, ["two", "old"])
        server("two", wire, ["one"])
        assert await one.ask({"name": "x"}) == {"two": {"text": "x"}, "old": None}
        assert await one.ask({"name": "broken"}) == {"two": None, "old": None}
        asked = [asyncio.create_task(one.ask({"name": "y"})) for _ in range(asking.MAX_ASKED)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await one.ask({"name": "z"})
        assert [one["two"] for one in await asyncio.gather(*asked)] == [{"text": "y"}] * asking.MAX_ASKED

    asyncio.run(play())


def test_what_does_not_fit_is_made_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MAX_REPLY_ROWS", 2)

    async def play() -> None:
        wire = Wire()
        one = server("one", wire, ["two"])
        server("two", wire, ["one"], "".join(f"{number * 7919 % 100_003} " for number in range(5_000)))
        reply = (await one.ask({"name": "x"}))["two"]
        assert reply is not None
        assert reply["text"].endswith("x")
        assert len(reply["text"]) < 10_000

    asyncio.run(play())
