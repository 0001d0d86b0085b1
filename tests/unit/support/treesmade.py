"""Imports of folders, for tests: what a call of `twinboot import` does, without its words."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twinboot.installers.media import MediaOptions
from twinboot.trees import importing
from twinboot.trees.manifest import Manifest
from twinboot.trees.preparing import ImportOptions, prepare
from twinboot.trees.tree_store import TreeStore

MEMORY = Path("/dev/shm")
MADE_AT = 1_700_000_000
"""When media were made, in seconds since 1970."""


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """A folder in memory, where there is one: what publishes a tree waits for its disk, which may be busy."""
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder:
        yield Path(folder)


class Killed(BaseException):
    """The process ends here."""


class Quiet:
    """A progress that nobody sees. after: bytes until the process ends."""

    def __init__(self, after: int | None = None) -> None:
        self.copied, self.begun, self._after = 0, list[str](), after

    def begin(self, what: str, size: int) -> None:
        self.begun.append(what)

    def advance(self, size: int) -> None:
        self.copied += size
        if self._after is not None and self.copied > self._after:
            raise Killed


def wishes(source: Path, **more: Any) -> ImportOptions:
    return ImportOptions(source=source, shown=str(source), **more)


def imported(
    source: Path, trees: Path, progress: Quiet | None = None, place: TreeStore | None = None, **more: Any
) -> Manifest:
    work = prepare(wishes(source, **more), trees)
    return importing.run(work, place or TreeStore(trees), progress or Quiet()).manifest


def a_medium(folder: Path, files: dict[str, bytes]) -> MediaOptions:
    """A folder with a kernel and these files; what an operator says of it. Times are those of every such
    medium: a tree with other times is another tree."""
    for path, data in {"kernel": b"kernel", **files}.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        os.utime(place, (MADE_AT, MADE_AT))
    return MediaOptions("kernel")


def published(tree: Path) -> dict[str, bytes]:
    """Every file of a tree but its manifest."""
    return {
        str(one.relative_to(tree)): one.read_bytes()
        for one in tree.rglob("*") if one.is_file() and not one.is_symlink() and one.name != ".twinboot.json"
    }  # fmt: skip
