"""What the threads share, and the threads: one that fetches, one that reads trees again, one that looks.

Everything that decides is in `logic`; one lock keeps it to one thread at a time, and nobody waits for a disk
or a server while having it.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from pathlib import Path

from twinboot.core.effects import LogLevel
from twinboot.log import log_event
from twinboot.trees import removals
from twinboot.trees.manifest import ManifestError
from twinboot.trees.tree_store import BusyError, TreeStore

from ..logic import checking, choosing
from ..logic.codec import Report
from ..logic.jobs import Discard, Fetch, Job, JobOutcome, Publish, Remove, Result
from ..logic.model import Own, Progress, Settings, TreesStatus, World
from ..logic.pacing import Pacer
from ..logic.sync import Sync
from .carrying import Carrier, Stopped
from .checks import Checks
from .http import Client
from .own_trees import OwnTrees

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
IDLE_S = 0.5
NEWS_LIMIT_S = 10.0
"""Without news of the sidecar for so long nobody knows what the others have: nothing is begun."""
LET_GO_S = 5.0
"""With nothing to do for so long, the lock of a half-fetched tree is let go of."""
_RETRY_S = 60.0
_BUSY_SHARE = 0.25
"""Share of the rate at which trees are read, while clients download."""
_OFF = Settings(enabled=False)


class Process:
    """trees: the folder of the trees."""

    def __init__(self, trees: Path, client: Client | None = None) -> None:
        self._place, self._look = TreeStore(trees), OwnTrees(trees)
        self._lock = threading.Lock()
        self._sync = Sync()
        self._world, self._own = World(settings=_OFF), Own()
        self._heard_at: float | None = None
        self._fetch_pace, self._check_pace = Pacer(), Pacer()
        self._carrier = Carrier(trees, self._came, client)
        self._checks = Checks(trees, self._read, time.time)
        self._reading: tuple[str, int, int] | None = None
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=run, name=name, daemon=True)
            for name, run in (("fetch", self._fetch), ("check", self._check), ("look", self._watch))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self, limit_s: float = 2.0) -> None:
        """Does not wait for long: a disk may hang, and nothing is lost."""
        self._ended.set()
        until = time.monotonic() + limit_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def exchange(self, world: World) -> Report:
        """The sidecar's news, and what is to be said to it."""
        now = time.monotonic()
        checked = {name: one.altered for name, one in self._checks.found().items()}
        with self._lock:
            self._world, self._heard_at = world, now
            self._fetch_pace.set_rate(world.settings.fetch_rate)
            self._check_pace.set_rate(world.settings.check_rate * (_BUSY_SHARE if world.busy else 1.0))
            self._sync.learn(world, self._own, now)
            trees = {name: replace(tree, altered=checked[name].count if name in checked else 0)
                     for name, tree in self._own.trees.items() if tree is not None}
            waiting = {name: Progress("", 0, 0) for name in self._own.staged}
            told = TreesStatus(trees, self._own.removed, {**waiting, **self._sync.progress(now)})
            return Report(told, self._sync.faults(now), checked, self._reading)

    # The thread that looks ----------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            self._see()

    def _see(self) -> None:
        try:
            own = self._look.own()
        except OSError as exc:
            log_event(log, LogLevel.WARNING, "trees-not-seen", reason=exc.strerror or str(exc))
            return
        now = time.monotonic()
        with self._lock:
            self._own = own
            self._sync.learn(self._world, own, now)
        self._widen(own, now)

    def _widen(self, own: Own, now: float) -> None:
        with self._lock:
            world, heard_at = self._world, self._heard_at
        if heard_at is None or now > heard_at + NEWS_LIMIT_S:
            return
        for _, more in choosing.widened(world, own):
            try:
                removals.note(self._place, removals.Removed(
                    more.name, more.digests, more.contents, more.everywhere, int(time.time()), more.replaced,
                    more.widened))
            except (OSError, BusyError):
                return  # it is read-only, or somebody else notes one: next time

    # The thread that fetches --------------------------------------------------------------------

    def _fetch(self) -> None:
        self._see()
        idle_since: float | None = None
        while not self._ended.is_set():
            now = time.monotonic()
            job = self._next(now)
            if job is None:
                idle_since = now if idle_since is None else idle_since
                if now > idle_since + LET_GO_S:
                    self._carrier.close()
                self._ended.wait(IDLE_S)
                continue
            idle_since = None
            result = self._carried_out(job)
            with self._lock:
                self._sync.ended(job, result, time.monotonic())
            if isinstance(job, Publish) and result.outcome is JobOutcome.DONE and not result.again:
                self._checks.proven(job.name, job.tree.digest)
            if isinstance(job, Publish | Remove | Discard):
                self._see()
        self._carrier.close()

    def _next(self, now: float) -> Job | None:
        with self._lock:
            if self._heard_at is None or now > self._heard_at + NEWS_LIMIT_S:
                return None
            return self._sync.next(now)

    def _carried_out(self, job: Job) -> Result:
        try:
            result = self._carrier.carry_out(job)
        except Exception as exc:
            log.exception("a job failed: %r", job)
            result = Result(JobOutcome.DISK, f"{type(exc).__name__}: {exc}")
        name = job.removal.name if isinstance(job, Remove) else job.name
        if result.outcome not in (JobOutcome.DONE, JobOutcome.BUSY, JobOutcome.STOPPED):
            log_event(log, LogLevel.WARNING, "tree-job-failed", tree=name, job=type(job).__name__.lower(),
                      outcome=result.outcome.name.lower(), reason=result.text)
        elif result.outcome is JobOutcome.DONE and not result.again and not isinstance(job, Fetch):
            log_event(log, LogLevel.INFO, f"tree-{type(job).__name__.lower()}-done", tree=name)
        return result

    def _came(self, size: int, came: bool) -> None:
        """The fetching thread has bytes of a file: wait as long as is due."""
        now = time.monotonic()
        with self._lock:
            self._sync.advance(size, now, came=came)
            wait_s = self._fetch_pace.wait_s(size, now) if came else 0.0
        if self._ended.wait(wait_s) if wait_s else self._ended.is_set():
            raise Stopped

    # The thread that reads the trees again ------------------------------------------------------

    def _check(self) -> None:
        failed: dict[str, float] = {}
        while not self._ended.wait(LOOK_EVERY_S):
            with self._lock:
                own, settings = self._own, self._world.settings
            try:
                self._checks.look_again(own)
                now = time.monotonic()
                rest = replace(own, trees={
                    name: one for name, one in own.trees.items() if failed.get(name, 0.0) <= now})
                name, _ = checking.due(rest, self._checks.times(), settings, time.time())
                if name is not None and self._heard_at is not None:
                    self._check_one(name, rest, failed)
            except Stopped:
                return

    def _check_one(self, name: str, own: Own, failed: dict[str, float]) -> None:
        tree = own.trees[name]
        assert tree is not None
        self._reading = name, 0, tree.size
        try:
            differing = self._checks.check(name)
        except (OSError, ManifestError) as exc:
            failed[name] = time.monotonic() + _RETRY_S
            log_event(log, LogLevel.WARNING, "tree-not-checked", tree=name, reason=str(exc))
            return
        finally:
            self._reading = None
        level = LogLevel.WARNING if differing else LogLevel.INFO
        first = differing[0].path if differing else ""
        log_event(log, level, "tree-checked", tree=name, differing=len(differing), first=first)

    def _read(self, size: int) -> None:
        now = time.monotonic()
        if self._reading is not None:
            name, done, whole = self._reading
            self._reading = name, min(whole, done + size), whole
        with self._lock:
            wait_s = self._check_pace.wait_s(size, now)
        if self._ended.wait(wait_s) if wait_s else self._ended.is_set():
            raise Stopped
