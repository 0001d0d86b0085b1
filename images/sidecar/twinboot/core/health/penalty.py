"""How well each server could serve, as far as this one knows: pure questions on the state.

A server's health penalty for a group is (its LAN is bad, how many of the daemons a client needs are BROKEN),
compared in this order: behind a dead LAN nothing is served at all. What is not known counts as good. A
group belongs to a server with the smallest health penalty (candidates.py).
"""

from __future__ import annotations

from ..membership.peer import Liveness
from ..model import Health
from ..state import State
from ..vip.group import Group

FIRST_PROBE_WAIT_S = 10.0
"""A server that has not said by then how its daemons are is taken as it is."""

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
    return frozenset(name for name, one in state.daemons.items() if one.health is Health.BROKEN)


def daemons_confirmed(state: State, server: str) -> bool:
    """Nothing of that peer is in doubt: no daemon failing, none unprobed unless it has had its time."""
    peer = state.peers.get(server)
    if peer is None or peer.last_heartbeat is None:
        return False
    patient = state.now < peer.alive_since + FIRST_PROBE_WAIT_S
    for name in state.config.daemons:
        health = peer.last_heartbeat.daemons.get(name, Health.UNKNOWN)
        if health is Health.FAILING or (health is Health.UNKNOWN and patient):
            return False
    return True


def is_healthy(state: State, server: str) -> bool:
    """Is it there and without a health penalty? A server that left in order, or was never heard, has lost
    nothing."""
    if server == state.config.me:
        return not state.lan.bad and not own_broken_daemons(state)
    peer = state.peers[server]
    if peer.alive:
        return not peer.lan_bad and not peer.broken_daemons
    return peer.left or peer.liveness is Liveness.UNKNOWN


def describe_penalty(state: State, server: str) -> str:
    """Why the server has a health penalty, in the operator's terms; empty when nothing does."""
    if server == state.config.me:
        broken, lan = sorted(own_broken_daemons(state)), state.lan.health if state.lan.bad else None
    else:
        peer = state.peers[server]
        broken = sorted(peer.broken_daemons)
        lan = peer.last_heartbeat.lan if peer.lan_bad and peer.last_heartbeat is not None else None
    found = [f"LAN {lan.value}"] if lan is not None else []
    return ", ".join(found + [f"{name} broken" for name in broken])
