"""What clients cannot fetch of an install tree: the tree is walked, and judged as the daemons will read it.

The daemons are neither root nor the owner of the files (vsftpd and tftpd send what everyone may read alone),
and each sees the trees folder at a place of its own: a link has to be relative and to stay below that folder.
Owns the walk; what an operator is told of it is `disk_checks`'s.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TypeAlias

_FOR_ALL = stat.S_IROTH | stat.S_IXOTH
_NOT_FOR_CLIENTS = frozenset({"lost+found"})
"""ext4 makes it in the top folder of a file system, for root alone; nobody asks for it."""
_TELL_EVERY = 1000
_Found: TypeAlias = "tuple[Trouble, str, str]"


class Trouble(Enum):
    """Why clients do not get something."""

    FOLDER = "a folder that others may not enter and list"
    FILE = "a file that others may not read"
    ABSOLUTE = "an absolute link to something below the trees folder: it leads nowhere inside a container"
    OUTSIDE = "a link out of the trees folder"
    DANGLING = "a link to what is not there"
    UNREADABLE = "a folder or file that root cannot read either"


@dataclass(slots=True)
class Troubled:
    """All of one kind. first: its path below the trees folder. detail: a mode, a link's target, an error."""

    trouble: Trouble
    first: str
    detail: str
    count: int = 1


@dataclass(slots=True)
class TreeWalk:
    """One walk over the trees of a site; what was walked for one tree is not walked for the next one.

    trees_dir: the folder that is mounted into the daemons; on_host: where the server has it. tell: called now
    and then with the number of entries so far.
    """

    trees_dir: Path
    on_host: str
    tell: Callable[[int], None] = lambda _: None
    seen: int = 0
    _walked: set[tuple[int, int]] = field(default_factory=set)

    def over(self, path: str) -> list[Troubled]:
        """What is wrong with the tree at this path below the trees folder; one entry for each kind."""
        return _of_each_kind(self._troubles(path))

    def of_the_folder(self) -> list[Troubled]:
        """What is wrong with the trees folder itself."""
        return _of_each_kind(self._folder("", os.stat(self.trees_dir)))

    def _troubles(self, path: str) -> Iterator[_Found]:
        top = ""
        for part in path.split("/"):  # the folders on the way to the tree
            top = f"{top}/{part}" if top else part
            state = os.lstat(self.trees_dir / top)
            if stat.S_ISLNK(state.st_mode):
                wrong = list(self._link(top, []))
                yield from wrong
                if wrong:
                    return
            elif top != path:
                yield from self._folder(top, state)
        ahead = [path]
        while ahead:
            yield from self._entries(ahead.pop(), ahead)

    def _entries(self, folder: str, ahead: list[str]) -> Iterator[_Found]:
        """A folder and what is in it. ahead: takes the folders to walk next."""
        place = self.trees_dir / folder
        try:
            own = os.stat(place)
            if (own.st_dev, own.st_ino) in self._walked:
                return
            self._walked.add((own.st_dev, own.st_ino))
            yield from self._folder(folder, own)
            with os.scandir(place) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as exc:
            yield Trouble.UNREADABLE, folder, exc.strerror or str(exc)
            return
        for entry in entries:
            if entry.name in _NOT_FOR_CLIENTS:
                continue
            self.seen += 1
            if self.seen % _TELL_EVERY == 0:
                self.tell(self.seen)
            yield from self._entry(entry, f"{folder}/{entry.name}", ahead)

    def _entry(
        self, entry: os.DirEntry[str], name: str, ahead: list[str]
    ) -> Iterator[_Found]:
        try:
            state = entry.stat(follow_symlinks=False)
        except OSError as exc:
            yield Trouble.UNREADABLE, name, exc.strerror or str(exc)
            return
        if stat.S_ISDIR(state.st_mode):
            ahead.append(name)
        elif stat.S_ISLNK(state.st_mode):
            yield from self._link(name, ahead)
        elif stat.S_ISREG(state.st_mode):
            yield from self._file(name, state)

    def _folder(self, name: str, state: os.stat_result) -> Iterator[_Found]:
        if state.st_mode & _FOR_ALL != _FOR_ALL:
            yield Trouble.FOLDER, name, f"{stat.S_IMODE(state.st_mode):04o}"

    def _file(self, name: str, state: os.stat_result) -> Iterator[_Found]:
        if not state.st_mode & stat.S_IROTH:
            yield Trouble.FILE, name, f"{stat.S_IMODE(state.st_mode):04o}"

    def _link(self, name: str, ahead: list[str]) -> Iterator[_Found]:
        """A link is as good as where it leads. What it leads to in another tree is looked at, too."""
        place = self.trees_dir / name
        target = os.readlink(place)
        top, end = os.path.realpath(self.trees_dir), os.path.realpath(place)
        if target.startswith("/"):
            inside = target.startswith(f"{self.on_host}/")
            yield Trouble.ABSOLUTE if inside else Trouble.OUTSIDE, name, target
        elif end != top and not end.startswith(f"{top}/"):
            yield Trouble.OUTSIDE, name, target
        else:
            try:
                state = os.stat(place)
            except OSError:  # not there, or a loop
                yield Trouble.DANGLING, name, target
                return
            real = os.path.relpath(end, top)
            if stat.S_ISDIR(state.st_mode):
                ahead.append(real)
            elif stat.S_ISREG(state.st_mode):
                yield from self._file(real, state)


def _of_each_kind(troubles: Iterable[_Found]) -> list[Troubled]:
    found: dict[Trouble, Troubled] = {}
    for trouble, name, detail in troubles:
        if trouble in found:
            found[trouble].count += 1
        else:
            found[trouble] = Troubled(trouble, name, detail)
    return [found[trouble] for trouble in Trouble if trouble in found]
