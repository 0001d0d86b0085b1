"""Another host says on the LAN that it has an address that is held here (RFC 5227 section 2.4).

Who the other one is decides. A live peer: heartbeats know more than ARP, only what lasts is shown. A peer
that is silent on every link: the one that comes later in the group's order yields and asks on; so both
sides come to the same answer without a word. Anybody else: section 2.4 (c), keep it and announce, since
clients cannot do without the address. Section 2.4 would have 10 s between two defences, for hosts that
reconfigure by themselves; here a wrong entry in a client's cache stops its install, so once a second.
"""

from __future__ import annotations

from dataclasses import replace

from ..effects import Level
from ..membership.peer import Peer
from ..model import GroupState
from ..ownership.candidates import peer_group_state
from ..state import Turn
from . import transitions
from .group import Conflict, Group

DEFEND_S = 1.0
LASTS_S = 3.0
"""A frame of a live peer may come late by less than that; what it has is its own heartbeats' business."""
SHOWN_S = 30.0
"""The alarm stays that long after the last word of it."""


def seen(turn: Turn, group: Group, mac: bytes) -> None:
    if group.state is not GroupState.HELD or not mac or mac == turn.state.lan.mac:
        return
    peer = next((one for one in turn.state.peers.values() if one.mac == mac), None)
    group = _note(turn, group, mac, peer)
    if peer is not None and peer.alive:
        if peer_group_state(peer, group.name) is GroupState.IDLE:
            # It has let go of it, and a frame of before came late; caches may have believed it.
            _defend(turn, group)
        return
    if peer is not None and _has_left(peer, group.name, turn.now):
        _defend(turn, group)  # a frame that came late: it has said that it has let go of the address
        return
    if peer is not None and _comes_first(group, peer.name, turn.config.me):
        transitions.drop(turn, group, f"{peer.name} answers for it on the LAN, and comes first")
    else:
        _defend(turn, group)


def tend(turn: Turn, group: Group) -> None:
    """The alarm ends when nothing was seen of it for a while."""
    if group.conflict is not None and turn.now >= group.conflict.seen_at + SHOWN_S:
        if group.conflict.shown:
            turn.log(Level.INFO, "address-conflict-over", group=group.name, mac=group.conflict.mac)
        turn.put_group(replace(group, conflict=None))


def _note(turn: Turn, group: Group, mac: bytes, peer: Peer | None) -> Group:
    """Remember it; shown at once, or, of a live peer, when it is more than a frame that came late."""
    text, old = mac.hex(":"), group.conflict
    if old is None or old.mac != text:
        old = Conflict(text, turn.now, turn.now, False)
    lasts = turn.now >= old.since + LASTS_S
    shown = old.shown or lasts or peer is None or not peer.alive
    if shown and not old.shown:
        turn.log(
            Level.WARNING, "address-conflict", group=group.name, address=group.config.address, mac=text,
            server=peer.name if peer is not None else "unknown",
        )
    group = replace(group, conflict=Conflict(text, old.since, turn.now, shown))
    turn.put_group(group)
    return group


def _comes_first(group: Group, other: str, me: str) -> bool:
    """By the site file alone: of what a silent server could add nothing is known."""
    order = group.config.order
    return order.index(other) < order.index(me) if other in order and me in order else other in order


def _has_left(peer: Peer, group: str, now: float) -> bool:
    """It said goodbye a moment ago, and that it did not take the address along."""
    return peer.left and group not in peer.left_with and now < peer.left_at + LASTS_S


def _defend(turn: Turn, group: Group) -> None:
    if turn.now >= group.defended_at + DEFEND_S:
        later = group.announce[1:] if group.announce and group.announce[0] <= turn.now else group.announce
        turn.put_group(replace(group, announce=(turn.now, *later), defended_at=turn.now))
