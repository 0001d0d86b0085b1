"""The design's time bounds for gaps and failure detection, in virtual time.

Virtual time is exact, so these bounds are the core's own; the machine's share is measured by the bench.
"""

from __future__ import annotations

import pytest
from twinboot.core.membership import heartbeat

from .rest import at_rest
from .scenario import Act, Scenario
from .scenario import play as run
from .verbs import VERBS, note_act
from .world import World


def cluster(servers: int, until: float = 15.0, seed: int = 3) -> World:
    """A cluster at rest, default timers."""
    starts = tuple(Act(0.0, "start", (f"server{number}",)) for number in range(1, servers + 1))
    return run(Scenario(servers, seed, starts, until, timers="default"))


def gap_s(world: World, group: str, act: str, limit_s: float = 12.0) -> float:
    """For how long no server answers for the group, from the act on."""
    note_act(world, act)
    missing, end = 0.0, world.now + limit_s
    while world.now < end:
        world.run_for(0.001)
        if not any(server.answers(server.address_of(group)) for server in world.servers.values()):
            missing += 0.001
        elif missing:
            return missing
    return missing


@pytest.mark.parametrize("act", ["standby", "leave", "failback"])
def test_a_planned_move_costs_a_few_milliseconds(act: str) -> None:
    world = cluster(2)
    server = world.servers["server1"]
    assert server.process is not None
    if act == "failback":
        server.power_off()
        world.run_for(4.0)
        server.power_on()
    else:
        VERBS[act](world, "server1")
    assert 0.0 < gap_s(world, "first", act) < 0.02


def test_without_news_at_once_the_move_would_be_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    world = cluster(2)
    monkeypatch.setattr(heartbeat, "_has_news", lambda state: False)
    VERBS["standby"](world, "server1")
    assert gap_s(world, "first", "standby") > 0.02


PHASES_S = (0.0, 0.02, 0.05, 0.08)
"""When the power goes within an interval."""


def power_off_gap_s(world: World) -> float:
    world.servers["server1"].power_off()
    return gap_s(world, "first", "power-off")


@pytest.mark.parametrize("phase_s", PHASES_S)
def test_with_a_direct_cable_a_death_is_answered_in_less_than_0_4_s(phase_s: float) -> None:
    assert 0.2 < power_off_gap_s(cluster(2, 15.0 + phase_s)) < 0.3


@pytest.mark.parametrize("phase_s", PHASES_S)
@pytest.mark.parametrize("servers", [2, 3])
def test_without_one_in_less_than_0_6_s(servers: int, phase_s: float) -> None:
    world = cluster(servers, 15.0 + phase_s)
    world.direct_cable = False
    assert 0.3 < power_off_gap_s(world) < 0.5


@pytest.mark.parametrize("phase_s", PHASES_S)
def test_where_no_other_host_answers_the_deadtime_decides(phase_s: float) -> None:
    world = cluster(2, 15.0 + phase_s)
    world.router = False
    assert 0.9 < power_off_gap_s(world) < 1.0 + 0.1


def test_with_a_third_server_no_router_is_needed() -> None:
    world = cluster(3)
    world.router = False
    assert power_off_gap_s(world) < 0.5


@pytest.mark.parametrize("servers", [3, 5])
def test_one_dies_two_die_each_group_has_one_owner(servers: int) -> None:
    world = cluster(servers)
    at_rest(world)
    for name in ("server1", "server2"):
        note_act(world, "power-off")
        world.servers[name].power_off()
        world.run_for(1.5)
        at_rest(world)


def test_losing_a_link_moves_nothing() -> None:
    world = cluster(2)
    before = len(world.changes)
    world.network.cut("crossover", "server1", "server2")
    world.run_for(5.0)
    world.network.repair_all()
    world.network.cut("lan", "server1", "server2")
    world.run_for(5.0)
    assert world.changes[before:] == []
