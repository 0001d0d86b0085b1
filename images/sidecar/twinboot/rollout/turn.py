"""When this server may go over to the committed site: stand-bys first, then holders one after the other.

Going over takes the agent away for a moment. So a server that holds something goes when a peer can take it,
when every peer that goes before it is back, and when no other one is about to go. A server that changes
nothing that the agent works by (another host, say) goes over at once: nothing moves.
"""

from __future__ import annotations

from dataclasses import replace

from .model import ClusterFacts, Effect, Judge, Note, PeerFacts, State, Switch, SwitchTurn

ANNOUNCED_S = 0.6
"""So long a server says that it wants to go over, before it does: the others hear of it and wait."""
SWITCH_LIMIT_S = 40.0
"""For peers that do not come forward: they are down, or cannot go over. Then it goes without them."""
AGAIN_S = 30.0
"""A switch that had no effect is tried again, and a question that nobody has answered is asked again."""


def look(state: State, event: ClusterFacts, now: float) -> tuple[State, list[Effect]]:
    committed = state.committed
    if committed.version == state.working or state.keeping is not None:
        return (state if state.turn is None else replace(state, turn=None)), []
    turn = state.turn
    if turn is None or turn.version != committed.version:
        turn = SwitchTurn(committed.version, now)
        return replace(state, turn=turn), [Judge(committed)]
    if turn.in_place is None:
        return (replace(state, turn=None) if now >= turn.began + AGAIN_S else state), []
    if turn.switched_at is not None:
        if now >= turn.switched_at + AGAIN_S:
            return replace(state, turn=None), []
        return state, []
    if turn.in_place:
        return _go(state, turn, now)
    done = tuple(
        name for name, peer in state.peers.items()
        if peer.alive and peer.working is not None and peer.working >= turn.version
    )
    if done != turn.progress:
        turn = replace(turn, progress=done, began=now)
    if _must_wait(state, event, turn, now):
        return replace(state, turn=replace(turn, wanted_since=None)), []
    if turn.wanted_since is None:
        return replace(state, turn=replace(turn, wanted_since=now)), []
    if now < turn.wanted_since + ANNOUNCED_S:
        return replace(state, turn=turn), []
    return _go(state, turn, now)


def _go(state: State, turn: SwitchTurn, now: float) -> tuple[State, list[Effect]]:
    committed = state.committed
    return replace(state, turn=replace(turn, switched_at=now, wanted_since=None)), [
        Note("site-switch", {"number": committed.version.number, "over": state.working.number}),
        Switch(committed, bool(turn.in_place)),
    ]


def _must_wait(state: State, event: ClusterFacts, turn: SwitchTurn, now: float) -> bool:
    """Whether another one goes first, or something is in motion."""
    if now >= turn.began + SWITCH_LIMIT_S:
        return any(_says_it_goes_first(state, event, turn, peer) for peer in state.peers.values())
    if not event.settled:
        return True
    if not event.holds:
        return False  # nobody misses it
    return not _relieved(state, event) or any(
        _is_in_the_way(turn, peer) or _goes_first(state, event, turn, peer) for peer in state.peers.values()
    )


def _relieved(state: State, event: ClusterFacts) -> bool:
    return event.relieved or not any(peer.alive for peer in state.peers.values())


def _is_in_the_way(turn: SwitchTurn, peer: PeerFacts) -> bool:
    """The peer is about to go over, or has just done so; or it does not know yet that it is to. One that the
    new site does not name does not come back."""
    if not peer.alive:
        knew = peer.status is not None and peer.status.committed.version == turn.version
        return knew and peer.name in turn.servers
    knows = peer.status is not None and not turn.version.newer_than(peer.status.committed.version)
    return not (peer.settled and knows)


def _goes_first(state: State, event: ClusterFacts, turn: SwitchTurn, peer: PeerFacts) -> bool:
    behind = peer.alive and peer.working is not None and turn.version.newer_than(peer.working)
    return behind and (peer.holds > 0, peer.name) < (event.holds > 0, state.me)


def _says_it_goes_first(state: State, event: ClusterFacts, turn: SwitchTurn, peer: PeerFacts) -> bool:
    wants = peer.status is not None and peer.status.wants_turn
    return wants and _goes_first(state, event, turn, peer)
