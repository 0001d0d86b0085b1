"""Applies heartbeats and silence to the peers' records.

The rules are peer.py's; this module logs their results and updates each group's last holder.
"""

from __future__ import annotations

from dataclasses import fields, replace
from operator import attrgetter

from ..effects import LogLevel, SendArpRequests
from ..events import ArpRequestAnswered, Event, HeartbeatReceived, LinkCarrierLost, Tick
from ..model import GroupState, Heartbeat
from ..ownership import candidates
from ..state import State, StepContext
from ..vip.group import with_announcements
from . import heartbeat as report
from . import peer as peers
from . import reach, sites, timing, unknown_servers
from . import suspicion as suspicions
from .boots import FreshEcho
from .peer import HeartbeatKind, LinkState, Liveness, Peer, PeerLink
from .suspicion import Cause, Suspicion


def received(ctx: StepContext, event: HeartbeatReceived) -> None:
    state, heartbeat = ctx.state, event.heartbeat
    before = unknown_servers.sender_of(ctx, event)
    if before is None:
        ctx.state = replace(state, ignored=state.ignored + 1)
        return
    echo = FreshEcho(state.config.me, state.boot_id, state.min_echo_seq)
    peer, verdict = peers.receive(before, event.link, heartbeat, now=ctx.now, echo=echo)
    peer = timing.note(sites.compare(ctx, peer), ctx.config.timers)
    ctx.put_peer(peer)
    _note_releases(ctx, before, peer)
    if verdict is HeartbeatKind.REPLAYED:
        ctx.state = replace(ctx.state, replayed=ctx.state.replayed + 1)
    elif verdict is HeartbeatKind.FIRST_SEEN_BOOT:
        ctx.heartbeat_wanted = True
    elif verdict is HeartbeatKind.LEFT:
        ctx.log(LogLevel.INFO, "peer-left", peer=peer.name)
    elif verdict in (HeartbeatKind.NEW, HeartbeatKind.BOOT_ACCEPTED):
        _on_sign_of_life(ctx, peer, restarted=verdict is HeartbeatKind.BOOT_ACCEPTED)


def _note_releases(ctx: StepContext, before: Peer, after: Peer) -> None:
    """Record each group whose address the peer reported to have, and now to have no more."""
    if before.last_heartbeat is None or before.last_heartbeat is after.last_heartbeat:
        return
    for group in tuple(ctx.state.groups.values()):
        if candidates.peer_group_state(before, group) is GroupState.IDLE:
            continue
        said_goodbye = after.left and not after.left_with(group.config)
        idle = after.last_heartbeat is not None and (
            candidates.peer_group_state(after, group) is GroupState.IDLE
        )
        if idle or said_goodbye:
            ctx.put_group(replace(group, released_at=ctx.now))


def nothing_new(ctx: StepContext, event: Event, before: State) -> bool:
    """Whether the rest of the step can be skipped: the event changed nothing and no deadline has passed.

    The last complete step has already acted on the same facts. True for most heartbeats (only counters
    differ, the link was up) and most observations. Our own heartbeat forces a complete step every interval.
    """
    if (
        not ctx.no_outcome
        or before.cached_deadline is None
        or ctx.now >= before.cached_deadline
        or isinstance(event, Tick)
    ):
        return False
    if not isinstance(event, HeartbeatReceived):
        return all(ctx.state.peers[name] is peer for name, peer in before.peers.items())
    name = event.heartbeat.sender
    old, new = before.peers.get(name), ctx.state.peers.get(name)
    if old is None or new is None or old is new:
        return True
    link = old.links.get(event.link)
    return link is not None and (
        link.state is LinkState.UP and old.alive and new.alive and new.boot_id == old.boot_id
        and (new.last_heartbeat is old.last_heartbeat or _same_report(old.last_heartbeat, new.last_heartbeat))
    )


_reported_fields = attrgetter(*(one.name for one in fields(Heartbeat) if one.name not in ("seq", "heard")))


def _same_report(old: Heartbeat | None, new: Heartbeat | None) -> bool:
    """Whether the two heartbeats differ in sequence numbers only."""
    if old is None or new is None or old.heard.keys() != new.heard.keys():
        return False
    if _reported_fields(old) != _reported_fields(new):
        return False
    return all(
        one.boot_id == new.heard[name].boot_id and one.links == new.heard[name].links
        for name, one in old.heard.items()
    )


