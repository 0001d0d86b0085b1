"""Which server and address a file is asked of, and how long one that failed is left alone.

* An address that does not answer rests for half a second, then twice as long each time, up to MOST_REST_S;
  one that breaks off in mid-file, having given something, for CUT_REST_S.
* An address that gave something else than its server has told is not asked for that tree again before
  DISTRUST_S, or before the server tells of another one. By its other address it is: who stands in between on
  the LAN does not stand on the crossover cable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .jobs import Source
from .model import Tree, World

FIRST_REST_S, MOST_REST_S = 0.5, 60.0
CUT_REST_S = 1.0
GONE_REST_S = 30.0
FORGET_S = 300.0
DISTRUST_S = 3600.0


@dataclass(slots=True)
class _Rest:
    failures: int = 0
    until: float = 0.0


class Sources:
    """What is known of the other servers, as far as fetching goes."""

    def __init__(self) -> None:
        self._rests: dict[Source, _Rest] = {}
        self._distrusted: dict[tuple[Source, str], tuple[float, str]] = {}

    def choose(
        self, world: World, trees: Mapping[str, Tree], last: Source | None, now: float
    ) -> Source | None:
        """The best one that may be asked now. trees: by server. last: stays chosen while it does not rest."""
        ready = [one for one in self._known(world, trees, now) if self._rest(one).until <= now]
        if last in ready:
            return last
        return min(ready, key=lambda one: self._failures(one, now), default=None)  # the first of equal ones

    def answered(self, source: Source) -> None:
        self._rests.pop(source, None)

    def failed(self, source: Source, now: float) -> None:
        rest = self._rests.setdefault(source, _Rest())
        if now > rest.until + FORGET_S:
            rest.failures = 0
        rest.until = now + min(MOST_REST_S, FIRST_REST_S * 2**min(rest.failures, 10))
        rest.failures += 1

    def cut(self, source: Source, now: float) -> None:
        rest = self._rests.setdefault(source, _Rest())
        rest.failures, rest.until = 1, now + CUT_REST_S

    def gone(self, world: World, peer: str, now: float) -> None:
        """Notes that a peer does not have the file now, at any of its addresses."""
        for address in world.peers[peer].routes if peer in world.peers else ():
            rest = self._rests.setdefault(Source(peer, address), _Rest())
            rest.failures, rest.until = max(1, rest.failures), now + GONE_REST_S

    def distrust(self, source: Source, digest: str, text: str, now: float) -> None:
        self._distrusted = {key: one for key, one in self._distrusted.items() if one[0] > now}
        self._distrusted[source, digest] = now + DISTRUST_S, text

    def distrusted(self, world: World, now: float) -> dict[tuple[str, str], str]:
        """By server and name of a tree that it tells of still, why it is not asked by one of its
        addresses."""
        found = {}
        for server, peer in world.peers.items():
            for name, tree in (peer.told.trees if peer.told is not None else {}).items():
                for address in peer.routes:
                    until, text = self._distrusted.get((Source(server, address), tree.digest), (0.0, ""))
                    if until > now:
                        found[server, name] = text
        return found

    def _known(self, world: World, trees: Mapping[str, Tree], now: float) -> list[Source]:
        """The best way of each server before the second one of any."""
        found = [
            (place, source) for server, tree in trees.items() if world.peers[server].alive
            for place, source in enumerate(Source(server, one) for one in world.peers[server].routes)
            if self._distrusted.get((source, tree.digest), (0.0, ""))[0] <= now
        ]
        return [source for _, source in sorted(found, key=lambda one: one[0])]

    def _rest(self, source: Source) -> _Rest:
        return self._rests.get(source, _Rest())

    def _failures(self, source: Source, now: float) -> int:
        rest = self._rest(source)
        return rest.failures if now <= rest.until + FORGET_S else 0
