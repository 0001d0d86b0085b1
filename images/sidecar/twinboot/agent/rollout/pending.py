"""Daemons that are still to be restarted with new files: remembered over a death of the agent.

Before `render` writes another site's files, what the daemons run with is noted; when all that differ were
restarted it is forgotten. An agent that died in between finds the note, and restarts what is left.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from twinboot.core.effects import LogLevel
from twinboot.errors import ResourceError
from twinboot.log import log_event

from .begin import RecordFile

log = logging.getLogger(__name__)

MAX_BYTES = 1 << 16


class PendingRestarts:
    """The note on the disk: by directory of rendered files the digest of what its service runs with."""

    def __init__(self, file: RecordFile) -> None:
        self._file = file
        self._noted: bool | None = None

    def read(self) -> Mapping[str, str] | None:
        """The pending site; None: nothing is pending."""
        try:
            data = self._file.read()
            said = json.loads(data) if data else None
        except (ResourceError, ValueError) as exc:
            log_event(log, LogLevel.WARNING, "restarts-unreadable", reason=str(exc))
            said = None
        self._noted = isinstance(said, dict)
        return {str(name): str(digest) for name, digest in said.items()} if isinstance(said, dict) else None

    def note(self, digests: Mapping[str, str]) -> None:
        self._write(json.dumps(dict(digests)).encode())
        self._noted = True

    def forget(self) -> None:
        if self._noted is not False:
            self._write(b"")
            self._noted = False

    def _write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except ResourceError as exc:
            log_event(log, LogLevel.WARNING, "restarts-not-noted", reason=str(exc))