def _on_sign_of_life(ctx: StepContext, peer: Peer, *, restarted: bool) -> None:
    """Mark the peer alive, and record the groups that it holds."""
    if restarted and peer.alive:
        ctx.log(LogLevel.WARNING, "peer-restarted", peer=peer.name)
    elif not peer.alive:
        ctx.log(LogLevel.INFO, "peer-alive", peer=peer.name)
    if restarted:
        ctx.heartbeat_wanted = True
    _reply_if_peer_lacks_heartbeats(ctx, peer)
    if restarted or not peer.alive:
        ctx.put_peer(replace(peer, liveness=Liveness.ALIVE, alive_since=ctx.now, dead_not_before=0.0))
    returned = restarted or not peer.alive
    for group in tuple(ctx.state.groups.values()):
        if returned and group.state is GroupState.HELD:
            # It may have announced the address while separated from us: correct the ARP caches.
            ctx.put_group(with_announcements(group, ctx.now))
        holds = candidates.peer_group_state(peer, group) is GroupState.HELD
        if holds and not group.holds_or_claims and group.last_holder != peer.name:
            ctx.put_group(replace(group, last_holder=peer.name))


def _reply_if_peer_lacks_heartbeats(ctx: StepContext, peer: Peer) -> None:
    """The peer lacks our latest heartbeats (heavy loss on every link): send at the fast rate, or it would
    soon count us as dead."""
    heard = peer.last_heartbeat.heard.get(ctx.config.me) if peer.last_heartbeat is not None else None
    if heard is None or heard.boot_id != ctx.state.boot_id:
        return
    timers = ctx.config.timers
    # Counted from the sending of the first heartbeat that it lacks.
    if report.unacknowledged_s(ctx.state, heard.seq) >= timers.warntime_s - timers.interval_s:
        ctx.state = replace(ctx.state, fast_heartbeats_until=ctx.now + timers.interval_s)
        ctx.heartbeat_wanted = True


def check_silence(ctx: StepContext, peer: Peer) -> None:
    """Update one peer and its links for the time that they have been silent."""
    if peer.boot_id is None:
        return
    timers, now = peer.timers or ctx.config.timers, ctx.now
    links = peer.links
    died_at = peers.dead_at(peer, timers)
    peer = _pursue_suspicion(ctx, peer)
    if peer.suspicion is not None and _is_found_dead(ctx, peer):
        peer = replace(peer, suspicion=replace(peer.suspicion, confirmed=True))
    found_dead = peer.suspicion is not None and peer.suspicion.confirmed and peer.alive
    dead = found_dead or (died_at is not None and now >= died_at)
    gone = dead or peer.liveness is Liveness.DEAD
    for name, link in peer.links.items():
        new = LinkState.DOWN if gone else peers.link_state(link, now, timers)
        if new is not link.state:
            since = link.silent_since if link.silent_since is not None else link.heard_at
            up = new is LinkState.UP
            links = {**links, name: replace(link, state=new, silent_since=None if up else since)}
            _log_link(ctx, peer.name, name, link, new)
    if peer.alive and not dead and peer.heard_at is not None and now >= peer.heard_at + timers.warntime_s:
        ctx.peer_late = True
    if dead:
        _log_death(ctx, peer)
        peer = replace(peer, liveness=Liveness.DEAD)
    if dead or links is not peer.links:
        peer = replace(peer, links=links)
    ctx.put_peer(peer)


# Suspicion ------------------------------------------------------------------------------------------------


def carrier_lost(ctx: StepContext, event: LinkCarrierLost) -> None:
    """Suspect the peers at the other end of the link; check_silence asks for them in the same step."""
    for peer in tuple(ctx.state.peers.values()):
        timers = peer.timers or ctx.config.timers
        if timers.suspect_s >= timers.deadtime_s:
            continue
        if peer.alive and event.link in peer.links and peer.suspicion is None and not peer.unknown_server:
            _suspect(ctx, peer, suspicions.begin(Cause.CARRIER, ctx.now, event.link))


