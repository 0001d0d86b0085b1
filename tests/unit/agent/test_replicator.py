"""The stream among agents: it follows who is alive, and shares the links with heartbeats."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from agentfakes import KEY, Server, join, until
from twinboot.agent.replication.replicator import TAKEN_AT_ONCE, Streams
from twinboot.replication.node import Change, Node, Reset
from twinboot.wire.cluster.heartbeat import Refusal
from twinboot.wire.cluster.replication import Data, StreamCodec

TOPICS = {"leases": 10}


class Streaming(Server):
    """An agent with a stream; what it hears of the topic is in `heard`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.heard: dict[bytes, bytes | None] = {}
        self.streams = Streams(
            Node(name, self.agent.boot, TOPICS), StreamCodec("rack1", [KEY]), {"lan": self}, self.agent._now)
        self.streams.listen("leases", self.listen)

    def send_to(self, peer: str, data: bytes) -> bool:
        self.cable.send(data)
        return True

    def listen(self, news: Reset | Change) -> None:
        if isinstance(news, Change):
            self.heard[news.key] = news.value

    def start(self) -> None:
        self.agent.start(links={"lan": self.cable}, vips=self.vips, probes=self.probes,
                         services=self.services, streams=self.streams)


def pair(story: Callable[[Streaming, Streaming], Awaitable[None]]) -> None:
    async def run() -> None:
        one, two = Streaming("server1"), Streaming("server2")
        one.start()
        two.start()
        one.streams.put("leases", b"before", b"1")
        join(one, two)
        try:
            await story(one, two)
        finally:
            await one.end()
            await two.end()

    asyncio.run(run())


def test_what_was_put_before_they_met_arrives_and_what_comes_later_too() -> None:
    async def story(one: Streaming, two: Streaming) -> None:
        await until(lambda: two.heard == {b"before": b"1"}, "the table")
        one.streams.put("leases", b"later", b"2")
        assert await one.streams.delivered("leases", 2.0)
        assert two.heard == {b"before": b"1", b"later": b"2"}
        one.streams.remove("leases", b"before")
        await until(lambda: two.heard[b"before"] is None, "the removal")

    pair(story)


def test_nobody_is_waited_for_in_vain() -> None:
    async def story(one: Streaming, two: Streaming) -> None:
        await until(lambda: two.heard == {b"before": b"1"}, "the table")
        one.cable.other = None
        one.streams.put("leases", b"lost", b"2")
        assert not await one.streams.delivered("leases", 0.05)
        two.cable.other = None
        assert await one.streams.delivered("leases", 2.0), "it is dead: nobody lacks anything"

    pair(story)


def test_it_is_said_when_the_peers_know_and_a_deaf_peer_is_not_waited_for(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twinboot.agent.replication.replicator.DEAF_S", 0.05)

    async def story(one: Streaming, two: Streaming) -> None:
        await until(lambda: two.heard == {b"before": b"1"}, "the table")
        calls: list[bytes | None] = []
        one.streams.put("leases", b"news", b"2")
        one.streams.when_known("leases", lambda: calls.append(two.heard.get(b"news")))
        assert calls == [], "not before it is so"
        await until(lambda: calls == [b"2"], "the peer to have it")
        one.streams.when_known("leases", lambda: calls.append(None))
        assert calls == [b"2", None], "at once when there is nothing new"
        two.cable.other = None  # it is heard from no more, and dead for us only later
        one.streams.put("leases", b"more", b"3")
        await asyncio.sleep(0.06)
        one.streams.when_known("leases", lambda: calls.append(b"deaf"))
        assert calls[2:] == [b"deaf"]

    pair(story)


def test_what_cannot_be_told_is_said_and_not_raised(caplog: pytest.LogCaptureFixture) -> None:
    async def story(one: Streaming, two: Streaming) -> None:
        assert not one.streams.put("leases", b"k", bytes(17000))
        assert [one.streams.put("leases", b"%d" % i, b"") for i in range(11)].count(False) == 2

    pair(story)
    assert len([r for r in caplog.records if r.getMessage() == "stream-refused"]) == 1


def test_forged_packets_are_counted_with_the_others() -> None:
    async def story(one: Streaming, two: Streaming) -> None:
        one.agent.deliver("lan", b"TwnS" + bytes(100))
        assert one.agent.counters.refused[Refusal.VERSION] == 1

    pair(story)


def test_a_flood_of_recordings_is_thrown_away_and_what_was_lost_comes_again() -> None:
    async def story(one: Streaming, two: Streaming) -> None:
        await until(lambda: two.heard == {b"before": b"1"}, "the table")
        codec = StreamCodec("rack1", [KEY])
        old = codec.encode(Data("server1", 1, 2, 3, "leases", 0, 1, 1))
        for _ in range(2 * TAKEN_AT_ONCE):
            two.agent.deliver("lan", old)
        assert two.streams.thrown_away > 0
        one.streams.put("leases", b"later", b"2")
        await until(lambda: two.heard.get(b"later") == b"2", "news in spite of it")

    pair(story)
