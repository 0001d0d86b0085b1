"""Servers with disks, cables and replication, as far as tree_sync is concerned.

A file is a word; a tree that an import has made, a Version. What a power-off leaves is what stands in Disk.
The model publishes what it is told to publish, without the second look of the real one: so a decision that is
wrong shows.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from twinboot.tree_sync.logic import choosing
from twinboot.tree_sync.logic.jobs import (
    DONE,
    Begin,
    Discard,
    Fetch,
    Job,
    JobOutcome,
    Publish,
    Remove,
    Result,
    Source,
)
from twinboot.tree_sync.logic.model import Own, Peer, Removal, Settings, Tree, TreesStatus, World
from twinboot.tree_sync.logic.sync import Sync

LINKS = ("cable", "lan")
TELLING_S = 2.0
UNIT = 100


@dataclass(frozen=True)
class Version:
    """What one import has made."""

    tree: Tree
    files: Mapping[str, str]


@dataclass
class Staged:
    """tree: the one whose manifest lies there. partial: what is there of files that are not whole."""

    version: Version
    whole: set[str] = field(default_factory=set)
    partial: dict[str, str] = field(default_factory=dict)


@dataclass
class Disk:
    """What outlives the process. published: the version, and the files as they are."""

    published: dict[str, tuple[Version, dict[str, str]]] = field(default_factory=dict)
    staged: dict[str, Staged] = field(default_factory=dict)
    removed: list[Removal] = field(default_factory=list)
    full: bool = False

    def own(self) -> Own:
        return Own({name: version.tree for name, (version, _) in self.published.items()},
                   tuple(self.removed), {name: one.version.tree.digest for name, one in self.staged.items()})


@dataclass
class Server:
    """up: has power. told: what the others have heard of it last."""

    name: str
    disk: Disk = field(default_factory=Disk)
    up: bool = True
    sync: Sync = field(default_factory=Sync)
    told: TreesStatus = field(default_factory=TreesStatus)
    told_at: float = 0.0
    faults: dict[str, str] = field(default_factory=dict)

    def begin_anew(self) -> None:
        self.sync = Sync()


class Cluster:
    """servers; down: cut links by pair and name; forging: links on which somebody changes what passes."""

    def __init__(self, count: int, draw: random.Random) -> None:
        self.servers = {f"server{number}": Server(f"server{number}") for number in range(1, count + 1)}
        self.draw, self.now, self.numbers = draw, 0.0, 0
        self.cut: set[tuple[frozenset[str], str]] = set()
        self.forging: set[str] = set()
        self.versions: dict[str, Version] = {}
        self.kills, self.breaks = 0.0, 0.1
        """How likely a process dies in the middle of a job, and a connection in the middle of a file."""
        self.files_most = 6
        self.watch: list[Callable[[Server, Job, Result], None]] = []

    # Acts ---------------------------------------------------------------------------------------

    def version(self, name: str, replaces: tuple[str, ...] = (), *, like: Version | None = None) -> Version:
        self.numbers += 1
        count = self.draw.randint(1, self.files_most)
        files = like.files if like is not None else {
            f"{name}/{at}": f"{name}-{self.numbers}-{at}" for at in range(count)}
        contents = like.tree.contents if like is not None else f"contents-{self.numbers}"
        tree = Tree(f"digest-{self.numbers}", contents, UNIT * len(files), len(files), replaces)
        made = self.versions[tree.digest] = Version(tree, files)
        return made

    def imports(self, server: Server, name: str, *, like: Version | None = None) -> Version:
        """As `twinboot import`, with --replace where there is one."""
        there = server.disk.published.get(name)
        before = there[0].tree if there is not None else None
        old = (before.digest, before.contents, *before.replaces) if before is not None else ()
        made = self.version(name, old, like=like)
        server.disk.published[name] = made, dict(made.files)
        return made

    def removes(self, server: Server, name: str, *, everywhere: bool) -> None:
        version, _ = server.disk.published.pop(name)
        tree = version.tree
        server.disk.removed.append(Removal(name, (tree.digest,), tree.contents, everywhere, tree.replaces,
                                           widened=False))
        self._widen(server)

    def _widen(self, server: Server) -> None:
        """As the process does soon after."""
        for known, more in list(choosing.widened(self.world_of(server), server.disk.own())):
            server.disk.removed[server.disk.removed.index(known)] = more

    def kill(self, server: Server) -> None:
        """The process or the power: what was only in memory is gone."""
        server.begin_anew()

    # Time ---------------------------------------------------------------------------------------

    def tick(self, step_s: float) -> None:
        """Each server that is up does what it can in so long."""
        self.now += step_s
        for server in self.servers.values():
            if server.up:
                self._work(server)

    def _work(self, server: Server) -> None:
        if self.now >= server.told_at + TELLING_S:
            own = server.disk.own()
            trees = {name: tree for name, tree in own.trees.items() if tree is not None}
            server.told = TreesStatus(trees, own.removed)
            server.told_at = self.now
        for _ in range(4):
            server.sync.learn(self.world_of(server), server.disk.own(), self.now)
            job = server.sync.next(self.now)
            if job is None:
                break
            if self.draw.random() < self.kills:
                self._half_done(server, job)
                self.kill(server)
                break
            result = self._carried_out(server, job)
            for look in self.watch:
                look(server, job, result)
            server.sync.ended(job, result, self.now)
        server.faults = server.sync.faults(self.now)

    def world_of(self, server: Server) -> World:
        peers = {}
        for other in self.servers.values():
            if other is server:
                continue
            heard = other.up and any(self._open(server.name, other.name, link) for link in LINKS)
            routes = tuple(f"{other.name}-{link}" for link in LINKS)
            peers[other.name] = Peer(heard, routes, other.told)
        return World(peers, frozenset(), Settings())

    def _open(self, one: str, other: str, link: str) -> bool:
        return (frozenset((one, other)), link) not in self.cut

    # Jobs, as host/carrying.py does them ----------------------------------------------------------

    def _carried_out(self, server: Server, job: Job) -> Result:
        disk = server.disk
        match job:
            case Begin():
                return self._begin(server, job)
            case Fetch():
                return self._fetch(server, job)
            case Publish():
                staged = disk.staged.pop(job.name)
                files = {path: staged.partial[path] for path in staged.whole}
                disk.published[job.name] = staged.version, files
                return DONE
            case Remove():
                there = disk.published.get(job.removal.name)
                if there is not None and there[0].tree.digest == job.digest:
                    del disk.published[job.removal.name]
                    disk.removed.append(replace(job.removal, everywhere=True))
                return DONE
            case Discard():
                disk.staged.pop(job.name, None)
                return DONE

    def _asked(
        self, server: Server, source: Source, name: str
    ) -> tuple[Version, dict[str, str]] | Result:
        other = self.servers[source.peer]
        if not other.up or not self._open(server.name, source.peer, source.address.rpartition("-")[2]):
            return Result(JobOutcome.UNREACHABLE, "no answer")
        return other.disk.published.get(name) or Result(JobOutcome.GONE, "404")

    def _begin(self, server: Server, job: Begin) -> Result:
        found = self._asked(server, job.source, job.name)
        if isinstance(found, Result):
            return found
        version, _ = found
        forged = job.source.address.rpartition("-")[2] in self.forging
        if forged or version.tree.digest != job.tree.digest:
            return Result(JobOutcome.WRONG, "another manifest")
        if server.disk.full:
            return Result(JobOutcome.NO_ROOM, "no room")
        staged = server.disk.staged.get(job.name)
        if staged is None or staged.version.tree.contents != version.tree.contents:
            staged = Staged(version)
        staged.version = version
        server.disk.staged[job.name] = staged
        lacking = tuple((path, UNIT) for path in version.files if path not in staged.whole)
        return Result(JobOutcome.DONE, lacking=lacking, done=UNIT * len(staged.whole))

    def _fetch(self, server: Server, job: Fetch) -> Result:
        staged = server.disk.staged.get(job.name)
        if staged is None:
            return Result(JobOutcome.BUSY)
        found = self._asked(server, job.source, job.name)
        if isinstance(found, Result):
            return found
        if server.disk.full:
            return Result(JobOutcome.NO_ROOM, "full")
        _, files = found
        if job.path not in files:
            return Result(JobOutcome.GONE, "404")
        word = files[job.path]
        if job.source.address.rpartition("-")[2] in self.forging:
            word = "forged"
        wanted = staged.version.files[job.path]
        if self.draw.random() < self.breaks:
            staged.partial[job.path] = word[: len(word) // 2]
            return Result(JobOutcome.CUT, "cut")
        begun = staged.partial.get(job.path, "")
        whole = begun + word[len(begun):]
        if whole != wanted:
            whole = word  # from its beginning
        if whole != wanted:
            staged.partial.pop(job.path, None)
            return Result(JobOutcome.WRONG, "another content")
        staged.partial[job.path] = whole
        staged.whole.add(job.path)
        return DONE

    def _half_done(self, server: Server, job: Job) -> None:
        """What the end of the process in the middle of it may leave: a rename was done or not."""
        if isinstance(job, Fetch) and job.name in server.disk.staged:
            staged = server.disk.staged[job.name]
            staged.partial.setdefault(job.path, staged.version.files[job.path][:1])
        elif not isinstance(job, Fetch) and self.draw.random() < 0.5:
            self._carried_out(server, job)
