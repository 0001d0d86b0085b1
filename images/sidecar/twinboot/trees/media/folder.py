"""A medium that is a folder: a mounted disc, an unpacked netboot archive, a tree from elsewhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from .archive import BLOCK
from .contents import BUFFERS, Contents, Entry, EntryKind, Listed, MediumError, shown


class Folder(Listed):
    """See installers.media.Medium. not_below: the trees folder, which it must not hold."""

    one_file = False
    label = ""
    volume = None

    def __init__(self, path: Path, not_below: Path | None = None) -> None:
        self.path = path
        state = os.stat(not_below) if not_below is not None else None
        self._forbidden = (state.st_dev, state.st_ino) if state else None
        left_out: list[tuple[str, str]] = []
        try:
            self.contents = Contents(self._listed(left_out), left_out)
        except OSError as exc:
            raise MediumError(f"cannot be read: {exc.filename}: {exc.strerror}") from exc

    def text(self, path: str) -> str:
        found = self.contents.find(path)
        return (self.path / found).read_text(encoding="utf-8", errors="replace") if found else ""

    def files(self, wanted: Callable[[str], bool]) -> Iterator[tuple[Entry, Iterator[memoryview]]]:
        """The files, as of an archive. A file is read when it is asked for."""
        for entry in self.contents.files():
            if wanted(entry.path):
                yield entry, pieces_of(self.path / entry.path)

    def _listed(self, left_out: list[tuple[str, str]]) -> Iterator[Entry]:
        ahead = [""]
        while ahead:
            folder = ahead.pop()
            with os.scandir(self.path / folder) as listing:
                found = sorted(listing, key=lambda one: one.name)
            for one in found:
                path = f"{folder}/{one.name}" if folder else one.name
                state = one.stat(follow_symlinks=False)
                if (state.st_dev, state.st_ino) == self._forbidden:
                    raise MediumError("the trees folder lies in it")
                if stat.S_ISDIR(state.st_mode):
                    ahead.append(path)
                    yield Entry(path, EntryKind.FOLDER)
                elif stat.S_ISLNK(state.st_mode):
                    yield Entry(path, EntryKind.LINK, target=os.readlink(one.path))
                elif stat.S_ISREG(state.st_mode):
                    yield Entry(path, EntryKind.FILE, state.st_size, int(state.st_mtime))
                else:
                    left_out.append((path, "neither a file nor a folder nor a link"))


def pieces_of(path: Path) -> Iterator[memoryview]:
    """A file's content, as Archive.files() gives it. MediumError when it cannot be read."""
    buffers, turn = tuple(bytearray(BLOCK) for _ in range(BUFFERS)), 0
    try:
        with path.open("rb", buffering=0) as file:
            while size := file.readinto(buffers[turn]):
                yield memoryview(buffers[turn])[:size]
                turn = (turn + 1) % BUFFERS
    except OSError as exc:
        raise MediumError(f"{shown(path.name)} cannot be read: {exc.strerror}; look at dmesg") from exc
