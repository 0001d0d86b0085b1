"""From a medium to a published tree. Whatever ends it in between, calling it again goes on where it stopped.

Owns the order: recognise, room, copy and hash, links, the medium's own checksums, manifest, to the disk,
publish. Nothing is published before all of it is whole and on the disk.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from ..installers.media import Recognised, Wish
from .copying import Copier, DamagedError
from .journal import Journal
from .manifest import FILE_NAME, File, Manifest, encode
from .media.contents import Entry, MediumError
from .media.folder import pieces_of
from .media.opening import (
    AnyMedium,
    Joined,
    fingerprint,
    open_medium,
    recognise,
    wanted_files,
    wanted_folders,
    wanted_links,
)
from .media.sums import Sum, sums_of
from .media.volume import implanted_md5_holds
from .place import Place, sync_file_system
from .reading import read_manifest
from .room import check_room

_TOLD = 5
"""Of damaged files so many are named."""


class RefusedError(Exception):
    """Nothing was published; the text says why, and what to do."""


class Progress(Protocol):
    """Who shows how far it is."""

    def begin(self, what: str, size: int) -> None:
        """size: bytes to come; 0: nobody knows."""
        ...

    def advance(self, size: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What an operator wants. source: of the medium. shown: its name for people. netboot: a medium that is laid
    over it. name, kind: empty: as recognised."""

    source: Path
    shown: str
    name: str = ""
    kind: str = ""
    netboot: Path | None = None
    boot: Wish = field(default_factory=Wish)
    replace: bool = False
    unchecked: bool = False


@dataclass(frozen=True, slots=True)
class Import:
    """What will be done. sums: by path, what the medium says. notes: what an operator has to know."""

    wishes: Wishes
    medium: AnyMedium
    recognised: Recognised
    name: str
    fingerprint: str
    sums: dict[str, Sum]
    notes: tuple[str, ...]

    @property
    def files(self) -> set[str]:
        return wanted_files(self.medium, self.recognised)

    @property
    def size(self) -> int:
        """Bytes of the tree."""
        files = self.files
        kept = sum(one.size for one in self.medium.contents.files() if one.path in files and not one.same_as)
        return kept + (self.medium.path.stat().st_size if self.recognised.whole_as else 0)


def prepare(wishes: Wishes, trees: Path) -> Import:
    """Looks at the medium; writes nothing. MediumError, NotRecognisedError, RefusedError."""
    base = open_medium(wishes.source, trees)
    medium = Joined(base, open_medium(wishes.netboot)) if wishes.netboot else base
    recognised = recognise(medium, wishes.boot, wishes.kind)
    notes = [*recognised.notes, *(f"{path} is left out: {why}" for path, why in medium.contents.left_out)]
    if medium.contents.plain:
        notes.append("its names are plain ISO 9660 (no Rock Ridge, no Joliet): taken in lower case")
    sums, absent = sums_of(medium, recognised)
    if wishes.unchecked:
        sums = {}
    elif absent:
        raise RefusedError(f"the medium is not whole, it lacks {_some(absent)}; fetch it again, or take it as it "
                           "is with --unchecked")
    name = wishes.name or recognised.name
    if not name:
        raise RefusedError("the tree needs a name: --name NAME")
    print_of = fingerprint(medium, recognised)
    return Import(wishes, medium, recognised, name, print_of, sums, tuple(notes))


def run(work: Import, place: Place, progress: Progress) -> Manifest:
    """Makes and publishes the tree. BusyError, RefusedError, MediumError; OSError of the trees folder."""
    name = work.name
    with place.locked(name):
        there = read_manifest(place.tree(name))
        place.recover(name, there.identity if there else "")
        if os.path.lexists(place.tree(name)) and not work.wishes.replace:
            raise RefusedError(f"there is a tree {name} already: --name another, or --replace")
        journal = _begun(work, place)
        with _Copies(work, place, journal, progress) as copies:
            files = copies.all()
        manifest = _manifest(work, journal, files)
        _write_manifest(place.importing(name), manifest)
        progress.begin("writing to the disk", 0)
        sync_file_system(place.importing(name))
        place.importing(name).chmod(0o755)
        if os.path.lexists(place.tree(name)):
            place.exchange(name)
        else:
            place.publish(name)
        place.journal(name).unlink(missing_ok=True)
    return manifest


