"""Another host says on the LAN that it has an address that is held here (RFC 5227 section 2.4).

Who the other one is decides. A live peer: heartbeats know more than ARP, only what lasts is shown. A peer
that is silent on every link: the one that comes later in the group's order yields and asks on; so both
sides come to the same answer without a word. Anybody else: section 2.4 (c), keep it and announce, since
clients cannot do without the address. Section 2.4 would have 10 s between two defences, for hosts that
reconfigure by themselves; here a wrong entry in a client's cache stops its install, so once a second.
"""

from __future__ import annotations

from dataclasses import replace

from ..effects import LogLevel
from ..membership.peer import Peer
from ..model import GroupState
from ..ownership.candidates import peer_group_state
from ..state import StepContext
from . import transitions
from .group import ArpConflict, Group

DEFEND_INTERVAL_S = 1.0
LATE_FRAME_S = 3.0
"""A frame of a live peer may come late by less than that; what it has is its own heartbeats' business."""
ALARM_S = 30.0
"""The alarm stays that long after the last word of it."""


def seen(ctx: StepContext, group: Group, mac: bytes) -> None:
    if group.state is not GroupState.HELD or not mac or mac == ctx.state.lan.mac:
        return
    peer = next((one for one in ctx.state.peers.values() if one.mac == mac), None)
    group = _record_conflict(ctx, group, mac, peer)
    if peer is not None and peer.alive:
        if peer_group_state(peer, group.name) is GroupState.IDLE:
            # It has let go of it, and a frame of before came late; caches may have believed it.
            _defend(ctx, group)
        return
    if peer is not None and _has_left(peer, group.name, ctx.now):
        _defend(ctx, group)  # a frame that came late: it has said that it has let go of the address
        return
    if peer is not None and _precedes_in_order(group, peer.name, ctx.config.me):
        transitions.drop(ctx, group, f"{peer.name} answers for it on the LAN, and comes first")
    else:
        _defend(ctx, group)


def tick(ctx: StepContext, group: Group) -> None:
    """The alarm ends when nothing was seen of it for a while."""
    if group.conflict is not None and ctx.now >= group.conflict.seen_at + ALARM_S:
        if group.conflict.shown:
            ctx.log(LogLevel.INFO, "address-conflict-over", group=group.name, mac=group.conflict.mac)
        ctx.put_group(replace(group, conflict=None))


def _record_conflict(ctx: StepContext, group: Group, mac: bytes, peer: Peer | None) -> Group:
    """Remember it; shown at once, or, of a live peer, when it is more than a frame that came late."""
    text, old = mac.hex(":"), group.conflict
    if old is None or old.mac != text:
        old = ArpConflict(text, ctx.now, ctx.now, False)
    lasts = ctx.now >= old.since + LATE_FRAME_S
    shown = old.shown or lasts or peer is None or not peer.alive
    if shown and not old.shown:
        ctx.log(
            LogLevel.WARNING, "address-conflict", group=group.name, address=group.config.address, mac=text,
            server=peer.name if peer is not None else "unknown",
        )
    group = replace(group, conflict=ArpConflict(text, old.since, ctx.now, shown))
    ctx.put_group(group)
    return group


def _precedes_in_order(group: Group, other: str, me: str) -> bool:
    """By the site file alone: of what a silent server could add nothing is known."""
    order = group.config.order
    return order.index(other) < order.index(me) if other in order and me in order else other in order


def _has_left(peer: Peer, group: str, now: float) -> bool:
    """It said goodbye a moment ago, and that it did not take the address along."""
    return peer.left and group not in peer.left_holding and now < peer.left_at + LATE_FRAME_S


def _defend(ctx: StepContext, group: Group) -> None:
    if ctx.now >= group.defended_at + DEFEND_INTERVAL_S:
        later = group.announce[1:] if group.announce and group.announce[0] <= ctx.now else group.announce
        ctx.put_group(replace(group, announce=(ctx.now, *later), defended_at=ctx.now))
