"""Who should own a group. Pure questions on the state; nothing is changed here.

A group belongs to the first of its order among the servers with the smallest burden (burden.py) that are
alive, eligible for it, not starting, not on standby and not leaving. It changes hands only when nobody
holds it, or by its holder's own act. Two servers with the same burden have no reason to move anything:
only a strictly smaller one has, and what a server says of its health changes only when it is established.

A server on standby holds nothing, even when it is the last one alive: its operator is working on it
and must be able to rely on that. Hence standby is refused while it would leave a group unserved,
unless it is forced.
"""

from __future__ import annotations

from ..health.penalty import Burden, burden, sound
from ..membership.peer import Life, Peer
from ..model import GroupState, ServiceState
from ..state import Phase, State
from ..vip.group import Group

HOLDING = (GroupState.HELD, GroupState.CLAIMING)
ACTIVE_SERVICE = (ServiceState.STARTING, ServiceState.RUNNING, ServiceState.STOPPING)


def eligible(state: State, group: Group) -> bool:
    """Does this server offer itself for the group? How well it could serve is burden.py's."""
    if state.phase in (Phase.LEAVING, Phase.LEFT):
        return False
    return group.barred_until is None or _last_resort(state, group)


def fit(state: State, server: str, group: Group) -> bool:
    """Could that server take the group now, as far as we know?"""
    if server == state.config.me:
        if state.phase is not Phase.ACTIVE or state.standby or state.lan.isolated:
            return False
        return eligible(state, group)
    peer = state.peers.get(server)
    if peer is None or not peer.alive or peer.last is None:
        return False
    said = peer.last
    return group.name in said.eligible and not (said.standby or said.starting or said.leaving)


def _last_resort(state: State, group: Group) -> bool:
    """A claim failed here, but no other server could serve it either: a try now and then harms nobody."""
    return group.resort_at is None and not any(
        fit(state, name, group) and not peer.lan_bad for name, peer in state.peers.items()
    )


def first(state: State, group: Group) -> str | None:
    """The server that should own the group; None also while one that starts is worth waiting for."""
    best, least = None, None
    for server in group.config.order:
        there = fit(state, server, group)
        if there or _worth_waiting(state, server, group):
            weight = burden(state, server, group)
            if least is None or weight < least:
                best, least = server if there else None, weight
    return best


def _worth_waiting(state: State, server: str, group: Group) -> bool:
    """It has just been heard and starts: it will be there in a moment, or at least we give it one."""
    peer = state.peers.get(server)
    if peer is None or not peer.alive or peer.last is None or peer.last.standby:
        return False
    ends = patience_ends(state, peer)
    return ends is not None and group.name in peer.last.eligible


def patience_ends(state: State, peer: Peer) -> float | None:
    """Until when a starting peer's own claim is waited for: a deadtime after it was first heard."""
    if not peer.alive or peer.last is None or not peer.last.starting:
        return None
    ends = peer.since + state.config.timers.deadtime_s
    return ends if state.now < ends else None


def peer_group_state(peer: Peer, group: str) -> GroupState:
    """What a live peer says of its own part in the group."""
    report = peer.last.groups.get(group) if peer.last is not None else None
    return report.state if report is not None else GroupState.IDLE


def busy_peers(state: State, group: str) -> tuple[str, ...]:
    """Live peers that have the group's address, or may have it."""
    return tuple(
        peer.name for peer in state.peers.values()
        if peer.alive and peer_group_state(peer, group) is not GroupState.IDLE
    )


def unaccounted(state: State, group: Group) -> tuple[str, ...]:
    """Servers that may have the group's address without our knowing.

    All of its order, but those that are heard and say that they have not, and those that have just
    left and said so. What was said longer than warntime_s ago may be true no more: it may have claimed
    since, unheard. A server that left may be started again unheard, but then it waits for initdead_s
    before it claims; so its goodbye holds good for a deadtime.
    """
    found = []
    oldest = state.now - state.config.timers.warntime_s
    for server in group.config.order:
        peer = state.peers.get(server)
        if peer is None:
            continue
        said_goodbye = (
            peer.left and peer.life is Life.DEAD and group.name not in peer.left_with
            and state.now < peer.left_at + state.config.timers.deadtime_s
        )
        heard = (
            peer.alive and peer.heard_at is not None and peer.heard_at > oldest
            and peer_group_state(peer, group.name) is GroupState.IDLE
        )
        if not (heard or said_goodbye):
            found.append(server)
    return tuple(found)


def rivals(state: State, group: str) -> tuple[str, ...]:
    """Live peers that hold or claim the group."""
    return tuple(
        peer.name for peer in state.peers.values()
        if peer.alive and peer_group_state(peer, group) in HOLDING
    )


def rank(state: State, server: str, group: Group) -> tuple[bool, Burden, int, str]:
    """The smaller one keeps the group when two hold it: the eligible first, by burden, by the order.

    Both sides must come to the same answer, so only what both know counts: the site file and what
    each says of itself.
    """
    order = group.config.order
    place = order.index(server) if server in order else len(order)
    if server == state.config.me:
        unfit = not eligible(state, group) or state.standby
        return (unfit, burden(state, server, group), place, server)
    peer = state.peers[server]
    said = peer.last
    unfit = said is None or group.name not in said.eligible or said.standby
    return (unfit, burden(state, server, group), place, server)


def deaf(state: State, peer: Peer) -> bool:
    """The peer says that it does not hear us: it cannot know what we hold."""
    heard = peer.last.heard.get(state.config.me) if peer.last is not None else None
    return heard is None or heard.boot != state.boot or not heard.links


def takers_back(state: State, group: Group) -> tuple[str, ...]:
    """Servers earlier in the order than we are that could have the group back: no worse, nothing in doubt."""
    order = group.config.order
    me = state.config.me
    earlier = order[:order.index(me)] if me in order else order
    mine = burden(state, me, group)
    return tuple(
        server for server in earlier
        if fit(state, server, group) and burden(state, server, group) <= mine
        and sound(state, server) and not deaf(state, state.peers[server])
    )


def services_elsewhere(state: State, group: Group) -> tuple[str, ...]:
    """Live peers on which a service of the group runs, starts or still stops."""
    found = []
    for peer in state.peers.values():
        report = peer.last.groups.get(group.name) if peer.alive and peer.last is not None else None
        if report is not None and any(
            report.services.get(service) in ACTIVE_SERVICE for service in group.config.services
        ):
            found.append(peer.name)
    return tuple(found)


def holder(state: State, group: Group) -> str | None:
    """Who holds the group, as far as we know; of two the one that will keep it."""
    holders = [
        peer.name for peer in state.peers.values()
        if peer.alive and peer_group_state(peer, group.name) is GroupState.HELD
    ]
    if group.state is GroupState.HELD:
        holders.append(state.config.me)
    return min(holders, key=lambda server: rank(state, server, group), default=None)


def standby_refusal(state: State) -> str | None:
    """Why this server may not go on standby; None when it may."""
    if state.standby:
        return None
    for group in state.groups.values():
        others = any(fit(state, name, group) and not peer.lan_bad for name, peer in state.peers.items())
        if not others and not rivals(state, group.name):
            return f"no other server could take group {group.name}"
    return None
