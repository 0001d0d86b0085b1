"""Applies heartbeats and silence to the peers' records.

The rules are peer.py's; this module logs their results and updates each group's last holder.
"""

from __future__ import annotations

from dataclasses import fields, replace
from operator import attrgetter

from ..effects import LogLevel
from ..events import Event, HeartbeatReceived, Tick
from ..model import GroupState, Heartbeat
from ..ownership import candidates
from ..state import State, StepContext
from ..vip.group import with_announcements
from . import heartbeat as report
from . import peer as peers
from .peer import HeartbeatKind, LinkState, Liveness, Peer, PeerLink


def received(ctx: StepContext, event: HeartbeatReceived) -> None:
    state, heartbeat = ctx.state, event.heartbeat
    peer = state.peers.get(heartbeat.sender)
    if peer is None or event.link not in peer.links or heartbeat.cluster != state.config.cluster:
        ctx.state = replace(state, ignored=state.ignored + 1)
        return
    echo = peers.FreshEcho(state.config.me, state.boot_id, state.min_echo_seq)
    peer, verdict = peers.receive(peer, event.link, heartbeat, now=ctx.now, echo=echo)
    ctx.put_peer(peer)
    if verdict is HeartbeatKind.REPLAYED:
        ctx.state = replace(ctx.state, replayed=ctx.state.replayed + 1)
    elif verdict is HeartbeatKind.FIRST_SEEN_BOOT:
        ctx.heartbeat_wanted = True
    elif verdict is HeartbeatKind.LEFT:
        ctx.log(LogLevel.INFO, "peer-left", peer=peer.name)
    elif verdict in (HeartbeatKind.NEW, HeartbeatKind.BOOT_ACCEPTED):
        _on_sign_of_life(ctx, peer, restarted=verdict is HeartbeatKind.BOOT_ACCEPTED)


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
        return True
    name = event.heartbeat.sender
    old, new = before.peers.get(name), ctx.state.peers.get(name)
    if old is None or new is None or old is new:
        return True
    link = old.links[event.link]
    return (
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
        holds = candidates.peer_group_state(peer, group.name) is GroupState.HELD
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
    timers, now = ctx.config.timers, ctx.now
    links = peer.links
    for name, link in peer.links.items():
        new = peers.link_state(link, now, timers)
        if new is not link.state:
            since = link.silent_since if link.silent_since is not None else link.heard_at
            up = new is LinkState.UP
            links = {**links, name: replace(link, state=new, silent_since=None if up else since)}
            _log_link(ctx, peer.name, name, link, new)
    died_at = peers.dead_at(peer, timers)
    dead = died_at is not None and now >= died_at
    if peer.alive and not dead and peer.heard_at is not None and now >= peer.heard_at + timers.warntime_s:
        ctx.peer_late = True
    if dead:
        _log_death(ctx, peer)
    if dead or links is not peer.links:
        ctx.put_peer(replace(peer, links=links, liveness=Liveness.DEAD if dead else peer.liveness))


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
    ctx.log(
        LogLevel.WARNING, "peer-dead", peer=peer.name, silent_s=round(ctx.now - heard_at, 2),
        last_link=",".join(by),
    )
