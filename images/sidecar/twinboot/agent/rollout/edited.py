"""Whether the operator's file is the committed site, an earlier one, or an edited one.

/config is read-only here: what an operator writes there is never touched, and counts when it is applied.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from twinboot.rollout.record import Record

from .begin import version_of

LOOK_EVERY_S = 3.0


class FileState(Enum):
    """State of config/site.yaml, compared with the committed site."""

    UNKNOWN = "unknown"
    SAME = "same"
    EARLIER = "earlier"
    EDITED = "edited"
    FAULTY = "faulty"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """state: as above. number: of the earlier site. fault: the first one of a file that has any."""

    state: FileState
    number: int = 0
    fault: str = ""


class EditedFile:
    """submit: runs a job in a thread. record: the present one."""

    def __init__(self, path: Path, record: Callable[[], Record], submit: Callable[[Callable[[], None]], None]
                 ) -> None:
        self._path, self._record, self._submit = path, record, submit
        self._seen: tuple[int, int, int] | None = None
        self._digest, self._fault = b"", ""

    def look(self) -> None:
        """Read the file again when it was written since the last look."""
        self._submit(self._look)

    def _look(self) -> None:
        from twinboot.site import SiteError

        try:
            stat = os.stat(self._path)
            seen = stat.st_mtime_ns, stat.st_size, stat.st_ino
            if seen == self._seen:
                return
            self._digest, self._fault = version_of(self._path.read_text(encoding="utf-8"), 0).digest, ""
            self._seen = seen
        except SiteError as exc:
            self._seen, self._digest, self._fault = seen, b"", str(exc.faults[0])
        except (OSError, ValueError) as exc:
            self._seen, self._digest, self._fault = None, b"", f"it cannot be read: {exc}"

    @property
    def facts(self) -> FileFacts:
        record, digest = self._record(), self._digest
        if self._fault:
            return FileFacts(FileState.FAULTY, fault=self._fault)
        if not digest:
            return FileFacts(FileState.UNKNOWN)
        if digest == record.committed.version.digest:
            return FileFacts(FileState.SAME, record.committed.version.number)
        if digest.hex() in record.past:
            return FileFacts(FileState.EARLIER, record.past[digest.hex()])
        return FileFacts(FileState.EDITED)
