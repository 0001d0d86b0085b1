"""Unknown servers: servers of this cluster that our site file does not name.

Another server's site file may name one that ours does not, and it may hold what we would claim. It speaks
with the cluster's key, so what it says of addresses and services counts as any peer's does. It gets no
group from us (it is in no group's order here), is not waited for at start, and is not missed when silent.
"""

from __future__ import annotations

from dataclasses import replace

from ..events import HeartbeatReceived
from ..health.holddown import HoldDown
from ..state import StepContext
from .peer import Peer, PeerLink

MAX_UNKNOWN_SERVERS = 8
"""As many as are remembered; those that are silent make room for others."""


def sender_of(ctx: StepContext, event: HeartbeatReceived) -> Peer | None:
    """The record of a heartbeat's sender, made when it is an unknown server's first; None: it is none for
    us."""
    config, heartbeat = ctx.config, event.heartbeat
    if heartbeat.cluster != config.cluster or heartbeat.sender == config.me:
        return None
    if event.link not in config.links:
        return None
    peer = ctx.state.peers.get(heartbeat.sender)
    if peer is None:
        return _new(ctx, event)
    if event.link in peer.links:
        return peer
    if not peer.unknown_server:
        return None
    return replace(peer, links={**peer.links, event.link: PeerLink(expected_since=ctx.now)})


def _new(ctx: StepContext, event: HeartbeatReceived) -> Peer | None:
    if event.heartbeat.leaving:
        return None
    known = [peer for peer in ctx.state.peers.values() if peer.unknown_server]
    if len(known) >= MAX_UNKNOWN_SERVERS:
        silent = next((peer for peer in known if not peer.alive), None)
        if silent is None:
            return None
        ctx.remove_peer(silent.name)
    name = event.heartbeat.sender
    ctx.put_holddown(name, HoldDown(since=ctx.now))
    return Peer(name, unknown_server=True, links={event.link: PeerLink(expected_since=ctx.now)})
