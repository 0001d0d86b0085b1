"""The state of install trees on all servers: ours is told to the peers, theirs to the process tree-sync.

Owns the alarms of trees too, and has files rendered anew when a tree has come.

What a peer tells of its trees comes by replication, so it is authentic: the digest of a manifest that was
told is what a fetched one is held against. On the loop; whatever touches a disk is the process's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from twinboot import paths
from twinboot.alarms import Condition, kinds
from twinboot.core.membership.peer import LinkState
from twinboot.tree_sync.logic.codec import Report, told_document, told_of
from twinboot.tree_sync.logic.model import Peer, TreesStatus, World

from ..loop import Agent
from ..replication.replicator import Replicator
from ..replication.site_copies import SiteCopies
from . import view
from .client import TreeSyncClient

TABLE = "tree-sync"
MISSING_ALARM_S = 60.0
_PROGRESS_EVERY_S = 2.0


class TreeSync:
    """compared: the site's trees beside the peers', a word for each server. published: called with the
    folders of the site's trees that are others than before, or were there when the process was first heard.
    """

    def __init__(
        self, agent: Agent, copies: SiteCopies, *, compared: Callable[[str], view.Words],
        published: Callable[[tuple[str, ...]], None], now: Callable[[], float],
    ) -> None:
        self._agent, self._copies, self._compared, self._published = agent, copies, compared, published
        self._now = now
        self._report: Report | None = None
        self._silent_since = now()
        self._told: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None
        self._told_at = 0.0
        self._digests: dict[str, str] | None = None
        self._heard: dict[str, tuple[Mapping[str, Any], TreesStatus | None]] = {}
        self._client: TreeSyncClient | None = None

    def start(self, path: Path = paths.TREE_SYNC_SOCKET) -> None:
        """Needs the running loop."""
        self._client = TreeSyncClient(path, self.world, self.heard)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def world(self) -> World:
        """The news for the process."""
        agent, site = self._agent, self._site()
        seen = agent.view().peers
        peers = {}
        for name, peer in agent.state.peers.items():
            links = seen[name].links.items() if name in seen else ()
            up = [link for link, one in links if one.state is LinkState.UP]
            peers[name] = Peer(peer.alive, view.routes(site, agent.config.me, name, up), self._told_by(name))
        followed = agent.connections().get("followed") or {}
        busy = sum(count for count in followed.values() if isinstance(count, int))
        return World(peers, frozenset(view.folders_of(site)), view.settings_of(site), busy)

    def heard(self, report: Report | None) -> None:
        """The process has said this; None: it says nothing."""
        now = self._now()
        if report is None:
            if self._report is not None:
                self._silent_since = now
            self._report = None
            return
        self._report = report
        self._tell(report.told, now)
        digests = view.digests(report.told, view.folders_of(self._site()))
        before, self._digests = self._digests, digests
        changed = tuple(name for name, one in digests.items() if before is None or before.get(name) != one)
        if changed:
            self._published(changed)

    def shown(self, server: str) -> view.Words:
        """State of each tree on each server, in a word."""
        return view.shown(self._compared(server), self._site(), self._all_told(), server)

    def copies(self) -> dict[str, dict[str, dict[str, Any]]]:
        """How far each copy is, by server and tree."""
        return view.copies(self._all_told())

    def reading(self) -> tuple[str, int, int] | None:
        """The tree that is being read again here, bytes read, and its size."""
        return self._report.reading if self._report is not None else None

    def alarm_conditions(self, server: str) -> Iterator[Condition]:
        report = self._report
        if report is None:
            silent_s = self._now() - self._silent_since
            if silent_s >= MISSING_ALARM_S and view.settings_of(self._site()).enabled:
                yield kinds.TREE_SYNC_MISSING.on(
                    server, "the process that keeps the install trees the same does not answer")
            return
        names = view.folders_of(self._site())
        for folder, text in report.faults.items():
            yield kinds.TREE_NOT_FETCHED.on(
                f"{server}/{folder}", f"the tree {folder} is not made the same here: {text}")
        for folder, found in report.checked.items():
            if found.count:
                for name in names.get(folder, [folder]):
                    yield kinds.TREE_ALTERED.on(f"{server}/{name}", view.altered_text(name, found))

    # Inside -------------------------------------------------------------------------------------

    def _site(self) -> Mapping[str, Any]:
        return self._agent.own_site()

    def _told_by(self, peer: str) -> TreesStatus | None:
        document = self._copies.of(peer)
        if document is None:
            return None
        known = self._heard.get(peer)
        if known is None or known[0] is not document:
            known = self._heard[peer] = document, told_of(document)
        return known[1]

    def _all_told(self) -> dict[str, TreesStatus | None]:
        """What each server tells of its trees: this server first, then the live ones."""
        own = self._report.told if self._report is not None else None
        alive = {name: self._told_by(name) for name, one in self._agent.state.peers.items() if one.alive}
        return {self._agent.config.me: own, **alive}

    def _tell(self, told: TreesStatus, now: float) -> None:
        document = told_document(told)
        lasting = {key: value for key, value in document.items() if key != "copies"}
        passing = {"copies": document["copies"]}
        if self._told is not None and self._told[0] == lasting and (
                self._told[1] == passing or now < self._told_at + _PROGRESS_EVERY_S):
            return
        self._told, self._told_at = (lasting, passing), now
        self._copies.publish(document)


def build_tree_sync(
    agent: Agent, replicator: Replicator, now: Callable[[], float],
    published: Callable[[tuple[str, ...]], None],
) -> TreeSync:
    """After the monitors: what they show of trees is shown with what is being fetched."""
    told = SiteCopies(replicator, TABLE)
    replicator.subscribe(TABLE, told.changed)
    made = TreeSync(agent, told, compared=agent.trees, published=published, now=now)
    agent.trees, agent.tree_copies, agent.tree_reading = made.shown, made.copies, made.reading
    agent.alarms.add_source(made.alarm_conditions)
    return made
