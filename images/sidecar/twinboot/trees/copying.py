"""Copies a medium's files into a folder: read once, hashed on the way, written where it differs.

Owns one file at a time, and how far the disk may lag behind. Every file is open to all (0644, folders 0755)
whatever the umask, and has the time that it has on the medium; a folder has that of the newest file below it,
so that its listings are the same wherever the tree was made.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from .manifest import FILE_NAME, File
from .media.folder import pieces_of
from .media.sums import Sum

_ALONE = 128 << 10
"""Smaller pieces are hashed at once: handing them over takes longer."""
_FLUSHED_EACH, _MOST_FLUSHES = 64 << 20, 2
"""So much is written before the disk is asked for it, and so often while it has not answered: or the bar
would be at its end long before the disk."""
_EARLIEST = -(1 << 31)
Tell = Callable[[int], None]


@dataclass(slots=True)
class _Read:
    """What is known of a file when all of it was read. as_expected: of the medium's own checksum."""

    sha256: str = ""
    as_expected: bool = True


class Copier:
    """tell: called with the number of bytes that were read. Use as a context."""

    def __init__(self, top: Path, tell: Tell) -> None:
        self._top, self._tell = top, tell
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="digest")
        self._flusher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="flush")
        self._flushes: deque[Future[None]] = deque()
        self._unflushed = 0
        self._folders: set[str] = set()

    def __enter__(self) -> Copier:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._flusher.shutdown(wait=True, cancel_futures=True)

    def folder(self, path: str) -> None:
        """Made with all above it, open to all."""
        if not path or path in self._folders:
            return
        self.folder(path.rpartition("/")[0])
        place = self._top / path
        if not place.is_dir():
            place.mkdir()
        place.chmod(0o755)
        self._folders.add(path)

    def file(
        self, path: str, mtime: int, pieces: Iterable[memoryview], expected: Sum | None
    ) -> tuple[File, bool]:
        """Written; what is there of it already is only compared. And whether it is as expected."""
        self.folder(path.rpartition("/")[0])
        place = self._top / path
        fd = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            size, read = self._written(fd, pieces, expected)
            os.ftruncate(fd, size)
            os.fchmod(fd, 0o644)
        finally:
            os.close(fd)
        os.utime(place, (mtime, mtime))
        return File(path, size, mtime, read.sha256), read.as_expected

    def as_expected(self, pieces: Iterable[memoryview], expected: Sum) -> bool:
        """Read, and not written."""
        read = _Read()
        deque(self._hashed(pieces, expected, read), maxlen=0)
        return read.as_expected

    def whole(self, file: File) -> bool:
        """Is this file there as it was written?"""
        place, read = self._top / file.path, _Read()
        try:
            state = place.lstat()
        except OSError:
            return False
        if (state.st_size, int(state.st_mtime)) != (file.size, file.mtime) or place.is_symlink():
            return False
        deque(self._hashed(pieces_of(place), None, read), maxlen=0)
        return read.sha256 == file.sha256

    def _written(self, fd: int, pieces: Iterable[memoryview], expected: Sum | None) -> tuple[int, _Read]:
        have, at, read = os.fstat(fd).st_size, 0, _Read()
        for piece in self._hashed(pieces, expected, read):
            if not (at < have and os.pread(fd, len(piece), at) == piece):
                _write(fd, piece, at)
                self._flush_after(fd, len(piece))
            at += len(piece)
        return at, read

    def _hashed(
        self, pieces: Iterable[memoryview], expected: Sum | None, read: _Read
    ) -> Iterator[memoryview]:
        """The pieces; at their end `read` is filled. A piece is hashed while it is written, and the
        next one read."""
        sha256 = hashlib.sha256()
        other = hashlib.new(expected.algorithm, usedforsecurity=False) if expected else None
        hashes = [sha256] if other is None else [sha256, other]
        under_way: list[Future[None]] = []
        for piece in pieces:
            for one in under_way:
                one.result()
            if len(piece) < _ALONE:
                under_way = []
                for each in hashes:
                    each.update(piece)
            else:
                under_way = [self._pool.submit(each.update, piece) for each in hashes]
            yield piece
            self._tell(len(piece))
        for one in under_way:
            one.result()
        read.sha256 = sha256.hexdigest()
        read.as_expected = expected is None or other is None or other.hexdigest() == expected.digits

    def _flush_after(self, fd: int, size: int) -> None:
        self._unflushed += size
        if self._unflushed < _FLUSHED_EACH:
            return
        self._unflushed = 0
        self._flushes.append(self._flusher.submit(_flush, os.dup(fd)))
        while len(self._flushes) > _MOST_FLUSHES:
            self._flushes.popleft().result()


def set_folder_times(top: Path, files: Iterable[File], links: Iterable[str], imported: int) -> None:
    """Of all folders of a tree, and of its manifest (`imported`, s since 1970), when all files are made."""
    times: dict[str, int] = {}
    for path, mtime in chain(((one.path, one.mtime) for one in files), ((path, None) for path in links)):
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            times[folder] = max(times.get(folder, _EARLIEST), _EARLIEST if mtime is None else mtime)
    for folder, mtime in times.items():
        os.utime(top / folder, (mtime, mtime))
    os.utime(top / FILE_NAME, (imported, imported))


def _write(fd: int, piece: memoryview, at: int) -> None:
    while piece:
        written = os.pwrite(fd, piece, at)
        piece, at = piece[written:], at + written


def _flush(fd: int) -> None:
    try:
        os.fdatasync(fd)
    finally:
        os.close(fd)
