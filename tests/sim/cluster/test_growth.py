"""The cost of a server as the cluster grows: messages, steps and CPU time, per virtual second."""

from __future__ import annotations

import time

import pytest
from twinboot.core.model import Timers

from .scenario import Act, Scenario, play
from .world import World

SIZES = (2, 3, 5, 8, 16)
SECONDS = 4.0


def _steps(world: World) -> int:
    return sum(one.process.steps for one in world.servers.values() if one.process is not None)


def _cost(servers: int) -> tuple[float, float, float]:
    """A cluster at rest: messages sent, steps and milliseconds of CPU time, per server and second."""
    starts = tuple(Act(0.0, "start", (f"server{number}",)) for number in range(1, servers + 1))
    world = play(Scenario(servers, 3, starts, 2.0, timers="default"))
    sent, steps, begun = world.network.sent, _steps(world), time.process_time()
    world.run_for(SECONDS)
    cpu_s = time.process_time() - begun
    each = servers * SECONDS
    return (world.network.sent - sent) / each, (_steps(world) - steps) / each, 1000.0 * cpu_s / each


@pytest.mark.long
def test_the_cost_of_growing() -> None:
    """What a server sends does not grow; what it receives grows with the number of the others, no faster.

    The CPU time is that of this machine, core and simulated world together: printed, and bounded only
    against growing faster than the square of what is received.
    """
    costs = {servers: _cost(servers) for servers in SIZES}
    print("\nservers  messages/s  steps/s  ms of CPU/s   (each server, default timers, two links)")
    for servers, (sent, steps, cpu_ms) in costs.items():
        print(f"{servers:7} {sent:11.1f} {steps:8.1f} {cpu_ms:12.1f}")
    links, rate = 2, 1.0 / Timers().interval_s
    for servers, (sent, steps, _) in costs.items():
        assert sent == pytest.approx(links * rate, rel=0.1)
        assert steps < links * rate * (servers - 1) * 1.1 + 30
    assert costs[16][2] < 15 ** 2 * max(costs[2][2], 0.5)
