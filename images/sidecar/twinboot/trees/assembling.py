"""All files of one import, into the folder that will be the tree: what is lacking there, and nothing twice.

Owns the order: what is there already is looked at, then files, the image itself, links; the medium's own
checksums meanwhile. A damaged file does not end it: all of them are named at the end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from .copying import Copier
from .journal import Journal
from .manifest import File
from .media.contents import Entry, MediumError, shown
from .media.folder import pieces_of
from .media.opening import wanted_folders, wanted_links
from .media.sums import Sum
from .media.volume import implanted_md5_holds
from .preparing import Import, RefusedError, some


class Progress(Protocol):
    """Who shows how far it is."""

    def begin(self, what: str, size: int) -> None:
        """size: bytes to come; 0: nobody knows."""
        ...

    def advance(self, size: int) -> None: ...


class Assembly:
    """All files of one import."""

    def __init__(self, work: Import, top: Path, journal: Journal, progress: Progress) -> None:
        self._work, self._journal, self._progress = work, journal, progress
        self._top = top
        self._copier = Copier(top, progress.advance)
        self._files: dict[str, File] = {}
        self._damaged: list[str] = []
        self._volume_holds: bool | None = None

    def __enter__(self) -> Assembly:
        os.umask(0o022)
        self._copier.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._copier.__exit__(*exc)

    @property
    def odd(self) -> tuple[str, ...]:
        """Files that a list of the medium has otherwise, though the MD5 of all of it holds: they were changed
        after the list, by whoever made the medium."""
        return tuple(self._damaged)

    def all(self) -> list[File]:
        self._look_at_what_is_there()
        with self._volume_check() as wait:
            self._copy_files()
            self._copy_whole()
            wait()
        if self._volume_holds is False:
            self._damaged.append("its implanted MD5 (checkisomd5) is another")
        if self._damaged and not self._volume_holds:
            raise RefusedError(f"the medium is damaged: {some(self._damaged)}; fetch it again, or take it as "
                               "it is with --unchecked")
        self._link()
        self._remove_others()
        return sorted(self._files.values(), key=lambda one: one.path)

    def _look_at_what_is_there(self) -> None:
        known = [one for one in self._journal.files.values() if (self._top / one.path).is_file()]
        if known:
            self._progress.begin("checking what is there", sum(one.size for one in known))
        self._files = {one.path: one for one in known if self._copier.whole(one)}

    def _copy_files(self) -> None:
        work, wanted = self._work, self._work.files
        for folder in wanted_folders(work.medium, work.recognised):
            self._copier.folder(folder)
        lacking = {path for path in wanted if path not in self._files} | (set(work.sums) - wanted)
        files = [one for one in work.medium.contents.files() if one.path in lacking and not one.same_as]
        size = sum(one.size for one in files)
        whole = work.recognised.whole_as
        size += work.medium.path.stat().st_size if whole and whole not in self._files else 0
        self._progress.begin("copying", size)
        for entry, pieces in work.medium.files(lambda path: path in lacking):
            expected = work.sums.get(entry.path)
            if entry.path in wanted:
                self._take(entry.path, entry.mtime, pieces, expected, entry.size)
            elif expected and not self._copier.as_expected(pieces, expected):
                self._damaged.append(f"{entry.path} (as {expected.listed_in} says)")

    def _take(
        self, path: str, mtime: int, pieces: Iterable[memoryview], expected: Sum | None, size: int
    ) -> None:
        file, as_expected = self._copier.file(path, mtime, pieces, expected)
        if file.size != size:
            raise MediumError(f"{shown(path)} has {file.size:,} bytes of {size:,}: did it change? Try again")
        self._files[path] = file
        if as_expected:
            self._journal.append(file)
        elif expected:
            self._damaged.append(f"{path} (as {expected.listed_in} says)")

    def _copy_whole(self) -> None:
        """The image itself; its time is that of the newest file in it: the same on all servers."""
        path, source = self._work.recognised.whole_as, self._work.medium.path
        if path and path not in self._files:
            newest = max((one.mtime for one in self._work.medium.contents.files()), default=0)
            self._take(path, newest, pieces_of(source), None, source.stat().st_size)

    def _link(self) -> None:
        """Files that have the content of another, and symbolic links: these last, so that nothing is written
        through one."""
        same = [one for one in self._work.medium.contents.files() if one.same_as]
        for one in same:
            if one.path in self._work.files:
                self._same(one)
        for path, target in wanted_links(self._work.medium, self._work.recognised).items():
            self._copier.folder(path.rpartition("/")[0])
            _replace(self._top / path, lambda place, to=target: os.symlink(to, place))  # type: ignore[misc]

    def _same(self, entry: Entry) -> None:
        first = self._files[entry.same_as]
        self._copier.folder(entry.path.rpartition("/")[0])
        _replace(self._top / entry.path, lambda place: os.link(self._top / first.path, place))
        self._files[entry.path] = File(entry.path, first.size, first.mtime, first.sha256)

    def _remove_others(self) -> None:
        """Removes from our own folder what an import of a now different medium has left. Only files and
        links."""
        links = wanted_links(self._work.medium, self._work.recognised)
        for folder, _, names in os.walk(self._top):
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), self._top)
                if path not in self._files and path not in links:
                    os.unlink(os.path.join(folder, name))

    @contextmanager
    def _volume_check(self) -> Iterator[Callable[[], None]]:
        """The MD5 that was implanted in the volume is worked out meanwhile."""
        volume, source = self._work.medium.volume, self._work.medium.path
        if volume is None or not volume.md5 or self._work.wishes.unchecked:
            yield lambda: None
            return
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="volume") as pool:
            under_way = pool.submit(implanted_md5_holds, source, volume)

            def wait() -> None:
                if not under_way.done():
                    self._progress.begin("checking the medium's own checksum", 0)
                self._volume_holds = under_way.result()

            yield wait


def _replace(place: Path, make: Callable[[Path], None]) -> None:
    place.unlink(missing_ok=True)
    make(place)
