"""A lease file that its daemon appends to: read as it grows, and replaced in one step.

Owns following the file on the disk; what stands in it is the parser's. Waits for the disk: used from threads
only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Set
from pathlib import Path
from typing import Protocol

from ..errors import ResourceError
from .lease import FILE_FIELDS, DhcpLease

_CHUNK_BYTES = 1 << 20


class LeaseParser(Protocol):
    """Takes a file in pieces; hands out leases as they become whole."""

    def feed(self, data: bytes) -> Iterator[DhcpLease]: ...


class GrowingLeaseFile:
    """new_parser: makes the parser of each new file. holds: see dhcp.base.LeaseFile."""

    def __init__(
        self, path: Path, new_parser: Callable[[], LeaseParser], *, holds: Set[str] = FILE_FIELDS
    ) -> None:
        self._path, self._new_parser, self.holds = path, new_parser, holds
        self._file: int | None = None
        self._inode = (0, 0)
        self._read_bytes = 0
        self._parser = new_parser()

    def read(self) -> list[DhcpLease]:
        """Leases since the last call; all of them when another file stands in its place (a rename), or when
        it is shorter than what was read of it (written anew in place). What stands in the file no more is not
        told: such a daemon appends the end of a lease, too. A daemon that writes its file anew in place, with
        as much or more, needs a reader of its own, which reads it whole."""
        found: list[DhcpLease] = []
        try:
            status = self._path.stat()
            same = self._file is not None and self._inode == (status.st_dev, status.st_ino)
            if not same or status.st_size < self._read_bytes:
                self.close()
                self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
                status = os.fstat(self._file)
                self._inode = status.st_dev, status.st_ino
                self._parser, self._read_bytes = self._new_parser(), 0
            assert self._file is not None
            while data := os.read(self._file, _CHUNK_BYTES):
                self._read_bytes += len(data)
                found += self._parser.feed(data)
        except FileNotFoundError:
            pass
        except OSError as exc:
            self.close()
            raise ResourceError(str(self._path), f"cannot be read: {exc.strerror or exc}") from exc
        return found

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def replace_file(path: Path, data: bytes, mode: int, *, sync: bool) -> None:
    """Put these bytes in the file's place in one step. sync: returns when the disk has them."""
    made = path.with_name(path.name + ".new")
    try:
        handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(data)
            file.flush()
            if sync:
                os.fsync(handle)
        os.replace(made, path)
    except OSError as exc:
        raise ResourceError(str(path), f"cannot be written: {exc.strerror or exc}") from exc