def _begun(work: Import, place: Place) -> Journal:
    """The journal of what is there already; none of it, where that was of another medium."""
    if Journal(place.journal(work.name)).medium != work.fingerprint:
        place.discard(work.name)
    top = place.importing(work.name)
    top.mkdir(mode=0o700, exist_ok=True)
    top.chmod(0o700)
    check_room(top, work.medium, work.files, work.size)
    journal = Journal(place.journal(work.name))
    journal.begin(work.fingerprint, journal.identity or uuid.uuid4().hex)
    return journal


class _Copies:
    """All files of one import."""

    def __init__(self, work: Import, place: Place, journal: Journal, progress: Progress) -> None:
        self._work, self._journal, self._progress = work, journal, progress
        self._top = place.importing(work.name)
        self._copier = Copier(self._top, progress.advance)
        self._files: dict[str, File] = {}
        self._damaged: list[str] = []

    def __enter__(self) -> _Copies:
        os.umask(0o022)
        self._copier.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._copier.__exit__(*exc)

    def all(self) -> list[File]:
        work = self._work
        self._look_at_what_is_there()
        with self._volume_check() as wait:
            self._copy_files()
            self._copy_whole()
            wait()
        if self._damaged:
            raise RefusedError(f"the medium is damaged: {_some(self._damaged)}; fetch it again, or take it as it "
                               "is with --unchecked")
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
        size = sum(one.size for one in work.medium.contents.files() if one.path in lacking and not one.same_as)
        whole = work.recognised.whole_as
        size += work.medium.path.stat().st_size if whole and whole not in self._files else 0
        self._progress.begin("copying", size)
        for entry, pieces in work.medium.files(lambda path: path in lacking):
            expected = work.sums.get(entry.path)
            try:
                if entry.path in wanted:
                    self._take(entry.path, entry.mtime, pieces, expected, entry.size)
                elif expected:
                    self._copier.checked(entry.path, pieces, expected)
            except DamagedError as exc:
                self._damaged.append(str(exc))

    def _take(
        self, path: str, mtime: int, pieces: Iterable[memoryview], expected: Sum | None, size: int
    ) -> None:
        file = self._copier.file(path, mtime, pieces, expected)
        if file.size != size:
            raise MediumError(f"{path} has {file.size:,} bytes of {size:,}: did it change meanwhile? Try again")
        self._files[path] = file
        self._journal.append(file)

    def _copy_whole(self) -> None:
        """The image itself; its time is that of the newest file in it, so that it is the same on all servers."""
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
        """Of our own folder: what an import of a now different medium has left. Only files and links."""
        links = wanted_links(self._work.medium, self._work.recognised)
        for folder, _, names in os.walk(self._top):
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), self._top)
                if path not in self._files and path not in links:
                    os.unlink(os.path.join(folder, name))

    @contextmanager
    def _volume_check(self) -> Iterator[object]:
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
                if not under_way.result():
                    self._damaged.append("its implanted MD5 (checkisomd5) is another")

            yield wait


def _replace(place: Path, make: object) -> None:
    place.unlink(missing_ok=True)
    make(place)  # type: ignore[operator]


def _manifest(work: Import, journal: Journal, files: list[File]) -> Manifest:
    known = work.recognised
    return Manifest(
        name=work.name, kind=known.kind, distribution=known.distribution, release=known.release,
        architecture=known.architecture, kernel=known.kernel, initrds=known.initrds, source=work.wishes.shown,
        label=work.medium.label, imported=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        identity=journal.identity, medium=work.fingerprint, files=tuple(files),
        links=dict(sorted(wanted_links(work.medium, known).items())),
    )  # fmt: skip


def _write_manifest(top: Path, manifest: Manifest) -> None:
    place = top / FILE_NAME
    place.unlink(missing_ok=True)
    place.write_text(encode(manifest), encoding="ascii")
    place.chmod(0o644)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more
