"""The health penalty of each server, as far as this one knows: queries on the state.

The penalty of a server for a group is (its LAN is bad, number of BROKEN daemons among those its clients
need), compared in this order, since with a bad LAN nothing is served at all. Unknown health counts as good.
A group belongs to a server with the smallest penalty (candidates.py).
"""

from __future__ import annotations

from ..membership.peer import Liveness
from ..model import Health
from ..state import State
from ..vip.group import Group
from . import readiness

FIRST_PROBE_WAIT_S = 10.0
"""How long the first probe results of a new peer's daemons are waited for."""

HealthPenalty = tuple[bool, int]


def health_penalty(state: State, server: str, group: Group) -> HealthPenalty:
    mine = server == state.config.me
    broken = own_broken_daemons(state) if mine else state.peers[server].broken_daemons
    lan_bad = state.lan.bad if mine else state.peers[server].lan_bad
    if not broken:
        return lan_bad, 0
    needed = (*state.config.daemons, *group.config.services)
    return lan_bad, sum(name in broken for name in needed)


def own_broken_daemons(state: State) -> frozenset[str]:
    """BROKEN, or not to be started: what heartbeats say, too."""
    broken = frozenset(name for name, one in state.daemons.items() if one.health is Health.BROKEN)
    return broken | readiness.not_startable(state.lacks) if state.lacks else broken


def daemons_confirmed(state: State, server: str) -> bool:
    """Whether no daemon of that peer is FAILING, and none UNKNOWN (allowed FIRST_PROBE_WAIT_S after it came
    alive)."""
    peer = state.peers.get(server)
    if peer is None or peer.last_heartbeat is None:
        return False
    probes_pending = state.now < peer.alive_since + FIRST_PROBE_WAIT_S
    for name in state.config.daemons:
        health = peer.last_heartbeat.daemons.get(name, Health.UNKNOWN)
        if health is Health.FAILING or (health is Health.UNKNOWN and probes_pending):
            return False
    return True


def is_healthy(state: State, server: str) -> bool:
    """Whether the server is alive without a bad LAN or BROKEN daemon. One that left in order, or was never
    heard, counts as healthy: neither is a loss."""
    if server == state.config.me:
        return not state.lan.bad and not own_broken_daemons(state)
    peer = state.peers[server]
    if peer.alive:
        return not peer.lan_bad and not peer.broken_daemons
    return peer.left or peer.liveness is Liveness.UNKNOWN


def describe_penalty(state: State, server: str) -> str:
    """Why the server has a health penalty, as text for the operator; empty without one."""
    if server == state.config.me:
        broken, lan = sorted(own_broken_daemons(state)), state.lan.health if state.lan.bad else None
    else:
        peer = state.peers[server]
        broken = sorted(peer.broken_daemons)
        lan = peer.last_heartbeat.lan if peer.lan_bad and peer.last_heartbeat is not None else None
    found = [f"LAN {lan.value}"] if lan is not None else []
    return ", ".join(found + [f"{name} broken" for name in broken])
