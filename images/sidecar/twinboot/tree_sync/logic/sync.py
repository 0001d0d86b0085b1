"""The one who decides: jobs one after the other, results in, faults and progress out.

One tree at a time, one file at a time: the servers' disks and cables have installs to serve. The invariant:
Publish is asked for only after every file that was lacking has come and was right; whoever carries the jobs
out looks once more, and publishes in one step. Nothing here is kept over a restart: what is on the disk says
how far it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from . import choosing
from .choosing import Lack
from .jobs import Begin, Discard, Fetch, Job, JobOutcome, Publish, Remove, Result, Source
from .model import Own, Progress, World
from .pacing import Speed
from .sources import Sources

PAUSE_S = 60.0
"""Pause after a fault of this server's own disk."""
BUSY_PAUSE_S = 5.0
ROUNDS = 3
"""So often files may turn out to be missing when all had come."""
_OF_THE_PEER = frozenset({JobOutcome.UNREACHABLE, JobOutcome.CUT, JobOutcome.GONE, JobOutcome.WRONG})


@dataclass(slots=True)
class _Copy:
    """The tree that is being fetched. todo: None before Begin was done."""

    lack: Lack
    source: Source | None = None
    todo: deque[tuple[str, int]] | None = None
    done: int = 0
    coming: int = 0
    rounds: int = 0
    speed: Speed = field(default_factory=Speed)


class Sync:
    """For one server. Times are monotonic seconds. After Publish, Remove and Discard learn() comes before
    next()."""

    def __init__(self) -> None:
        self._world, self._own = World(), Own()
        self._sources = Sources()
        self._copy: _Copy | None = None
        self._paused: dict[str, float] = {}
        self._faults: dict[str, str] = {}
        self._now = 0.0

    def learn(self, world: World, own: Own, now: float) -> None:
        """Takes what is known now of all servers and of this one's disk."""
        self._world, self._own = world, own
        lacks = {one.name: one for one in choosing.lacking(world, own)}
        due = {removal.name for removal, _ in choosing.removals_due(world, own)}
        self._faults = {name: text for name, text in self._faults.items() if name in lacks or name in due}
        copy = self._copy
        if copy is None:
            return
        lack = lacks.get(copy.lack.name)
        if lack is None or lack.tree.contents != copy.lack.tree.contents \
                or lack.instead_of != copy.lack.instead_of:
            self._copy = None
        else:
            copy.lack = lack

    def next(self, now: float) -> Job | None:
        """What to do now; None: nothing, for the moment."""
        return self._cleaning(now) or self._fetching(now)

    def advance(self, size: int, now: float, *, came: bool) -> None:
        """So many bytes of the file that is asked for are there. came: by now, from its server."""
        if self._copy is not None:
            self._copy.coming += size
            if came:
                self._copy.speed.add(size, now)

    def ended(self, job: Job, result: Result, now: float) -> None:
        """Takes what came of the job that next() gave last."""
        self._now = now
        name = job.removal.name if isinstance(job, Remove) else job.name
        copy = self._copy
        if copy is not None:
            copy.coming = 0
        if result.outcome in _OF_THE_PEER and isinstance(job, Begin | Fetch):
            self._peer_failed(job, result, now)
        elif result.outcome is JobOutcome.DONE:
            self._faults.pop(name, None)
            self._paused.pop(name, None)
            if isinstance(job, Begin | Fetch):
                self._sources.answered(job.source)
            if copy is not None and copy.lack.name == name:
                self._went_on(copy, job, result)
        elif result.outcome is not JobOutcome.STOPPED:
            busy = result.outcome is JobOutcome.BUSY
            self._paused[name] = now + (BUSY_PAUSE_S if busy else PAUSE_S)
            if not busy:
                self._faults[name] = result.text
            if copy is not None and copy.lack.name == name:
                self._copy = None

    def faults(self, now: float) -> dict[str, str]:
        """By tree, what keeps it from being made the same here, in words."""
        found: dict[str, str] = {}
        for (_, name), text in self._sources.distrusted(self._world, now).items():
            found.setdefault(name, text)
        for name in choosing.undecided(self._world, self._own):
            found[name] = "the other servers have different trees of this name"
        return {**found, **self._faults}

    def progress(self, now: float) -> Mapping[str, Progress]:
        """How far the tree is that is being fetched, by its name; empty: none is."""
        copy = self._copy
        if copy is None or copy.todo is None:
            return {}
        size, done = copy.lack.tree.size, copy.done + copy.coming
        source = copy.source.peer if copy.source is not None else ""
        left_s = copy.speed.left_s(max(0, size - done), now)
        return {copy.lack.name: Progress(source, min(done, size), size, left_s)}

    # Inside -------------------------------------------------------------------------------------

    def _cleaning(self, now: float) -> Job | None:
        if not self._world.settings.enabled:
            return None
        for removal, tree in choosing.removals_due(self._world, self._own):
            if removal.name in self._world.used:
                self._faults[removal.name] = "it was removed on another server, and the site in use uses it"
            elif self._paused.get(removal.name, 0.0) <= now:
                return Remove(removal, tree.digest)
        for name in choosing.abandoned(self._world, self._own):
            if self._paused.get(name, 0.0) <= now:
                return Discard(name)
        return None

    def _fetching(self, now: float) -> Job | None:
        for lack in self._candidates(now):
            if self._copy is None or self._copy.lack.name != lack.name:
                self._copy = _Copy(lack)
            copy = self._copy
            if copy.todo is not None and not copy.todo:
                return Publish(lack.name, lack.tree, lack.instead_of)
            trees = lack.latest if copy.todo is None else lack.sources
            copy.source = self._sources.choose(self._world, trees, copy.source, now)
            if copy.source is None:
                continue  # all of its servers rest: meanwhile the next tree
            tree = trees[copy.source.peer]
            if copy.todo is None:
                return Begin(lack.name, tree, copy.source)
            path, size = copy.todo[0]
            return Fetch(lack.name, tree, path, size, copy.source)
        return None

    def _candidates(self, now: float) -> list[Lack]:
        """The tree that was begun, then the others."""
        found = [one for one in choosing.lacking(self._world, self._own)
                 if self._paused.get(one.name, 0.0) <= now]
        begun = self._copy.lack.name if self._copy is not None else ""
        return sorted(found, key=lambda one: one.name != begun)

    def _went_on(self, copy: _Copy, job: Job, result: Result) -> None:
        if isinstance(job, Begin) or (isinstance(job, Publish) and result.again):
            copy.todo = deque(result.lacking)
            copy.done = result.done
            copy.rounds += 1
            if copy.rounds > ROUNDS:
                self._copy, self._paused[job.name] = None, self._now + PAUSE_S
                self._faults[job.name] = "its files change on the disk while it is fetched"
        elif isinstance(job, Fetch):
            assert copy.todo is not None
            if copy.todo and copy.todo[0][0] == job.path:
                copy.todo.popleft()
                copy.done += job.size
        else:
            self._copy = None

    def _peer_failed(self, job: Begin | Fetch, result: Result, now: float) -> None:
        if result.outcome is JobOutcome.WRONG:
            self._sources.distrust(job.source, job.tree.digest, result.text, now)
        elif result.outcome is JobOutcome.GONE:
            self._sources.gone(self._world, job.source.peer, now)
        elif result.outcome is JobOutcome.CUT:
            self._sources.cut(job.source, now)
        else:
            self._sources.failed(job.source, now)
