"""The audit log on this server's disk: lines are added, and the oldest go when it is full. Waits for the
disk: used from threads."""

from __future__ import annotations

import os
from pathlib import Path

from twinboot.errors import ResourceError

MAX_BYTES = 1 << 20
"""Size limit of each of two files: a full one takes the place of the one before it."""


class AuditFile:
    """path: the newer file; the older one has `.1` after it."""

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self._path, self._max_bytes = path, max_bytes

    def add(self, line: bytes) -> None:
        """Adds a line; it is on the disk when this returns. ResourceError when it is not."""
        try:
            if self._size() + len(line) > self._max_bytes:
                self._path.replace(self._older)
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as exc:
            raise ResourceError(str(self._path), f"cannot be written: {exc.strerror or exc}") from exc

    def read(self) -> list[bytes]:
        """All lines, the oldest first."""
        found: list[bytes] = []
        for path in (self._older, self._path):
            try:
                found += path.read_bytes().splitlines()
            except FileNotFoundError:
                continue
            except OSError as exc:
                raise ResourceError(str(path), f"cannot be read: {exc.strerror or exc}") from exc
        return found

    @property
    def _older(self) -> Path:
        return self._path.with_name(f"{self._path.name}.1")

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0
