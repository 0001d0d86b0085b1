"""One server's part: step(state, event, now) -> (state, effects).

* A proposal of a live peer is checked once, and answered. Of two open ones the first stays answered.
* A committed site of a peer that is newer than ours is kept on our disk, and then gone over to, whoever
  tells of it: so what was committed reaches every server, also when the proposer is gone.
* What was told before is on the disk before it is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from . import attempt as attempts
from . import turn as turns
from .model import (
    Attempt,
    Check,
    Checked,
    ClusterFacts,
    Committed,
    Effect,
    Event,
    Judged,
    Keep,
    Note,
    PeerFacts,
    Phase,
    Proposal,
    Propose,
    SiteKept,
    State,
    Version,
)

NextState = tuple[State, tuple[Effect, ...]]


def initial(me: str, committed: Committed, working: Version, seen: int = 0) -> State:
    """committed, seen: as they are on the disk. working: the site that the agent has started with."""
    return State(me, committed, working, max(seen, committed.version.number))


def step(state: State, event: Event, now: float) -> NextState:
    """One event. Propose raises Refused when it cannot even begin."""
    match event:
        case ClusterFacts():
            return _look(state, event, now)
        case Propose():
            state, effects = attempts.propose(state, event, now)
            return state, tuple(effects)
        case Checked(vote=vote):
            if state.checking is None or not vote.on(state.checking):
                return state, ()
            # the number goes to the disk first: after a restart it is not given again
            state = replace(state, checking=None, pending_vote=vote)
            return state, (Keep(state.keeping or state.committed, max(state.seen, vote.version.number)),)
        case SiteKept():
            return _kept(state, event)
        case Judged(version=version, in_place=in_place, servers=servers):
            if state.turn is not None and state.turn.version == version:
                state = replace(state, turn=replace(state.turn, in_place=in_place, servers=servers))
            return state, ()


def _look(state: State, event: ClusterFacts, now: float) -> NextState:
    state = replace(state, working=event.working, peers=_known(state.peers, event.peers))
    effects: list[Effect] = []
    for part in (attempts.look, _take_newest_committed, _answer):
        state, more = part(state, now)
        effects += more
    state, more = turns.look(state, event, now)
    return state, (*effects, *more)


def _known(old: Mapping[str, PeerFacts], new: tuple[PeerFacts, ...]) -> dict[str, PeerFacts]:
    """The facts of all peers; of one that is away also what it told before."""
    found = {}
    for peer in new:
        before = old.get(peer.name)
        if peer.status is None and before is not None and not peer.alive:
            peer = replace(peer, status=before.status)
        found[peer.name] = peer
    return found


def _take_newest_committed(state: State, now: float) -> tuple[State, list[Effect]]:
    """Take the newest site that a live peer has committed."""
    offered = [
        peer.status.committed for peer in state.peers.values() if peer.alive and peer.status is not None
    ]
    newest = max(offered, key=lambda one: one.version, default=None)
    if newest is None or state.keeping is not None or not newest.version.newer_than(state.committed.version):
        return state, []
    state = replace(state, keeping=newest, seen=max(state.seen, newest.version.number))
    return state, [Keep(newest, state.seen)]


def _answer(state: State, now: float) -> tuple[State, list[Effect]]:
    """Check the proposal of a peer that no answer was given to."""
    if state.attempt is not None and state.attempt.open:
        return state, []
    if state.checking is not None and _is_open(state, state.checking.proposer, state.checking.version):
        return state, []
    answered = state.vote or state.pending_vote
    if answered is not None and _is_open(state, answered.proposer, answered.version):
        return state, []
    for name in sorted(state.peers):
        proposal = _proposal_of(state, name)
        if proposal is None or state.me not in proposal.members:
            continue
        if proposal.version.newer_than(state.committed.version):
            return replace(state, checking=proposal, vote=None, pending_vote=None), [Check(proposal)]
    return replace(state, checking=None, vote=None, pending_vote=None), []


def _proposal_of(state: State, name: str) -> Proposal | None:
    peer = state.peers.get(name)
    return peer.status.proposal if peer is not None and peer.alive and peer.status is not None else None


def _is_open(state: State, proposer: str, version: Version) -> bool:
    proposal = _proposal_of(state, proposer)
    return proposal is not None and proposal.version == version


def _kept(state: State, event: SiteKept) -> NextState:
    ours = state.keeping is not None and event.committed.version == state.keeping.version
    if event.fault:
        error = f"{state.me} cannot write it: {event.fault}"
        if ours:
            state = replace(state, keeping=None, attempt=_failed(state.attempt, error))
        return replace(state, pending_vote=None), (Note("site-not-kept", {"reason": event.fault}),)
    state = replace(state, seen=max(state.seen, event.seen))
    if state.pending_vote is not None and event.seen >= state.pending_vote.version.number:
        state = replace(state, vote=state.pending_vote, pending_vote=None)
    if not ours:
        return state, ()
    effects = (Note("site-committed", {"number": event.committed.version.number}),)
    attempt = state.attempt
    if attempt is not None and attempt.phase is Phase.COMMITTING:
        attempt = replace(attempt, phase=Phase.COMMITTED)
    return replace(state, committed=event.committed, keeping=None, attempt=attempt), effects


def _failed(attempt: Attempt | None, error: str) -> Attempt | None:
    if attempt is None or not attempt.open:
        return attempt
    return replace(attempt, phase=Phase.FAILED, error=error)
