"""The servers' clocks beside each other: only the time of day is told, and only an alarm follows from it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from agentfakes import Server, join, until
from twinboot.agent.clocks import APART_S, FRESH_S, PeerClocks
from twinboot.core.model import Heartbeat

HEARTBEAT = Heartbeat("rack1", "server2", boot_id=1, seq=1)


@pytest.mark.parametrize(("ahead_s", "said"), [
    (APART_S + 1, "is 1 minute ahead of"), (100, "2 minutes ahead of"), (-7200, "2 hours behind"),
    (86400 * 3, "3 days ahead of"), (APART_S - 1, ""), (-3, ""),
])
def test_a_peer_whose_clock_is_apart_is_named(ahead_s: float, said: str) -> None:
    now = 100.0
    clocks = PeerClocks(lambda: now, lambda: 1_000_000.0)
    clocks.hear(replace(HEARTBEAT, time_of_day=1_000_000.0 + ahead_s))
    found = clocks.alarm_conditions("server1")
    assert [(one.code, one.subject) for one in found] == [("clock-differs", "server2")] * bool(said)
    assert said in "".join(one.text for one in found)
    now += FRESH_S
    assert clocks.alarm_conditions("server1") == [], "a peer that is silent may have been set right"


def test_an_older_release_tells_no_time() -> None:
    clocks = PeerClocks(lambda: 100.0, lambda: 1_000_000.0)
    clocks.hear(HEARTBEAT)
    assert clocks.alarm_conditions("server1") == []


def test_both_of_a_pair_say_so() -> None:
    async def run() -> None:
        one, two = Server("server1"), Server("server2")
        two.agent._clocks.wall = lambda: 1_000_000.0
        join(one, two)
        one.start()
        two.start()

        def told(server: Server) -> set[str]:
            return {f"{alarm.code} {alarm.subject}" for alarm in server.agent.alarms.look()}

        await until(lambda: "clock-differs server2" in told(one), "server1 says so")
        await until(lambda: "clock-differs server1" in told(two), "server2 says so")
        await one.end()
        await two.end()

    asyncio.run(run())
