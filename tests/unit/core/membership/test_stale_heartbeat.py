"""Found by the simulation: an old message of a late server was taken for its present state.

Three servers start, two of them are cut from each other at that moment. Each counts the other as alive
for a deadtime by a message in which it had not begun to claim.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from twinboot.core import initial, step
from twinboot.core.events import HeartbeatReceived
from twinboot.core.model import ClusterConfig, GroupConfig, GroupReport, GroupState, Heartbeat, LastHeard
from twinboot.core.ownership import candidates

CONFIG = ClusterConfig(
    "c", "server1", ("server1", "server2"), (GroupConfig("first", ("server2", "server1")),), ("lan",),
)


@pytest.mark.parametrize(("age_s", "found"), [(0.2, ()), (0.49, ()), (0.51, ("server2",))])
def test_what_a_late_server_said_of_a_group_is_not_relied_on(age_s: float, found: tuple[str, ...]) -> None:
    state, _ = initial(CONFIG, 11, 0.0)
    heard = {"server1": LastHeard(11, 10**6, ("lan",))}
    idle = {"first": GroupReport(GroupState.IDLE)}
    state, _ = step(state, HeartbeatReceived("lan", Heartbeat("c", "server2", 22, 1, idle, heard=heard)), 1.0)
    assert state.peers["server2"].alive
    state = replace(state, now=1.0 + age_s)
    assert candidates.unaccounted(state, state.groups["first"]) == found
