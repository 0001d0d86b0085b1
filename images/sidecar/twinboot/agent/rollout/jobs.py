"""What takes long: checking a proposal, writing, comparing, rendering; in a thread of its own.

A proposal is checked by the very command that `make up` runs (`twinboot check`), as a process of its own with
the lowest priority: a walk through the install trees must not delay a heartbeat.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from twinboot import daemons, paths
from twinboot.adapters.records.site_texts import SiteTexts
from twinboot.core.effects import LogLevel
from twinboot.errors import ResourceError
from twinboot.log import log_event
from twinboot.rollout.model import Checked, Committed, Event, Judged, Proposal, SiteKept, Vote
from twinboot.rollout.record import Record
from twinboot.wire.ipc.engine_proxy import NOT_UNDERSTOOD

from ..settings import settings_for
from ..worker import Worker
from .begin import RecordFile, Renderer, render_committed, version_of

if TYPE_CHECKING:
    from twinboot.site import Site

log = logging.getLogger(__name__)

_CHECK_LIMIT_S = 100.0
_MAX_FAULTS = 20
_RUN = "import os; os.nice(19); from twinboot.cli import main; main()"


class Jobs:
    """post: called with each outcome, in the thread."""

    def __init__(self, *, server: str, config: Path, current: Path, file: RecordFile, record: Record,
                 engine: Renderer, post: Callable[[Event], None], before_render: Callable[[], None],
                 trees: Path = paths.TREES, kept: SiteTexts | None = None) -> None:
        """kept: the texts of all sites that were in use here; None: they are not kept."""
        self._kept_texts = kept
        self._before_render, self._trees = before_render, trees
        self._server, self._config, self._current = server, config, current
        self._file, self._engine, self._post = file, engine, post
        self.record = record
        self._checks = Worker("site-checks")
        self._disk = Worker("site")

    def close(self) -> None:
        self._checks.close(0.0)
        self._disk.close(0.0)

    # Checking -----------------------------------------------------------------------------------

    def check(self, proposal: Proposal) -> None:
        base = self.record.committed.text
        self._checks.submit(lambda: self._check(proposal, base))

    def _check(self, proposal: Proposal, base: str) -> None:
        try:
            faults, notes = self._findings(proposal, base)
        except (OSError, ValueError, subprocess.SubprocessError) as exc:
            faults, notes = (f"the check failed: {exc}",), ()
        self._post(Checked(Vote(proposal.version, proposal.proposer, faults[:_MAX_FAULTS], notes)))

    def _findings(self, proposal: Proposal, base: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        from twinboot.site import SiteError, loads
        from twinboot.site.transition import transition_faults

        try:
            if version_of(proposal.text, proposal.version.number) != proposal.version:
                return ("this release reads the site file as another one: upgrade this server first",), ()
            new = loads(proposal.text)
            between = tuple(str(fault) for fault in transition_faults(loads(base), new))
        except SiteError as exc:
            return tuple(str(fault) for fault in exc.faults), ()
        if between or self._server not in new.servers:
            return between, ()  # a server that the new site does not name has nothing to look at
        try:
            self._engine.create(daemons.RENDER)  # `docker container prune` takes it, for it has ended
        except ResourceError as exc:
            if exc.resource != NOT_UNDERSTOOD:  # an older engine proxy
                return (f"nothing could write the new files here: {exc}: `make up` on {self._server}",), ()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "site.yaml"
            path.write_text(proposal.text, encoding="utf-8")
            said = subprocess.run(
                [sys.executable, "-I", "-c", _RUN, "check", "--site", str(path), "--config",
                 str(self._config), "--server", self._server, "--running",
                 " ".join((*daemons.names(), daemons.TAKEOVER, "sidecar"))],
                capture_output=True, text=True, timeout=_CHECK_LIMIT_S, check=False,
                env={**os.environ, "TERM": "dumb"},
            )
        lines = said.stdout.splitlines()
        faults = tuple(line.removeprefix("FAULT").strip() for line in lines if line.startswith("FAULT"))
        if said.returncode and not faults:
            last = (said.stderr.strip().splitlines() or ["no reason"])[-1]
            faults = (f"the check ended with {said.returncode}: {last}",)
        return faults, tuple(self._afterwards(loads(base), new))

    def _afterwards(self, old: object, new: object) -> list[str]:
        """What a change asks for beside the files: parts of the stack, which only Compose can make."""
        from twinboot.site import Site
        from twinboot.site.stack_parts import wanted

        assert isinstance(old, Site)
        assert isinstance(new, Site)
        before = wanted(old, self._server) if self._server in old.servers else {}
        changed = [name for name, value in wanted(new, self._server).items() if before.get(name) != value]
        if not changed:
            return []
        return [f"{', '.join(changed)} change: type `make up` on {self._server} afterwards"]

    # Writing, comparing, rendering --------------------------------------------------------------

    def keep(self, committed: Committed, seen: int) -> None:
        self._disk.submit(lambda: self._post(SiteKept(committed, seen, self._keep(committed, seen))))

    def _keep(self, committed: Committed, seen: int) -> str:
        from twinboot.site import SiteError

        try:
            if committed.version != self.record.committed.version \
                    and version_of(committed.text, committed.version.number) != committed.version:
                return f"site {committed.version.number} is read as another one by this release: upgrade it"
            fault = self._write(self.record.keep(committed, seen))
            if not fault:
                self._keep_text(committed)
            return fault
        except SiteError as exc:
            return f"site {committed.version.number} cannot be read by this release: {exc.faults[0]}"

    def keep_texts(self) -> None:
        """Keeps the texts of the record's sites: an older release kept the record alone."""
        for one in (self.record.previous, self.record.committed):
            if one is not None:
                self._disk.submit(partial(self._keep_text, one))

    def _keep_text(self, one: Committed) -> None:
        if self._kept_texts is None:
            return
        head = {"number": one.version.number, "digest": one.version.digest.hex(), **asdict(one.by)}
        try:
            self._kept_texts.add(head, one.text)
        except ResourceError as exc:
            log_event(log, LogLevel.WARNING, "site-text-not-kept", reason=str(exc))

    def note_heard(self, servers: tuple[str, ...]) -> None:
        """These were heard: from now on they are missed when they are away."""
        self._disk.submit(lambda: self._note_heard(servers))

    def _note_heard(self, servers: tuple[str, ...]) -> None:
        self._write(replace(self.record, heard=servers))

    def _write(self, record: Record) -> str:
        try:
            self._file.write(record.encode())
        except ResourceError as exc:
            return str(exc)
        self.record = record
        return ""

    def judge(self, committed: Committed) -> None:
        self._disk.submit(lambda: self._post(self._judge(committed)))

    def _judge(self, committed: Committed) -> Judged:
        from twinboot.site import SiteError, loads

        try:
            new = loads(committed.text)
        except SiteError:
            return Judged(committed.version, False, ())
        return Judged(committed.version, self._in_place(new), tuple(new.servers))

    def _in_place(self, new: Site) -> bool:
        """Whether an agent would work by the same settings; other keys are taken over without a move."""
        from twinboot.site import SiteError, load

        if self._server not in new.servers:
            return False
        try:
            old = load(self._current / "sidecar" / "site.json")
        except SiteError:
            return False
        before, after = settings_for(old, self._server), settings_for(new, self._server)
        return replace(after, keys=before.keys) == before

    def render(self, committed: Committed, done: Callable[[str], None]) -> None:
        """Have the files written; the Reloader then restarts what they changed. done: with the fault."""
        self._disk.submit(lambda: done(
            render_committed(committed.version, self._current, self._engine, self._before_render)
        ))

    def render_for_trees(self, folders: tuple[str, ...]) -> None:
        """Have the files written once more, if one of the trees came after they were."""
        self._disk.submit(lambda: self._render_for_trees(folders))

    def _render_for_trees(self, folders: tuple[str, ...]) -> None:
        try:
            written = self._current.lstat().st_mtime
            came = [name for name in folders if (self._trees / name).stat().st_ctime >= written]
        except OSError:
            return
        if not came:
            return
        self._before_render()
        try:
            self._engine.start(daemons.RENDER)
        except ResourceError as exc:
            log_event(log, LogLevel.WARNING, "not-rendered-for-tree", tree=came[0], reason=str(exc))
        else:
            log_event(log, LogLevel.INFO, "rendered-for-tree", tree=came[0], trees=len(came))

    def submit(self, job: Callable[[], None]) -> None:
        self._disk.submit(job)
