"""A small file that outlives a restart: read whole, replaced whole. Waits for the disk: used from threads."""

from __future__ import annotations

import os
from pathlib import Path

from twinboot.errors import ResourceError


class StateFile:
    """most_bytes: a larger one is not ours."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path, self._max_bytes = path, max_bytes

    def read(self) -> bytes | None:
        """What the file holds; None when there is none yet."""
        try:
            with open(self.path, "rb") as file:
                data = file.read(self._max_bytes + 1)
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise ResourceError(str(self.path), f"cannot be read: {exc.strerror or exc}") from exc
        if len(data) > self._max_bytes:
            raise ResourceError(str(self.path), f"is larger than {self._max_bytes} bytes")
        return data

    def write(self, data: bytes) -> None:
        """In one step: a reader, or a life after a crash, finds the old one or the new one."""
        made = self.path.with_name(self.path.name + ".new")
        try:
            handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(handle)
            made.replace(self.path)
        except OSError as exc:
            raise ResourceError(str(self.path), f"cannot be written: {exc.strerror or exc}") from exc
