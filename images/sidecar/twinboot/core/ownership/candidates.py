"""Who should own a group: queries on the state; nothing is changed here.

Candidates are the servers that are alive, eligible for the group, not starting, not on standby and not
leaving. Of those with the smallest health penalty (penalty.py) the first in the group's order is preferred.
A group changes hands only when nobody holds it, or when its holder releases it. A holder releases it for
the sake of health only to a server with a strictly smaller penalty; a server reports a change of its health
only once it is confirmed.

A server on standby holds nothing, even when it is the last one alive: its operator is working on it
and must be able to rely on that. So standby is refused while it would leave a group unserved,
unless it is forced.
"""

from __future__ import annotations

from ..health import readiness
from ..health.penalty import HealthPenalty, daemons_confirmed, health_penalty
from ..membership import sites
from ..membership.peer import Liveness, Peer
from ..model import GroupReport, GroupState, Heartbeat, ServiceState
from ..state import Phase, State
from ..vip.group import Group

HOLDING_STATES = (GroupState.HELD, GroupState.CLAIMING)
ACTIVE_SERVICE = (ServiceState.STARTING, ServiceState.RUNNING, ServiceState.STOPPING)


def eligible(state: State, group: Group) -> bool:
    """Whether this server offers itself for the group. How well it could serve is penalty.py's."""
    if state.phase in (Phase.LEAVING, Phase.LEFT) or left_to_newer_site(state, group):
        return False
    return group.claim_backoff_until is None or _last_resort(state, group)


def left_to_newer_site(state: State, group: Group) -> bool:
    """A peer that works by a newer site than this server can take a group that we do not hold.

    So what is handed over while a site is applied goes to servers that have gone over already."""
    return not group.holds_or_claims and any(
        sites.works_by_newer(state, peer) and not peer.lan_bad and can_take(state, name, group)
        for name, peer in state.peers.items()
    )


def can_take(state: State, server: str, group: Group) -> bool:
    """Whether that server could take the group now, as far as we know."""
    if server == state.config.me:
        if state.phase is not Phase.ACTIVE or state.standby or state.lan.isolated:
            return False
        return eligible(state, group)
    peer = state.peers.get(server)
    if peer is None or not peer.alive or peer.last_heartbeat is None:
        return False
    said = peer.last_heartbeat
    return offers(said, group) and not (said.standby or said.starting or said.leaving)


def offers(said: Heartbeat, group: Group) -> bool:
    """Whether the sender offers to hold the group, by whatever name."""
    report = said.on_address(group.config)
    if report is not None:
        return report[0] in said.eligible
    return group.name in said.eligible and group.name not in said.groups


def _last_resort(state: State, group: Group) -> bool:
    """A claim failed here, but no other server could serve the group either: a retry now does no harm."""
    return group.last_resort_at is None and not any(
        can_take(state, name, group) and not peer.lan_bad for name, peer in state.peers.items()
    )


def preferred_owner(state: State, group: Group) -> str | None:
    """The server that should own the group. None also while the best one is still in its starting grace."""
    best, least = None, None
    for server in group.config.order:
        there = can_take(state, server, group)
        if there or _starting_soon(state, server, group):
            weight = health_penalty(state, server, group)
            if least is None or weight < least:
                best, least = server if there else None, weight
    return best


def _starting_soon(state: State, server: str, group: Group) -> bool:
    """The server is starting, was first heard less than a deadtime ago, and is eligible: it is waited for."""
    peer = state.peers.get(server)
    if peer is None or not peer.alive or peer.last_heartbeat is None or peer.last_heartbeat.standby:
        return False
    ends = starting_grace_ends(state, peer)
    return ends is not None and offers(peer.last_heartbeat, group)


def starting_grace_ends(state: State, peer: Peer) -> float | None:
    """When the wait for a starting peer's own claim ends: a deadtime after it was first heard."""
    if not peer.alive or peer.last_heartbeat is None or not peer.last_heartbeat.starting:
        return None
    ends = peer.alive_since + state.config.timers.deadtime_s
    return ends if state.now < ends else None


def peer_group_state(peer: Peer, group: Group) -> GroupState:
    """The peer's own state in the group, as its last heartbeat reports it."""
    report = peer.last_heartbeat.on_address(group.config) if peer.last_heartbeat is not None else None
    return report[1].state if report is not None else GroupState.IDLE


def peers_with_address(state: State, group: Group) -> tuple[str, ...]:
    """Live peers that have the group's address, or may have it."""
    return tuple(
        peer.name for peer in state.peers.values()
        if peer.alive and peer_group_state(peer, group) is not GroupState.IDLE
    )


def unaccounted(state: State, group: Group) -> tuple[str, ...]:
    """Servers of the group's order that may have its address without our knowing.

    Not among them: peers heard within warntime_s that report the group IDLE (an older report may be out of
    date: the peer may have claimed since), and peers that left within the last deadtime and had released
    it. A server that left may have been restarted unheard, but it waits initdead_s before it claims.
    """
    found = []
    oldest = state.now - state.config.timers.warntime_s
    for peer in state.peers.values():
        if peer.name not in group.config.order and not peer.alive:
            continue
        said_goodbye = (
            peer.left and peer.liveness is Liveness.DEAD and not peer.left_with(group.config)
            and state.now < peer.left_at + state.config.timers.deadtime_s
        )
        heard = (
            peer.alive and peer.heard_at is not None and peer.heard_at > oldest
            and peer_group_state(peer, group) is GroupState.IDLE
        )
        if not (heard or said_goodbye):
            found.append(peer.name)
    return tuple(found)


