"""Notices that `render` has written a new generation, and makes it work on this server.

Compares what each service was started with and what stands there now, by content, and restarts the
services that differ, one after the other. Runs in the services' thread, for a disk may be slow.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from twinboot.core.effects import LogLevel
from twinboot.daemons import DAEMONS, OnChange
from twinboot.log import log_event

from .health.services import Services

log = logging.getLogger(__name__)

SIDECAR = "sidecar"
SERVICES = {one.etc: one.name for one in DAEMONS if one.on_change is OnChange.RESTART}
"""Which service reads a directory of rendered files, and is restarted when it changes."""
POLL_EVERY_S = 2.0


class Reloader:
    """Looks every 2 s. own_files_changed is called, in the thread, when the sidecar's own files did;
    all_applied when every service runs with what stands there."""

    def __init__(
        self, generations: Generations, services: Services, own_files_changed: Callable[[], None],
        all_applied: Callable[[], None] = lambda: None,
    ) -> None:
        self._generations = generations
        self._all_applied = all_applied
        self._services = services
        self._own_files_changed = own_files_changed
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def settled(self) -> bool:
        """All services, this one included, work with the rendered files that stand there now."""
        return self._generations.settled

    def arm(self) -> None:
        if not self._closed:
            self._timer = self._loop.call_later(POLL_EVERY_S, self._services.submit, self._poll)

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _poll(self) -> None:
        try:
            changed = self._generations.changed()
            if not changed:
                self._all_applied()
            for directory in changed:
                if directory == SIDECAR:
                    self._services.submit(self._apply_own)
                else:
                    self._services.restart(SERVICES[directory], self._outcome(directory))
        except OSError as exc:
            log_event(log, LogLevel.WARNING, "reload-failed", reason=str(exc))
        finally:
            # Queued behind the restarts, so that the next look sees what they did.
            self._services.submit(self._arm_again)

    def _outcome(self, directory: str) -> Callable[[bool], None]:
        return lambda done: self._generations.applied(directory) if done else None

    def _apply_own(self) -> None:
        self._generations.applied(SIDECAR)
        self._own_files_changed()

    def _arm_again(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self.arm)


class Generations:
    """The rendered files below `current`, a symbolic link that moves in one step."""

    def __init__(self, current: Path, started: Mapping[str, str] | None = None) -> None:
        """started: what the services run with; without it, what stands there now."""
        self._current = current
        self._current_path = os.path.realpath(current) if started is None else ""
        self._started = dict(started) if started is not None else _digests(current)

    @property
    def started(self) -> Mapping[str, str]:
        """Digest of what each service runs with, by directory."""
        return dict(self._started)

    @property
    def settled(self) -> bool:
        return os.path.realpath(self._current) == self._current_path

    def changed(self) -> tuple[str, ...]:
        """Directories whose files differ from those their service was started with, the sidecar's last."""
        now = os.path.realpath(self._current)
        if now == self._current_path:
            return ()
        digests = _digests(Path(now))
        different = [name for name in sorted(digests) if self._started.get(name) != digests[name]]
        if not different:
            self._current_path = now
        return tuple(sorted(different, key=lambda name: name == SIDECAR))

    def applied(self, directory: str) -> None:
        """Its service runs with the files of the current generation now."""
        digests = _digests(Path(os.path.realpath(self._current)))
        if directory in digests:
            self._started[directory] = digests[directory]


def _digests(generation: Path) -> dict[str, str]:
    """SHA-256 over every file of each service's directory, names included."""
    found: dict[str, str] = {}
    try:
        directories = [entry for entry in sorted(generation.iterdir()) if entry.name in (SIDECAR, *SERVICES)]
    except OSError:
        return found
    for directory in directories:
        digest = hashlib.sha256()
        for path in sorted(path for path in directory.rglob("*") if path.is_file()):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(directory)}\0{len(content)}\0".encode() + content)
        found[directory.name] = digest.hexdigest()
    return found
