"""Links with loss, delay, duplication and reordering: no live server is declared dead.

SIM_HOURS=10 pytest tests/sim/cluster/test_weather.py: a longer run.
"""

from __future__ import annotations

import os

import pytest
from twinboot.core.membership import heartbeat

from .network import LinkImpairment
from .scenario import Act, Scenario, play
from .world import World

HOURS = float(os.environ.get("SIM_HOURS", "0.25"))


def storm(servers: int, hours: float, loss: float = 0.3) -> tuple[World, int]:
    """Default timers; on every link loss, 200 ms of jitter (so also reordering) and duplicates."""
    starts = tuple(Act(0.0, "start", (f"server{number}",)) for number in range(1, servers + 1))
    world = play(Scenario(servers, 3, starts, 15.0, timers="default"))
    world.network.impair(LinkImpairment(loss=loss, delay_s=0.001, jitter_s=0.2, duplicate=0.2))
    before = len(world.transcript)
    world.must_not_move = True
    world.run_for(hours * 3600.0)
    return world, sum("peer-dead" in line for line in world.transcript[before:])


@pytest.mark.parametrize(
    ("servers", "share"), [(3, 0.25), pytest.param(2, 1.0, marks=pytest.mark.long)]
)
def test_three_of_ten_lost_on_every_link_kill_nobody(servers: int, share: float) -> None:
    world, deaths = storm(servers, HOURS * share)
    sent = world.network.sent / servers / world.now
    print(f"\n{servers} servers, {HOURS * share:.1f} h at 30 % loss: {deaths} false deaths, "
          f"{sent:.1f} messages a second and server")
    assert deaths == 0
    assert sent < 3.0 / world.timers.interval_s


@pytest.mark.long
def test_without_quick_heartbeats_heavy_loss_would_kill(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three servers, 65 % loss: with fast heartbeats none is declared dead, without them one is."""
    assert storm(3, 0.1, loss=0.65)[1] == 0
    monkeypatch.setattr(heartbeat, "FAST_FACTOR", 1)
    assert storm(3, 0.1, loss=0.65)[1] > 0