def known_to_be_free(state: State, group: Group) -> bool:
    """A peer has just given the address up, and no server may have it without our knowing."""
    released_at = group.released_at
    if released_at is None or state.now >= released_at + state.config.timers.deadtime_s:
        return False
    return not unaccounted(state, group)


def rivals(state: State, group: Group) -> tuple[str, ...]:
    """Live peers that hold or claim the group."""
    return tuple(
        peer.name for peer in state.peers.values()
        if peer.alive and peer_group_state(peer, group) in HOLDING_STATES
    )


def rank(state: State, server: str, group: Group) -> tuple[bool, HealthPenalty, int, str]:
    """Sort key of two holders; the smaller one keeps the group: eligible first, then penalty, then order.

    Both sides must get the same result, so it uses only what both know: the site file and what each
    reports of itself. Comparable only between two that decide alike; see outranks().
    """
    order = group.config.order
    place = order.index(server) if server in order else len(order)
    return (_unfit(state, server, group), health_penalty(state, server, group), place, server)


def _unfit(state: State, server: str, group: Group) -> bool:
    if server == state.config.me:
        return not eligible(state, group) or state.standby
    said = state.peers[server].last_heartbeat
    return said is None or not offers(said, group) or said.standby


def outranks(state: State, peer: str, group: Group) -> bool:
    """Whether that peer, which holds the group as we do, keeps it.

    When the site files of the two differ, the higher own address yields, unless the other is unfit or its
    LAN is bad: both know all that without a common file.
    """
    me = state.config.me
    if sites.decides_alike(state, peer):
        return rank(state, peer, group) < rank(state, me, group)
    theirs, mine = (
        (
            _unfit(state, one, group), health_penalty(state, one, group)[0],
            sites.own_address(state, one), one,
        )
        for one in (peer, me)
    )
    return theirs < mine


def does_not_hear_us(state: State, peer: Peer) -> bool:
    """Whether the peer's last heartbeat shows that it does not hear this boot of ours.

    Then it cannot know what we hold."""
    heard = peer.last_heartbeat.heard.get(state.config.me) if peer.last_heartbeat is not None else None
    return heard is None or heard.boot_id != state.boot_id or not heard.links


def failback_targets(state: State, group: Group) -> tuple[str, ...]:
    """Servers before us in the order that may get the group back: penalty no larger than ours, daemons
    confirmed, they hear us, and nothing would be left unserved."""
    order = group.config.order
    me = state.config.me
    earlier = order[:order.index(me)] if me in order else order
    mine = health_penalty(state, me, group)
    return tuple(
        server for server in earlier
        if can_take(state, server, group) and sites.decides_alike(state, server)
        and health_penalty(state, server, group) <= mine
        and daemons_confirmed(state, server) and not does_not_hear_us(state, state.peers[server])
        and not readiness.unserved_after(state, server, group.config)
    )


def peers_running_services(state: State, group: Group) -> tuple[str, ...]:
    """Live peers on which a service of the group is starting, running or stopping, under whatever group."""
    return tuple(
        peer.name for peer in state.peers.values()
        if peer.alive and any(_runs_services(one, group) for one in _reports(peer))
    )


def peers_serving(state: State, group: Group) -> tuple[str, ...]:
    """The peers_running_services() that have the address which the service runs with.

    Where the address is gone, the service's own guard stops it; where it is not, the service goes on."""
    return tuple(
        peer.name for peer in state.peers.values()
        if peer.alive and any(
            one.state is not GroupState.IDLE and _runs_services(one, group) for one in _reports(peer)
        )
    )


def serving_peer_that_stays(state: State, group: Group) -> str | None:
    """A peer that runs a service of the group with another address, and goes on with it.

    The higher own address yields. A peer that does not hear us goes on in any case. With the group's own
    address it is a rival, and decide.py decides.
    """
    mine = sites.own_address(state, state.config.me), state.config.me
    for name in peers_serving(state, group):
        peer = state.peers[name]
        if peer.last_heartbeat is not None and peer.last_heartbeat.starting:
            continue  # it stops its services before anything else
        same = peer.last_heartbeat.on_address(group.config) if peer.last_heartbeat is not None else None
        if same is not None and _runs_services(same[1], group):
            continue
        known_s = state.now - peer.alive_since
        deadtime_s = (peer.timers or state.config.timers).deadtime_s
        deaf = does_not_hear_us(state, peer) and known_s >= deadtime_s
        if deaf or (sites.own_address(state, name), name) < mine:
            return name
    return None


def _reports(peer: Peer) -> tuple[GroupReport, ...]:
    return tuple(peer.last_heartbeat.groups.values()) if peer.last_heartbeat is not None else ()


def _runs_services(report: GroupReport, group: Group) -> bool:
    return any(report.services.get(service) in ACTIVE_SERVICE for service in group.config.services)


def holder(state: State, group: Group) -> str | None:
    """The server that holds the group, as far as we know; of two holders the one that will keep it."""
    holders = [
        peer.name for peer in state.peers.values()
        if peer.alive and peer_group_state(peer, group) is GroupState.HELD
    ]
    if group.state is GroupState.HELD:
        holders.append(state.config.me)
    return min(holders, key=lambda server: rank(state, server, group), default=None)
