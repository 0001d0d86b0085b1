"""The proposer's part: from the proposal to its commit, or to nothing.

A proposal is committed when every server of the old and the new site has accepted it. Until then nothing is
changed anywhere. The commit is on the proposer's disk before anybody is told of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .model import (
    Attempt,
    Check,
    Committed,
    Effect,
    Keep,
    Note,
    Phase,
    Proposal,
    Propose,
    Refused,
    State,
    Version,
)

LOST_S = 5.0
"""A member that is silent for so long has gone; a busy one may be silent for a moment."""
CHECK_LIMIT_S = 120.0
"""A check walks through the install trees."""


def propose(state: State, event: Propose, now: float) -> tuple[State, list[Effect]]:
    """Begin an attempt. Refused with one clear reason when it cannot even begin."""
    for why in _refusals(state, event):
        raise Refused(why)
    absent = {*event.without, *(name for name in event.unknown if not _alive(state, name))}
    members = tuple(name for name in event.servers if name not in absent)
    number = 1 + max(state.seen, state.committed.version.number, *_numbers(state), 0)
    proposal = Proposal(Version(number, event.digest), event.text, state.me, members, event.by)
    state = replace(state, attempt=Attempt(proposal, Phase.CHECKING, now), seen=number, checking=proposal)
    return state, [
        Note("apply-proposed", {"number": number, "servers": ",".join(members)}), Check(proposal),
    ]


def _refusals(state: State, event: Propose) -> Iterator[str]:
    if state.attempt is not None and state.attempt.open:
        proposal = state.attempt.proposal
        number, by = proposal.version.number, proposal.by
        yield f"{state.me} is applying site {number} already{by}: wait until it is done"
    for peer in state.peers.values():
        status = peer.status
        if peer.alive and status is not None and status.proposal is not None:
            number, by = status.proposal.version.number, status.proposal.by
            yield f"{peer.name} is applying site {number}{by}: wait until it is done"
    if state.keeping is not None or state.committed.version != state.working:
        by = state.committed.by
        yield f"site {state.committed.version.number}{by} is still being taken into use here"
    for peer in state.peers.values():
        if not peer.alive or peer.name in event.unknown:
            continue
        if peer.working is None:
            yield f"{peer.name} runs an older release, which cannot take part: upgrade it first"
        elif peer.status is not None and peer.status.committed.version.newer_than(peer.working):
            number = peer.status.committed.version.number
            yield f"site {number} is still being taken into use on {peer.name}"
    for name in event.servers:
        if name == state.me or (name in event.unknown and not _alive(state, name)):
            continue
        if name in event.without and _alive(state, name):
            yield f"{name} is heard, so it takes part: leave out --without {name}"
        elif name not in event.without and not _alive(state, name):
            yield f"{name} is not heard, and all servers must accept: start it, or add --without {name} " \
                "(it takes this site when it is back)"


def _alive(state: State, name: str) -> bool:
    peer = state.peers.get(name)
    return name == state.me or (peer is not None and peer.alive)


def _numbers(state: State) -> Iterator[int]:
    for peer in state.peers.values():
        if peer.working is not None:
            yield peer.working.number
        if peer.status is not None:
            yield peer.status.committed.version.number
            if peer.status.proposal is not None:
                yield peer.status.proposal.version.number


def look(state: State, now: float) -> tuple[State, list[Effect]]:
    """Collect the votes; commit when all have accepted, give up when one has not."""
    attempt = state.attempt
    if attempt is None or attempt.phase is not Phase.CHECKING:
        return state, []
    proposal = attempt.proposal
    votes = dict(attempt.votes)
    if state.vote is not None and state.vote.on(proposal):
        votes[state.me] = state.vote
    for name in proposal.members:
        peer = state.peers.get(name)
        if peer is not None and peer.status is not None and peer.status.vote is not None \
                and peer.status.vote.on(proposal):
            votes[name] = peer.status.vote
    lost = {name: attempt.lost.get(name, now) for name in proposal.members if not _alive(state, name)}
    attempt = replace(attempt, votes=votes, lost=lost)
    state = replace(state, attempt=attempt)
    error = _failure(state, attempt, now)
    if error:
        return replace(state, attempt=replace(attempt, phase=Phase.FAILED, error=error)), [
            Note("apply-given-up", {"number": proposal.version.number, "reason": error}),
        ]
    if lost or not all(name in votes for name in proposal.members) or state.keeping is not None:
        return state, []
    committed = Committed(proposal.version, proposal.text, proposal.by)
    state = replace(state, attempt=replace(attempt, phase=Phase.COMMITTING), keeping=committed)
    return state, [Keep(committed, state.seen)]


def _failure(state: State, attempt: Attempt, now: float) -> str:
    """Why the attempt ends here; empty while it goes on."""
    proposal = attempt.proposal
    for peer in state.peers.values():
        status = peer.status
        if not peer.alive or status is None:
            continue
        if status.proposal is not None and peer.name < state.me:
            number, by = status.proposal.version.number, status.proposal.by
            return f"{peer.name} is applying site {number}{by}: wait until it is done"
        if status.committed.version >= proposal.version:
            return f"{peer.name} has applied site {status.committed.version.number} meanwhile"
    for name, since in attempt.lost.items():
        if now >= since + LOST_S:
            return f"{name} was lost before the commit"
    waiting = [name for name in proposal.members if name not in attempt.votes]
    if waiting and now < attempt.began + CHECK_LIMIT_S:
        return ""
    refusing = [name for name, vote in attempt.votes.items() if not vote.accepted]
    if refusing:
        return f"{', '.join(refusing)} refuse{'s' if len(refusing) == 1 else ''} it"
    return f"no answer from {', '.join(waiting)} within {CHECK_LIMIT_S:g} s" if waiting else ""
