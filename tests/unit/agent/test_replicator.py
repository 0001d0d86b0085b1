"""Replication among agents: it follows who is alive, and shares the links with heartbeats."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from agentfakes import KEY, LIMIT_S, Server, join, until
from twinboot.agent.replication.replicator import PACKET_BURST, Replicator
from twinboot.replication.node import ReplicationNode, RowChange, TableReset
from twinboot.wire.cluster.heartbeat import Refusal
from twinboot.wire.cluster.replication import Data, ReplicationCodec

TABLES = {"leases": 10}


class Streaming(Server):
    """An agent that replicates; what it hears of the table is in `heard`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.heard: dict[bytes, bytes | None] = {}
        self.replicator = Replicator(
            ReplicationNode(name, self.agent.boot, TABLES),
            ReplicationCodec("rack1", [KEY]),
            {"lan": self},
            self.agent._now,
        )
        self.replicator.subscribe("leases", self.listen)

    def send_to(self, peer: str, data: bytes) -> bool:
        self.cable.send(data)
        return True

    def listen(self, news: TableReset | RowChange) -> None:
        if isinstance(news, RowChange):
            self.heard[news.key] = news.value

    def start(self) -> None:
        self.agent.start(links={"lan": self.cable}, vips=self.vips, arp_probes=self.arp_probes,
                         services=self.services, replicator=self.replicator)


def pair(scenario: Callable[[Streaming, Streaming], Awaitable[None]]) -> None:
    async def run() -> None:
        one, two = Streaming("server1"), Streaming("server2")
        one.start()
        two.start()
        one.replicator.put("leases", b"before", b"1")
        join(one, two)
        try:
            await scenario(one, two)
        finally:
            await one.end()
            await two.end()

    asyncio.run(run())


def test_what_was_put_before_they_met_arrives_and_what_comes_later_too() -> None:
    async def scenario(one: Streaming, two: Streaming) -> None:
        await until(lambda: two.heard == {b"before": b"1"}, "the table")
        one.replicator.put("leases", b"later", b"2")
        assert await one.replicator.delivered("leases", LIMIT_S)
        assert two.heard == {b"before": b"1", b"later": b"2"}
        one.replicator.remove("leases", b"before")
        await until(lambda: two.heard[b"before"] is None, "the removal")

    pair(scenario)


def test_nobody_is_waited_for_in_vain() -> None:
    async def scenario(one: Streaming, two: Streaming) -> None:
        await until(lambda: two.heard == {b"before": b"1"}, "the table")
        one.cable.other = None
        one.replicator.put("leases", b"lost", b"2")
        assert not await one.replicator.delivered("leases", 0.05)
        two.cable.other = None
        assert await one.replicator.delivered("leases", LIMIT_S), "it is dead: nobody lacks anything"

    pair(scenario)


def test_it_is_said_when_the_peers_know_and_a_peer_that_does_not_acknowledge_is_not_waited_for(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twinboot.agent.replication.replicator.UNACKED_LIMIT_S", 0.05)

    async def scenario(one: Streaming, two: Streaming) -> None:
        await until(lambda: two.heard == {b"before": b"1"}, "the table")
        calls: list[bytes | None] = []
        one.replicator.put("leases", b"news", b"2")
        one.replicator.call_when_delivered("leases", lambda: calls.append(two.heard.get(b"news")))
        assert calls == [], "not before it is so"
        await until(lambda: calls == [b"2"], "the peer to have it")
        one.replicator.call_when_delivered("leases", lambda: calls.append(None))
        assert calls == [b"2", None], "at once when there is nothing new"
        two.cable.other = None  # it is heard from no more, and dead for us only later
        one.replicator.put("leases", b"more", b"3")
        await asyncio.sleep(0.06)
        one.replicator.call_when_delivered("leases", lambda: calls.append(b"unacked"))
        assert calls[2:] == [b"unacked"]

    pair(scenario)


def test_what_cannot_be_told_is_said_and_not_raised(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(one: Streaming, two: Streaming) -> None:
        assert not one.replicator.put("leases", b"k", bytes(17000))
        assert [one.replicator.put("leases", b"%d" % i, b"") for i in range(11)].count(False) == 2

    pair(scenario)
    assert len([r for r in caplog.records if r.getMessage() == "replication-refused"]) == 1


def test_forged_packets_are_counted_with_the_others() -> None:
    async def scenario(one: Streaming, two: Streaming) -> None:
        one.agent.deliver("lan", b"TwnS" + bytes(100))
        assert one.agent.counters.refused[Refusal.VERSION] == 1

    pair(scenario)


def test_a_flood_of_recordings_is_thrown_away_and_what_was_lost_comes_again() -> None:
    async def scenario(one: Streaming, two: Streaming) -> None:
        await until(lambda: two.heard == {b"before": b"1"}, "the table")
        codec = ReplicationCodec("rack1", [KEY])
        old = codec.encode(Data("server1", 1, 2, 3, "leases", 0, 1, 1))
        for _ in range(2 * PACKET_BURST):
            two.agent.deliver("lan", old)
        assert two.replicator.packets_dropped > 0
        one.replicator.put("leases", b"later", b"2")
        await until(lambda: two.heard.get(b"later") == b"2", "news in spite of it")

    pair(scenario)
