"""What is in published files, by SHA-256: an install tree's from its manifest, others' read here.

A manifest vouches for a file that has its size and time. Where another time is all that differs (a copy made
without times, `touch`), the file is read once, slowly and in the background, and known as it was read for as
long as its inode does not change. Small files outside of the trees, which the site's are, are read when they
are asked for. Of all others nothing is known: a tree without a manifest, a file that was not read yet.

Owns the index of all manifests and the thread that keeps it; of() never waits for a disk for long.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from twinboot.core.effects import LogLevel
from twinboot.log import log_event
from twinboot.takeover.logic.file_facts import CONTENT_BYTES
from twinboot.trees import reading
from twinboot.trees.manifest import FILE_NAME

log = logging.getLogger(__name__)

SMALL_BYTES = 1 << 20
"""Read in a few ms; answers, boot menus and the like are smaller."""
_SMALL_KEPT = 8192
_LARGEST_MANIFEST = 64 << 20
"""Size of the manifest of some 300,000 files."""
_MANIFESTS_EVERY_S = 5.0
_LOOK_EVERY_S, _SHARE = 60.0, 50
"""The trees are looked through for files that were touched: so often, and for so little of the time."""
_BLOCK = 1 << 20
_REST = 4
"""Reading in the background waits so many times as long as it works."""

FileStat = tuple[int, int, int, int, int]
PublishedPath = PurePosixPath
"""Path of a file below what is published."""


@dataclass(frozen=True, slots=True)
class Content:
    """digest: CONTENT_BYTES of it; empty: not known. proven: as the manifest says, by reading all of it as it
    is now, with another time."""

    digest: bytes = b""
    proven: bool = False


_UNKNOWN = Content()


@dataclass(frozen=True, slots=True)
class _Tree:
    """seen: how its manifest's file looked. files: by path, size, mtime and digest."""

    seen: FileStat
    files: dict[str, tuple[int, int, bytes]]


class Contents:
    """trees: where install trees are, as folders with a manifest each. pause: waits so many seconds; called
    by the thread alone."""

    def __init__(self, trees: Path, pause: Callable[[float], object] = time.sleep) -> None:
        self._root, self._pause = trees, pause
        self._trees: dict[str, _Tree] = {}
        self._touched: dict[FileStat, bytes] = {}
        self._small: dict[FileStat, bytes] = {}
        self._due = threading.Event()

    def start(self) -> None:
        """Keep the index, in a thread that ends with the process."""
        threading.Thread(target=self._keep, name="manifests", daemon=True).start()

    def of(self, place: PublishedPath, file: int, state: os.stat_result) -> Content:
        """Content of an open file, by its place below what is published."""
        if place.parts[:1] != ("trees",):
            return Content(self._read_small(file, state))
        tree = self._trees.get(place.parts[1]) if len(place.parts) > 2 else None
        entry = tree.files.get("/".join(place.parts[2:])) if tree is not None else None
        if tree is None or entry is None or entry[0] != state.st_size:
            return _UNKNOWN
        if tree.seen != _look_at(self._root / place.parts[1] / FILE_NAME):
            self._due.set()  # another tree has taken its place
            return _UNKNOWN
        if entry[1] == int(state.st_mtime):
            return Content(entry[2])
        digest = self._touched.get(_look(state))
        if digest is None:
            self._due.set()
            return _UNKNOWN
        return Content(digest, proven=digest == entry[2])

    def refresh(self) -> None:
        """Read the manifests that are new, and files whose time alone is not their manifest's."""
        self.read_manifests()
        self.read_touched()

    def read_manifests(self) -> None:
        """Reads the manifests that are new."""
        trees: dict[str, _Tree] = {}
        with suppress(OSError):
            for folder in reading.folders(self._root):
                tree = self._tree(folder)
                if tree is not None:
                    trees[folder.name] = tree
        self._trees = trees

    def read_touched(self) -> None:
        """The files whose time alone is not their manifest's."""
        touched: dict[FileStat, bytes] = {}
        for name, tree in self._trees.items():
            for path, (size, mtime, _) in tree.files.items():
                place = self._root / name / path
                look = _look_at(place)
                if look is None or look[2] != size or look[3] // 10**9 == mtime:
                    continue
                digest = self._touched.get(look) or self._read_slowly(place, look)
                if digest:
                    touched[look] = self._touched[look] = digest
        self._touched = touched

    def _keep(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        next_look = 0.0
        while True:
            self.read_manifests()
            if self._due.is_set() or time.monotonic() >= next_look:
                self._due.clear()
                begun = time.thread_time()
                self.read_touched()
                next_look = time.monotonic() + max(_LOOK_EVERY_S, _SHARE * (time.thread_time() - begun))
            self._due.wait(_MANIFESTS_EVERY_S)
            self._pause(1.0)  # whoever asks again and again does not keep it busy

    def _tree(self, folder: Path) -> _Tree | None:
        seen, known = _look_at(folder / FILE_NAME), self._trees.get(folder.name)
        if known is not None and known.seen == seen:
            return known
        if seen is None or seen[2] > _LARGEST_MANIFEST:
            return None
        manifest = reading.read_manifest(folder)
        if manifest is None or _look_at(folder / FILE_NAME) != seen:
            return None
        rows = ((one.path, one.size, one.mtime, one.sha256) for one in manifest.files)
        log_event(log, LogLevel.INFO, "manifest-read", tree=folder.name, files=len(manifest.files))
        return _Tree(seen, {path: (size, mtime, bytes.fromhex(sha256)[:CONTENT_BYTES])
                            for path, size, mtime, sha256 in rows})  # fmt: skip

    def _read_small(self, file: int, state: os.stat_result) -> bytes:
        if state.st_size > SMALL_BYTES:
            return b""
        look = _look(state)
        digest = self._small.get(look)
        if digest is None:
            data = os.pread(file, SMALL_BYTES + 1, 0)
            if _look(os.fstat(file)) != look:
                return b""
            while len(self._small) >= _SMALL_KEPT:
                del self._small[next(iter(self._small))]
            digest = self._small[look] = hashlib.sha256(data).digest()[:CONTENT_BYTES]
        return digest

    def _read_slowly(self, place: Path, look: FileStat) -> bytes:
        """Empty when it cannot be read, or has changed meanwhile."""
        digest = hashlib.sha256()
        try:
            file = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            with os.fdopen(file, "rb", buffering=0) as content:
                if _look(os.fstat(file)) != look:
                    return b""
                begun = time.monotonic()
                while data := content.read(_BLOCK):
                    digest.update(data)
                    self._pause(_REST * (time.monotonic() - begun))
                    begun = time.monotonic()
                unchanged = _look(os.fstat(file)) == look
        except OSError:
            return b""
        return digest.digest()[:CONTENT_BYTES] if unchanged else b""


def _look(state: os.stat_result) -> FileStat:
    """What changes when a file is written."""
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


def _look_at(path: Path) -> FileStat | None:
    try:
        return _look(os.lstat(path))
    except OSError:
        return None
