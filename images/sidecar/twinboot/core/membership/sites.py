"""Whether the servers work by the same site file: what each says of it, compared.

A server of an older release does not say by which site it works; it counts as one that works by ours.
"""

from __future__ import annotations

from dataclasses import replace

from ..effects import LogLevel
from ..model import SiteId
from ..state import State, StepContext
from .peer import Peer


def compare(ctx: StepContext, peer: Peer) -> Peer:
    """The peer, with since when its site differs from ours; that is logged when it begins and ends."""
    mine, theirs = ctx.config.site, peer.site
    differs = mine is not None and theirs is not None and not mine.same_site(theirs)
    if differs is (peer.site_differs_since is not None):
        return peer
    if mine is None or theirs is None or not differs:
        ctx.log(LogLevel.INFO, "site-same", peer=peer.name)
        return replace(peer, site_differs_since=None)
    ctx.log(
        LogLevel.WARNING, "site-differs", peer=peer.name, parts=",".join(mine.differing_parts(theirs)),
        number=mine.number, peer_number=theirs.number,
    )
    return replace(peer, site_differs_since=ctx.now)


def applied(ctx: StepContext, site: SiteId) -> None:
    """Work by this site from now on."""
    ctx.state = replace(ctx.state, config=replace(ctx.config, site=site))
    for peer in tuple(ctx.state.peers.values()):
        ctx.put_peer(compare(ctx, peer))


def works_by_newer(state: State, peer: Peer) -> bool:
    """Whether the peer is alive and works by a site that was applied after ours."""
    mine, theirs = state.config.site, peer.site
    return peer.alive and mine is not None and theirs is not None and theirs.newer_than(mine)


def superseded(state: State) -> bool:
    """Whether some live peer works by a newer site: a server that starts takes that one first."""
    return any(works_by_newer(state, peer) for peer in state.peers.values())


def differing_parts(state: State, peer: Peer) -> tuple[str, ...]:
    """Names of the parts of the site file in which the peer's differs from ours."""
    mine, theirs = state.config.site, peer.site
    return mine.differing_parts(theirs) if mine is not None and theirs is not None else ()


def decides_alike(state: State, server: str) -> bool:
    """Whether that server decides by the same facts as we do, as far as is known."""
    if server == state.config.me:
        return True
    peer, mine = state.peers[server], state.config.site
    if peer.unknown_server:
        return False
    return peer.site_differs_since is None or (
        mine is not None and peer.site is not None and mine.same_cluster(peer.site)
    )


def all_alike(state: State) -> bool:
    """Whether every server that is heard decides by the same facts as we do."""
    return all(decides_alike(state, peer.name) for peer in state.peers.values() if peer.alive)


def own_address(state: State, server: str) -> int:
    """A server's own address, as a number; 0 when it is not known.

    Every server knows its own, and tells it: whom of two it favours does not depend on the site file.
    """
    peer = state.peers.get(server)
    told = peer.address if peer is not None else None
    address = told if told is not None else state.config.addresses.get(server)
    return int(address) if address is not None else 0
