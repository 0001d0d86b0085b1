"""ARP address conflict: another host uses an address that is held here (RFC 5227 section 2.4).

The action depends on who the other host is:
* A live peer: its heartbeats decide (decide.py); the alarm is shown only when the conflict lasts.
* A peer that is silent on every link: the later one in the group's order drops the address and goes on
  probing. Both sides know the order, so they agree without communicating. If their site files differ, or
  neither has dropped it after BOTH_KEEP_S (one may have another file by now, unheard), the one with the
  higher own address does: for that no common file is needed.
* Any other host: keep the address and announce it (section 2.4 (c)), since clients depend on it.
Section 2.4 asks for 10 s between two defences; here it is 1 s, since a wrong entry in a client's ARP cache
stops its install.
"""

from __future__ import annotations

from dataclasses import replace

from ..effects import LogLevel
from ..events import AddressesAnswered
from ..membership import sites
from ..membership.peer import Peer
from ..model import GroupState
from ..ownership.candidates import peer_group_state
from ..state import State, StepContext
from . import transitions
from .group import ArpConflict, Group

DEFEND_INTERVAL_S = 1.0
LATE_FRAME_S = 3.0
"""A delayed frame of a live peer, or of one that left, arrives within this time; only later ones count."""
BOTH_KEEP_S = 0.5
ALARM_S = 30.0
"""The alarm ends this long after the last conflicting frame."""


def seen(ctx: StepContext, group: Group, mac: bytes) -> None:
    if group.state is not GroupState.HELD or not mac or mac == ctx.state.lan.mac:
        return
    peer = next((one for one in ctx.state.peers.values() if one.mac == mac), None)
    group = _record_conflict(ctx, group, mac, peer)
    if peer is not None and peer.alive:
        if peer_group_state(peer, group) is GroupState.IDLE:
            # The peer has released the address and this frame was delayed; ARP caches may have taken it.
            _defend(ctx, group)
        return
    if peer is not None and _has_left(peer, group, ctx.now):
        _defend(ctx, group)  # a delayed frame: the peer's goodbye said that it had released the address
        return
    if peer is not None and _keeps(ctx.state, group, peer.name):
        transitions.drop(ctx, group, f"{peer.name} answers for it on the LAN, and keeps it")
    else:
        _defend(ctx, group)


def answered(ctx: StepContext, event: AddressesAnswered) -> None:
    """Hosts that answer requests for what is held here, whether they announce it or not."""
    for address, mac in sorted(event.answers):
        for group in tuple(ctx.state.groups.values()):
            if group.config.address == address:
                seen(ctx, group, mac)


def tick(ctx: StepContext, group: Group) -> None:
    """End the alarm when no conflicting frame was seen for ALARM_S."""
    if group.conflict is not None and ctx.now >= group.conflict.seen_at + ALARM_S:
        if group.conflict.shown:
            ctx.log(LogLevel.INFO, "address-conflict-over", group=group.name, mac=group.conflict.mac)
        ctx.put_group(replace(group, conflict=None))


def _record_conflict(ctx: StepContext, group: Group, mac: bytes, peer: Peer | None) -> Group:
    """Record the conflict. It is shown at once; with a live peer only when it lasts for LATE_FRAME_S."""
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


def _keeps(state: State, group: Group, other: str) -> bool:
    """By the order or the own addresses alone: a silent server's health is not known."""
    me, order = state.config.me, group.config.order
    lasts = group.conflict is not None and state.now >= group.conflict.since + BOTH_KEEP_S
    if sites.decides_alike(state, other) and not lasts:
        return order.index(other) < order.index(me) if other in order and me in order else other in order
    return (sites.own_address(state, other), other) < (sites.own_address(state, me), me)


def _has_left(peer: Peer, group: Group, now: float) -> bool:
    """The peer left less than LATE_FRAME_S ago and had released the group."""
    return peer.left and not peer.left_with(group.config) and now < peer.left_at + LATE_FRAME_S


def _defend(ctx: StepContext, group: Group) -> None:
    if ctx.now >= group.defended_at + DEFEND_INTERVAL_S:
        later = group.announce[1:] if group.announce and group.announce[0] <= ctx.now else group.announce
        ctx.put_group(replace(group, announce=(ctx.now, *later), defended_at=ctx.now))
