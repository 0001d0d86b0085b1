"""What this server lacks of what the others have, and what it is asked to remove.

The rules, in the order in which they count:
* A tree that was removed here on purpose, or by some server everywhere, is not fetched: that is the one
  manifest, not the name; a later import is another one.
* A tree that is here is never fetched over, unless the other one says that it took the place of this very one
  (`twinboot import --replace`).
* Of several trees of one name among the others the one is fetched that took the place of all the rest. Where
  there is none, nobody knows which is right: none is.
* A folder that was not imported belongs to whoever has made it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from .model import Own, Removal, Tree, World


@dataclass(frozen=True, slots=True)
class Lack:
    """A tree to fetch. tree: as the first of the latest has it. instead_of: contents of the one here; empty:
    there is none. sources: what each server calls it; the contents are the same. latest: those of them whose
    import is the latest, and so their manifest."""

    name: str
    tree: Tree
    instead_of: str
    sources: Mapping[str, Tree]
    latest: Mapping[str, Tree]


def lacking(world: World, own: Own) -> tuple[Lack, ...]:
    """What to fetch: what the site uses first, then the small ones."""
    if not world.settings.enabled:
        return ()
    found = [lack for name in _offered_names(world) if (lack := _lack(world, own, name)) is not None]
    return tuple(sorted(found, key=lambda one: (one.name not in world.used, one.tree.size, one.name)))


def undecided(world: World, own: Own) -> tuple[str, ...]:
    """Names of trees that are not here, and of which the others have different ones."""
    return tuple(
        name for name in _offered_names(world)
        if name not in own.trees and len(offers := _offers(world, own, name)) > 1
        and _latest(tree for servers in offers.values() for tree in servers.values()) is None
    )  # fmt: skip


def removals_due(world: World, own: Own) -> Iterator[tuple[Removal, Tree]]:
    """Trees of this server that another one has removed everywhere, those in use too."""
    for removal in _everywhere(world):
        tree = own.trees.get(removal.name)
        if tree is not None and tree.digest in removal.digests:
            yield removal, tree


def widened(world: World, own: Own) -> Iterator[tuple[Removal, Removal]]:
    """What was just removed here, and the same with the digests of what the other servers have of it: imports
    of the same, and those whose place it took. Once only: what is imported later is another tree."""
    for removal in own.removed:
        if removal.widened:
            continue
        alike = {removal.contents, *removal.replaced}
        same = [tree.digest for peer in world.peers.values() if peer.alive and peer.told is not None
                if (tree := peer.told.trees.get(removal.name)) and alike & {tree.contents, tree.digest}]
        new = dict.fromkeys(digest for digest in same if digest not in removal.digests)
        if removal.name in own.trees:
            new = {}  # it was imported again before anybody could ask
        yield removal, replace(removal, digests=(*removal.digests, *new), widened=True)


def abandoned(world: World, own: Own) -> tuple[str, ...]:
    """Names of trees that were begun to be fetched and are not wanted any more: removed meanwhile, or no
    server has them, and none is away that might."""
    gone, lacks = unwanted(world, own), {one.name for one in lacking(world, own)}
    told = [peer.told for peer in world.peers.values() if peer.alive]
    heard = [one for one in told if one is not None]
    all_heard = len(heard) == len(world.peers)
    return tuple(
        name for name, digest in own.staged.items()
        if digest in gone or (all_heard and name not in lacks and (name in own.trees or not any(
            (tree := one.trees.get(name)) is not None and tree.digest == digest for one in heard)))
    )  # fmt: skip


def unwanted(world: World, own: Own) -> frozenset[str]:
    """Digests of manifests that are not to be fetched: of what was removed, and of the imports whose place it
    had taken."""
    found = [*own.removed, *_everywhere(world)]
    return frozenset(digest for removal in found for digest in (*removal.digests, *removal.replaced))


def _everywhere(world: World) -> Iterator[Removal]:
    """A server that is away has said so all the same."""
    for peer in world.peers.values():
        if peer.told is not None:
            yield from (one for one in peer.told.removed if one.everywhere)


def _offered_names(world: World) -> list[str]:
    told = (peer.told for peer in world.peers.values() if peer.alive)
    return sorted({name for one in told if one is not None for name in one.trees})


def _offers(world: World, own: Own, name: str) -> dict[str, dict[str, Tree]]:
    """By contents, which live servers have it and what each calls it."""
    found: dict[str, dict[str, Tree]] = {}
    gone = unwanted(world, own)
    for server, peer in world.peers.items():
        tree = peer.told.trees.get(name) if peer.alive and peer.told is not None else None
        if tree is not None and not tree.altered and tree.digest not in gone:
            found.setdefault(tree.contents, {})[server] = tree
    return found


def _latest(trees: Iterable[Tree]) -> str | None:
    """The contents that took the place of all others; None: there are none like that.

    First by imports, which are each made once: so an old medium that was imported again is the latest. Then
    by contents: servers may have imported the same medium each by itself.
    """
    known = tuple(trees)
    over = _replaced_by_others(known)
    replaced: dict[str, set[str]] = {}
    for tree in known:
        if tree.digest not in over:
            replaced.setdefault(tree.contents, set()).update(tree.replaces)
    heads = [
        contents for contents in replaced
        if all(other == contents or (other in replaced[contents] and contents not in replaced[other])
               for other in replaced)
    ]
    return heads[0] if len(heads) == 1 else None


def _lack(world: World, own: Own, name: str) -> Lack | None:
    mine = own.trees.get(name)
    if name in own.trees and mine is None:
        return None
    offers = _offers(world, own, name)
    known = [tree for servers in offers.values() for tree in servers.values()]
    latest = _latest(known if mine is None else [*known, mine])
    if latest is None or latest not in offers or (mine is not None and latest == mine.contents):
        return None
    sources, over = offers[latest], _replaced_by_others(known)
    newest = {server: tree for server, tree in sources.items() if tree.digest not in over} or sources
    tree = next(iter(newest.values()))
    return Lack(name, tree, mine.contents if mine is not None else "", sources, newest)


def _replaced_by_others(trees: Iterable[Tree]) -> frozenset[str]:
    """Digests of imports whose place a later one took."""
    return frozenset(digest for tree in trees for digest in tree.replaces)
