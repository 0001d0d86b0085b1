"""Who else has a virtual address, or gets it next; and which servers receive nothing.

For clients that still send to the server that had the address before. Queries on the state; nothing is
changed here.
"""

from __future__ import annotations

from ..model import GroupState
from ..state import State
from ..vip.group import Group
from .candidates import can_take, peer_group_state, rank


def other_holder(state: State, group: Group) -> str | None:
    """The live peer that holds the group; when none does and this server had it last, the first in the order
    that could take it: it will have the address if this server's kernel drops it."""
    holders = [
        peer.name for peer in state.peers.values()
        if peer.alive and peer_group_state(peer, group) is GroupState.HELD
    ]
    if holders:
        return min(holders, key=lambda server: rank(state, server, group))
    if group.last_holder != state.config.me:
        return None
    others = (server for server in group.config.order if server != state.config.me)
    return next((server for server in others if can_take(state, server, group)), None)


def unreceptive_peers(state: State) -> tuple[str, ...]:
    """Peers that get no frame from the LAN: those that are not heard, and those that report a bad LAN."""
    return tuple(
        peer.name for peer in state.peers.values() if not peer.alive or peer.lan_bad
    )
