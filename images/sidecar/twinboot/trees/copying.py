"""Copies a medium's files into a folder: read once, hashed on the way, written where it differs.

Owns one file at a time, and how far the disk may lag behind. Every file is open to all (0644, folders 0755)
whatever the umask, and has the time that it has on the medium; a folder has that of the newest file below it,
so that its listings are the same wherever the tree was made.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from .manifest import FILE_NAME, File
from .media.contents import BUFFERS
from .media.folder import pieces_of
from .media.sums import Sum

_ALONE = 128 << 10
"""Smaller pieces are hashed at once: handing them over takes longer."""
_FLUSHED_EACH, _FILES_EACH, _MOST_FLUSHES = 32 << 20, 100, 2
"""So many bytes, or files, are written before the disk is asked for them, and so often while it has not
answered: or the bar would be at its end long before the disk, which would have nothing to do meanwhile."""
_EARLIEST = -(1 << 31)
_WRITE, _WRITE_AND_WAIT = 2, 1 | 2 | 4  # linux/fs.h: write; wait for what is under way, write, wait
_libc = ctypes.CDLL(None, use_errno=True)
_libc.sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
Tell = Callable[[int], None]
Work = Callable[[memoryview], None]


@dataclass(frozen=True, slots=True)
class _Read:
    """What is known of a file when all of it was read. as_expected: by the medium's own checksum."""

    size: int
    sha256: str
    as_expected: bool


class Copier:
    """tell: called with the number of bytes that were read. Use as a context."""

    def __init__(self, top: Path, tell: Tell) -> None:
        self._top, self._tell = top, tell
        self._threads = [ThreadPoolExecutor(max_workers=1, thread_name_prefix="copy") for _ in range(3)]
        """One for whatever is done with all pieces of a file, so that they come in their order."""
        self._disk = _Disk()
        self._folders: set[str] = set()

    def __enter__(self) -> Copier:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._threads:
            one.shutdown(wait=True, cancel_futures=True)
        self._disk.close()

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
            read = self._read(pieces, expected, _Written(fd, self._disk).add)
            os.ftruncate(fd, read.size)
            self._disk.file_ends(fd)
            os.fchmod(fd, 0o644)
        finally:
            os.close(fd)
        os.utime(place, (mtime, mtime))
        return File(path, read.size, mtime, read.sha256), read.as_expected

    def as_expected(self, pieces: Iterable[memoryview], expected: Sum) -> bool:
        """Read, and not written."""
        return self._read(pieces, expected).as_expected

    def whole(self, file: File) -> bool:
        """Is this file there as it was written?"""
        place = self._top / file.path
        try:
            state = place.lstat()
        except OSError:
            return False
        if (state.st_size, int(state.st_mtime)) != (file.size, file.mtime) or place.is_symlink():
            return False
        return self._read(pieces_of(place), None).sha256 == file.sha256

    def _read(
        self, pieces: Iterable[memoryview], expected: Sum | None, write: Work | None = None
    ) -> _Read:
        """All pieces are hashed and written while the next ones are read: several of them wait, so that none
        of the three waits for another one often."""
        sha256, size = hashlib.sha256(), 0
        other = hashlib.new(expected.algorithm, usedforsecurity=False) if expected else None
        works: list[Work] = [sha256.update, *([other.update] if other else ()), *([write] if write else ())]
        under_way: deque[tuple[Future[None], ...]] = deque()
        try:
            for piece in pieces:
                if len(piece) < _ALONE and not under_way:
                    for work in works:
                        work(piece)
                else:
                    turns = zip(self._threads, works, strict=False)
                    under_way.append(tuple(thread.submit(work, piece) for thread, work in turns))
                size += len(piece)
                self._tell(len(piece))
                while len(under_way) >= BUFFERS:
                    _await(under_way[0])
                    under_way.popleft()
            for jobs in under_way:
                _await(jobs)
        finally:
            wait(chain.from_iterable(under_way))  # whatever has ended it: the file will be closed
        as_expected = expected is None or other is None or other.hexdigest() == expected.digits
        return _Read(size, sha256.hexdigest(), as_expected)


class _Written:
    """A file that is written piece by piece; what is there of it already is only compared."""

    def __init__(self, fd: int, disk: _Disk) -> None:
        self._fd, self._disk = fd, disk
        self._have, self._at = os.fstat(fd).st_size, 0

    def add(self, piece: memoryview) -> None:
        size = len(piece)
        if not (self._at < self._have and os.pread(self._fd, size, self._at) == piece):
            at = self._at
            while piece:
                written = os.pwrite(self._fd, piece, at)
                piece, at = piece[written:], at + written
            self._disk.wrote(self._fd, size)
        self._at += size


class _Disk:
    """It follows what is written, not far behind, in a thread of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="flush")
        self._asked: deque[Future[None]] = deque()
        self._files: list[int] = []
        """Open ones that it has not been asked for, and how much was written of them and the present one."""
        self._size = 0

    def wrote(self, fd: int, size: int) -> None:
        self._size += size
        if self._size >= _FLUSHED_EACH:
            self._ask(fd)

    def file_ends(self, fd: int) -> None:
        if not self._size:
            return
        self._files.append(os.dup(fd))
        if len(self._files) >= _FILES_EACH:
            self._ask()

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        _close(self._files)

    def _ask(self, *more: int) -> None:
        files = (*self._files, *map(os.dup, more))
        self._files, self._size = [], 0
        self._asked.append(self._thread.submit(_flush, files))
        while len(self._asked) > _MOST_FLUSHES:
            self._asked.popleft().result()


def set_folder_times(top: Path, files: Iterable[File], links: Iterable[str], imported: int) -> None:
    """Sets the times of all folders of a tree, and of its manifest (`imported`, s since 1970), when all files
    are made."""
    times: dict[str, int] = {}
    for path, mtime in chain(((one.path, one.mtime) for one in files), ((path, None) for path in links)):
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            times[folder] = max(times.get(folder, _EARLIEST), _EARLIEST if mtime is None else mtime)
    for folder, mtime in times.items():
        os.utime(top / folder, (mtime, mtime))
    os.utime(top / FILE_NAME, (imported, imported))


def _await(jobs: Iterable[Future[None]]) -> None:
    for one in jobs:
        one.result()


def _flush(files: Sequence[int]) -> None:
    """What was written of the files is on its way to the disk's own memory when this returns, and they are
    closed. Not fdatasync(2): that commits the file system's journal and empties the disk's memory each time,
    which the one syncfs(2) at the end does. A file system that knows nothing of it has that one alone
    (sync_file_range(2))."""
    try:
        for how in (_WRITE, _WRITE_AND_WAIT):  # the disk works at all of them while the first is waited for
            for fd in files:
                _sync_file_range(fd, how)
    finally:
        _close(files)


def _sync_file_range(fd: int, how: int) -> None:
    if _libc.sync_file_range(fd, 0, 0, how):
        code = ctypes.get_errno()
        if code not in (errno.ENOSYS, errno.ESPIPE, errno.EINVAL, errno.EOPNOTSUPP):
            raise OSError(code, os.strerror(code))


def _close(files: Sequence[int]) -> None:
    for fd in files:
        os.close(fd)
