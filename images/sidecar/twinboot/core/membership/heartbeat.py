"""Builds this server's heartbeat and decides when one is due. Encoding is wire/cluster's.

One is sent every interval, and at once when anything of our own changed. While a live peer is late, or lacks
heartbeats of ours, they are sent four times as often, so that heavy loss on the links is not mistaken for
a dead server.
"""

from __future__ import annotations

from dataclasses import replace

from ..effects import SendHeartbeat
from ..health import readiness
from ..model import GroupReport, Health, Heartbeat, LastHeard
from ..ownership import candidates
from ..state import Phase, State, StepContext
from . import reach
from .peer import LinkState, Peer

FAST_FACTOR = 4
"""Rate relative to the normal one while a peer is late or lacks heartbeats."""
MAX_SENT_TIMES = 32
"""How many sending times are remembered."""


def build_heartbeat(state: State, seq: int) -> Heartbeat:
    """The heartbeat for the state as it is."""
    heard: dict[str, LastHeard] = {}
    for peer in state.peers.values():
        last = last_heard(peer, seq)
        if last is not None:
            heard[peer.name] = last
    return Heartbeat(
        cluster=state.config.cluster,
        sender=state.config.me,
        boot_id=state.boot_id,
        seq=seq,
        groups=_group_reports(state),
        eligible=_eligible_groups(state),
        standby=state.standby,
        leaving=state.phase is Phase.LEFT,
        starting=state.phase is Phase.STARTING,
        heard=heard,
        lan=state.lan.health,
        daemons=_daemon_health(state),
        mac=state.lan.mac,
        address=state.config.addresses.get(state.config.me),
        site=state.config.site,
        timers=state.config.timers,
        unanswered=reach.unanswered(state),
        lacks=state.lacks,
        version=state.config.version,
    )


def last_heard(peer: Peer, rotation: int) -> LastHeard | None:
    """What our heartbeat echoes of this peer: the accepted boot, otherwise the unverified boots in turn.

    While the accepted boot is alive, only that one is echoed. A restarted peer does not need our echo to be
    accepted here, only to hear us; and replayed messages of another boot must not displace the live one's
    echo, or it would conclude that we do not hear it.
    """
    if peer.boot_id is not None and peer.alive:
        links = tuple(
            name for name, link in peer.links.items() if link.state in (LinkState.UP, LinkState.LATE)
        )
        return LastHeard(peer.boot_id, peer.seq, links)
    if peer.unverified_boots:
        one = peer.unverified_boots[rotation % len(peer.unverified_boots)]
        return LastHeard(one.boot_id, one.seq)
    if peer.boot_id is not None:
        return LastHeard(peer.boot_id, peer.seq)
    return None


def _group_reports(state: State) -> dict[str, GroupReport]:
    return {
        group.name: GroupReport(
            group.reported_state,
            {name: state.services[name].reported_state for name in group.config.services},
            group.config.address,
        )
        for group in state.groups.values()
    }


def _eligible_groups(state: State) -> tuple[str, ...]:
    return tuple(group.name for group in state.groups.values() if candidates.eligible(state, group))


def _daemon_health(state: State) -> dict[str, Health]:
    """Health of every daemon; a managed service is left out while its health is UNKNOWN.

    One that could not be started here is BROKEN, for the others of whatever release.
    """
    lacking = readiness.not_startable(state.lacks)
    return {
        name: Health.BROKEN if name in lacking else one.health for name, one in state.daemons.items()
        if one.health is not Health.UNKNOWN or name not in state.services or name in lacking
    }


def send(ctx: StepContext) -> None:
    """Send a heartbeat now."""
    state, now = ctx.state, ctx.now
    timers = state.config.timers
    seq = state.seq + 1
    message = build_heartbeat(state, seq)
    ctx.emit(SendHeartbeat(message))
    if now >= state.next_min_echo_at + timers.deadtime_s:
        state = replace(
            state, next_min_echo_at=now, next_min_echo_seq=seq, min_echo_seq=state.next_min_echo_seq
        )
    ctx.state = replace(
        state, seq=seq, sent_at=now, send_at=now + timers.interval_s, last_sent=message,
        sent_times=(*state.sent_times[1 - MAX_SENT_TIMES:], now),
    )


def send_if_due(ctx: StepContext) -> None:
    """At the end of a step: send when the interval is over, our state changed, or a fast one is due."""
    state, now = ctx.state, ctx.now
    soon = state.sent_at + state.config.timers.interval_s / FAST_FACTOR
    quick = ctx.peer_late or now < state.fast_heartbeats_until
    # An unverified boot is answered quickly, but many of them do not raise the rate beyond the fast one.
    if now >= state.send_at or _has_news(state) or ((quick or ctx.heartbeat_wanted) and now >= soon):
        send(ctx)
        soon = now + state.config.timers.interval_s / FAST_FACTOR
    if quick and ctx.state.send_at > soon:
        ctx.state = replace(ctx.state, send_at=soon)


def unacknowledged_s(state: State, seq: int) -> float:
    """Seconds since our first heartbeat after `seq`, the last that a peer heard; 0: there is none."""
    missing = state.seq - seq
    if missing <= 0 or not state.sent_times:
        return 0.0
    return state.now - state.sent_times[max(len(state.sent_times) - missing, 0)]


def _has_news(state: State) -> bool:
    told = state.last_sent
    if told is None:
        return True
    return (
        state.standby != told.standby or (state.phase is Phase.STARTING) != told.starting
        or state.config.site != told.site or state.lan.health is not told.lan
        or reach.unanswered(state) != told.unanswered or state.lacks != told.lacks
        or _group_reports(state) != told.groups
        or _eligible_groups(state) != told.eligible or _daemon_health(state) != told.daemons
    )
