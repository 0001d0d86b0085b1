"""How well each server could serve, as far as this one knows: pure questions on the state.

A server's burden for a group is (its LAN is bad, how many of the daemons a client needs are BROKEN),
compared in this order: behind a dead LAN nothing is served at all. What is not known counts as good. A
group belongs to a server with the smallest burden (ownership.py).
"""

from __future__ import annotations

from ..membership.peer import Life
from ..model import Health
from ..state import State
from ..vip.group import Group

PROBED_WAIT_S = 10.0
"""A server that has not said by then how its daemons are is taken as it is."""

Burden = tuple[bool, int]


def burden(state: State, server: str, group: Group) -> Burden:
    mine = server == state.config.me
    broken = own_broken(state) if mine else state.peers[server].broken
    lan_bad = state.lan.bad if mine else state.peers[server].lan_bad
    if not broken:
        return lan_bad, 0
    needed = (*state.config.daemons, *group.config.services)
    return lan_bad, sum(name in broken for name in needed)


def own_broken(state: State) -> frozenset[str]:
    return frozenset(name for name, one in state.daemons.items() if one.health is Health.BROKEN)


def sound(state: State, server: str) -> bool:
    """Nothing of that peer is in doubt: no daemon failing, none unprobed unless it has had its time."""
    peer = state.peers.get(server)
    if peer is None or peer.last is None:
        return False
    patient = state.now < peer.since + PROBED_WAIT_S
    for name in state.config.daemons:
        health = peer.last.daemons.get(name, Health.UNKNOWN)
        if health is Health.FAILING or (health is Health.UNKNOWN and patient):
            return False
    return True


def well(state: State, server: str) -> bool:
    """Is it there and unburdened? A server that left in order, or was never heard, has lost nothing."""
    if server == state.config.me:
        return not state.lan.bad and not own_broken(state)
    peer = state.peers[server]
    if peer.alive:
        return not peer.lan_bad and not peer.broken
    return peer.left or peer.life is Life.UNKNOWN


def trouble(state: State, server: str) -> str:
    """What burdens the server, in the operator's terms; empty when nothing does."""
    if server == state.config.me:
        broken, lan = sorted(own_broken(state)), state.lan.health if state.lan.bad else None
    else:
        peer = state.peers[server]
        broken = sorted(peer.broken)
        lan = peer.last.lan if peer.lan_bad and peer.last is not None else None
    found = [f"LAN {lan.value}"] if lan is not None else []
    return ", ".join(found + [f"{name} broken" for name in broken])
