"""Tells that something in a folder was written (inotify(7))."""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path

from twinboot.errors import ResourceError

_IN_MODIFY, _IN_MOVED_TO, _IN_CREATE = 0x2, 0x80, 0x100
_IN_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000


class FolderChanges:
    """Tells that a file of a folder was written (inotify(7)). Readable when there is news."""

    def __init__(self, folder: Path) -> None:
        resource = f"inotify on {folder}"
        libc = ctypes.CDLL(None, use_errno=True)
        self._handle = libc.inotify_init1(_IN_NONBLOCK_CLOEXEC)
        if self._handle < 0:
            raise ResourceError(resource, os.strerror(ctypes.get_errno()))
        mask = _IN_MODIFY | _IN_MOVED_TO | _IN_CREATE
        if libc.inotify_add_watch(self._handle, os.fsencode(folder), mask) < 0:
            reason = os.strerror(ctypes.get_errno())
            self.close()
            raise ResourceError(resource, reason)

    def fileno(self) -> int:
        return int(self._handle)

    def drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._handle, 65_536):
                pass

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