def request_answered(ctx: StepContext, event: ArpRequestAnswered) -> None:
    """A peer's kernel runs, or the LAN carries frames both ways."""
    for peer in tuple(ctx.state.peers.values()):
        suspicion = peer.suspicion
        if suspicion is None:
            continue
        if event.server == peer.name:
            ctx.put_peer(replace(peer, suspicion=suspicions.peer_answered(suspicion, ctx.now)))
        else:
            told = suspicions.host_answered(suspicion, (event.address, event.mac))
            ctx.put_peer(replace(peer, suspicion=told))


def _suspect(ctx: StepContext, peer: Peer, suspicion: Suspicion) -> Peer:
    peer = replace(peer, suspicion=suspicion)
    ctx.put_peer(peer)
    ctx.log(LogLevel.DEBUG, "peer-suspected", peer=peer.name, why=suspicion.why)
    return peer


def _pursue_suspicion(ctx: StepContext, peer: Peer) -> Peer:
    """The peer with its suspicion begun when due, and one request sent when due."""
    now, timers = ctx.now, peer.timers or ctx.config.timers
    if not peer.alive or peer.heard_at is None or peer.unknown_server:
        return peer
    if peer.suspicion is None:
        at = suspicions.suspected_at(peer.heard_at, timers)
        if at is None or now < at:
            return peer
        peer = _suspect(ctx, peer, suspicions.begin(Cause.SILENCE, now))
    suspicion = peer.suspicion
    assert suspicion is not None
    if suspicion.asked and now > suspicion.due_at + suspicions.PAUSED_S and not suspicion.given_up:
        suspicion = suspicions.anew(suspicion, now)
    peer = replace(peer, suspicion=suspicion)
    if suspicion.given_up or now < suspicion.due_at or _is_found_dead(ctx, peer):
        return peer
    if suspicion.asked >= suspicions.MAX_ROUNDS:
        return replace(peer, suspicion=replace(suspicion, given_up=True))
    held = tuple(
        group.name for group in ctx.state.groups.values()
        if candidates.peer_group_state(peer, group) is not GroupState.IDLE
    )
    ctx.emit(SendArpRequests(peer.name, held))
    return replace(peer, suspicion=suspicions.asked_once(suspicion, now))


def _is_found_dead(ctx: StepContext, peer: Peer) -> bool:
    """Whether everything holds that a death before the deadtime takes (suspicion.py)."""
    suspicion, timers, now = peer.suspicion, peer.timers or ctx.config.timers, ctx.now
    if not peer.alive or peer.heard_at is None or suspicion is None:
        return False
    return (
        suspicions.verdict_due(suspicion, now) and now >= peer.heard_at + timers.suspect_s
        and bool(suspicion.proven_by) and not ctx.state.lan.bad and not reach.is_silent(ctx.state, peer.name)
        and not peers.lossy(peer, ctx.config.lan_links, now, timers)
    )


# Reports --------------------------------------------------------------------------------------------------


def _log_link(ctx: StepContext, peer: str, name: str, link: PeerLink, new: LinkState) -> None:
    fields: dict[str, str | int | float] = {"peer": peer, "link": name}
    silent_since = link.silent_since if new is LinkState.UP else link.heard_at
    if silent_since is not None:
        fields["silent_s"] = round(ctx.now - silent_since, 2)
    level = LogLevel.INFO if new is LinkState.UP else LogLevel.WARNING
    ctx.log(level, f"link-{new.value}", **fields)


def _log_death(ctx: StepContext, peer: Peer) -> None:
    heard_at = peer.heard_at if peer.heard_at is not None else ctx.now
    newest = max((link.heard_at or 0.0 for link in peer.links.values()), default=0.0)
    by = [name for name, link in peer.links.items() if link.heard_at == newest]
    fields: dict[str, str | int | float] = {
        "peer": peer.name, "silent_s": round(ctx.now - heard_at, 2), "last_link": ",".join(by),
    }
    if peer.suspicion is not None and peer.suspicion.confirmed:
        fields["suspected_for"] = peer.suspicion.why
        fields["unanswered"] = peer.suspicion.asked
        fields["lan_proven_by"] = peer.suspicion.proven_by
    ctx.log(LogLevel.WARNING, "peer-dead", **fields)
