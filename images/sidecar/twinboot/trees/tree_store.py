"""Where trees are made, published and taken away: one rename each, whatever ends the process in between.

Owns the folder .twinboot below the trees folder. Only root may enter it, so no daemon offers what is in it:
NAME.importing, a tree to be; NAME.ready, a whole one that is about to take the place of another; NAME.gone,
what is being deleted; NAME.files, which files of NAME.importing are whole; NAME.lock. A tree that is fetched
from another server has names of its own for the same (Stage), so that neither way of making one touches what
the other has left. What was published is a folder beside it, on the same file system.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .journal import Journal

WORK = ".twinboot"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_AT_FDCWD, _NOREPLACE, _EXCHANGE = -100, 1, 2  # linux/fcntl.h, linux/fs.h
_LACKING = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
"""What renameat2(2) says on a file system that has no flags: NFS, say."""
_libc = ctypes.CDLL(None, use_errno=True)


class BusyError(Exception):
    """Another process works on the tree of this name."""


@dataclass(frozen=True, slots=True)
class Stage:
    """How the names of what is not published end: a tree to be, a whole one, and the journal."""

    making: str
    ready: str
    journal: str


IMPORT = Stage("importing", "ready", "files")
FETCH = Stage("fetching", "fetched", "fetched-files")


class TreeStore:
    """The trees folder. Everything but the paths wants the lock of the name. stage: how trees are made."""

    def __init__(self, trees: Path, stage: Stage = IMPORT) -> None:
        self.trees, self.work, self._stage = trees, trees / WORK, stage

    def tree(self, name: str) -> Path:
        return self.trees / name

    def importing(self, name: str) -> Path:
        """The tree to be."""
        return self.work / f"{name}.{self._stage.making}"

    def ready(self, name: str) -> Path:
        return self.work / f"{name}.{self._stage.ready}"

    def gone(self, name: str) -> Path:
        return self.work / f"{name}.gone"

    def journal(self, name: str) -> Path:
        return self.work / f"{name}.{self._stage.journal}"

    def unfinished(self) -> tuple[str, ...]:
        """Names of trees that were begun, and not brought to their end."""
        made = f".{self._stage.making}"
        names = (one.name for one in self.work.iterdir()) if self.work.is_dir() else ()
        found = {one.removesuffix(made) for one in names if one.endswith(made)}
        return tuple(sorted(found))

    def busy(self, name: str) -> bool:
        """Is somebody at work on the tree of this name?"""
        try:
            with self.locked(name):
                return False
        except BusyError:
            return True

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """The lock goes with the process (flock(2)). BusyError: somebody has it."""
        self.work.mkdir(mode=0o700, exist_ok=True)
        self.work.chmod(0o700)  # it may have come from elsewhere, by rsync
        path = self.work / f"{name}.lock"
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                os.close(fd)
                raise BusyError(name) from exc
            if _same(fd, path):
                break
            os.close(fd)  # whoever had it has removed the file
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            os.close(fd)

    def recover(self, name: str, identity: str) -> None:
        """Bring to its end, or take back, what a process left that was ended in the middle. identity: of the
        tree that stands published; empty: none does."""
        _delete(self.gone(name))
        ready, published = self.ready(name), identity and identity == Journal(self.journal(name)).identity
        if ready.exists():
            if not os.path.lexists(self.tree(name)):
                self._rename(ready, self.tree(name))
                published = True
            elif published:
                self._rename(ready, self.gone(name))  # they had changed places: this is the old one
                _delete(self.gone(name))
            else:
                self._rename(ready, self.importing(name))
        if published:
            self.journal(name).unlink(missing_ok=True)

    def publish(self, name: str) -> None:
        """NAME.importing becomes the tree. FileExistsError when there is one."""
        self._rename(self.importing(name), self.tree(name))

    def exchange(self, name: str) -> None:
        """NAME.importing takes the place of the tree, which is then deleted."""
        ready, tree = self.ready(name), self.tree(name)
        self._rename(self.importing(name), ready)
        try:
            _renameat2(ready, tree, _EXCHANGE)
            sync_folder(self.trees)
            self._rename(ready, self.gone(name))
        except OSError as exc:
            if exc.errno not in _LACKING:
                raise
            self._rename(tree, self.gone(name))  # recover() publishes what is ready if it ends here
            self._rename(ready, tree)
        _delete(self.gone(name))

    def take_away(self, name: str) -> None:
        """The tree is there no more; then its files go."""
        self._rename(self.tree(name), self.gone(name))
        _delete(self.gone(name))

    def discard(self, name: str) -> None:
        """Removes what is left of an import that nobody wants to finish."""
        self.journal(name).unlink(missing_ok=True)
        if self.importing(name).exists():
            self._rename(self.importing(name), self.gone(name))
            _delete(self.gone(name))

    def _rename(self, old: Path, new: Path) -> None:
        """Renames, never over something else; on the disk when this returns."""
        try:
            _renameat2(old, new, _NOREPLACE)
        except OSError as exc:
            if exc.errno not in _LACKING:
                raise
            if os.path.lexists(new):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(new)) from exc
            os.rename(old, new)
        sync_folder(new.parent)
        sync_folder(old.parent)


def sync_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file_system(path: Path) -> None:
    """Everything that was written to the path's file system is on its disk (syncfs(2))."""
    fd = os.open(path, os.O_RDONLY)
    try:
        if _libc.syncfs(fd):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(path))
    finally:
        os.close(fd)


def _renameat2(old: Path, new: Path, flags: int) -> None:
    if _libc.renameat2(_AT_FDCWD, os.fsencode(old), _AT_FDCWD, os.fsencode(new), flags):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(new))


def _same(fd: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        here, there = os.fstat(fd), os.stat(path)
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
    return False


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
