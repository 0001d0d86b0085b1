"""What the core knows of the cluster, as the decisions of an apply look at it."""

from __future__ import annotations

from twinboot.core.membership.peer import Peer
from twinboot.core.model import GroupState, SiteId
from twinboot.core.state import Phase
from twinboot.core.state import State as CoreState
from twinboot.rollout.model import PeerFacts, RolloutStatus, Version

_SETTLED = (GroupState.IDLE, GroupState.HELD)


def version_of_site(site: SiteId | None) -> Version | None:
    return Version(site.number, site.digest) if site is not None else None


def is_settled(state: CoreState) -> bool:
    """Nothing of this server's is in motion."""
    return state.phase in (Phase.STARTING, Phase.ACTIVE) and all(
        group.state in _SETTLED for group in state.groups.values()
    )


def peer_facts(peer: Peer, status: RolloutStatus | None) -> PeerFacts:
    """Facts of a peer by its last heartbeat. status: what it has said of its sites."""
    said = peer.last_heartbeat
    reports = tuple(said.groups.values()) if said is not None else ()
    return PeerFacts(
        peer.name, peer.alive and not peer.unknown_server,
        settled=said is not None and not said.starting and not said.leaving
        and all(one.state in _SETTLED for one in reports),
        holds=sum(one.state is GroupState.HELD for one in reports),
        working=version_of_site(peer.site),
        status=status,
    )
