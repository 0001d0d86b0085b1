"""Opens a medium, lays another one over it, and asks the installer kinds whose it is."""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from ...installers.media import MediaKind, MediaOptions, Recognised, UnfitError
from ...kinds import MEDIA
from ..manifest import FILE_NAME
from .archive import Archive
from .contents import Contents, Entry, EntryKind, MediumError, shown
from .folder import Folder
from .volume import Volume

OpenMedium = Archive | Folder


class NotRecognisedError(Exception):
    """No kind takes the medium; the text says what each looked for, or why it cannot be used."""


class Joined:
    """A medium with another one's files laid over it. See installers.media.Medium."""

    def __init__(self, base: OpenMedium, over: OpenMedium) -> None:
        self._base, self._over = base, over
        self.one_file, self.label, self.path = base.one_file, base.label, base.path
        self.volume: Volume | None = base.volume
        laid = {one.path for one in over.contents.entries}
        kept = [one for one in base.contents.entries if one.path not in laid]
        left_out = (*base.contents.left_out, *over.contents.left_out)
        self.contents = Contents((*kept, *over.contents.entries), left_out)

    def find(self, path: str) -> str | None:
        return self.contents.find(path)

    def names(self, folder: str) -> list[str]:
        return self.contents.names(folder)

    def text(self, path: str) -> str:
        return self._over.text(path) or self._base.text(path)

    def files(self, wanted: Callable[[str], bool]) -> Iterator[tuple[Entry, Iterator[memoryview]]]:
        laid = {one.path for one in self._over.contents.entries}
        return chain(self._base.files(lambda path: path not in laid and wanted(path)),
                     self._over.files(wanted))  # fmt: skip


AnyMedium = Archive | Folder | Joined


def open_medium(path: Path, not_below: Path | None = None) -> OpenMedium:
    """A folder or an image. MediumError: it is neither."""
    if path.is_dir():
        return Folder(path, not_below)
    try:
        return Archive(path)
    except OSError as exc:
        raise MediumError(f"cannot be read: {exc.strerror}") from exc


def recognise(medium: AnyMedium, wish: MediaOptions, kind: str = "") -> Recognised:
    """By the kind of this name; by whichever takes it, when that is empty. NotRecognisedError."""
    kinds = (MEDIA.get(kind),) if kind else MEDIA.all()
    found, unfit = [], []
    for one in kinds:
        try:
            recognised = one.recognise(medium, wish)
        except UnfitError as exc:
            unfit.append(str(exc))
            continue
        if recognised is not None:
            found.append(recognised)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(one.kind for one in found)
        raise NotRecognisedError(f"several kinds take it ({names}): name one with --kind")
    raise NotRecognisedError("; ".join(unfit) if unfit else _lacking(medium, kinds))


def _lacking(medium: AnyMedium, kinds: tuple[MediaKind, ...]) -> str:
    top = medium.names("")
    seen = ", ".join(map(shown, top[:8])) + (", ..." if len(top) > 8 else "")
    looked_for = "".join(f"\n  {one.name}: {one.looks_for}" for one in kinds)
    plain = "\nIts names are plain ISO 9660 (no Rock Ridge, no Joliet), so some may be mangled." \
        if medium.contents.plain else ""
    return f"no install medium that is known. Looked for, and not found:{looked_for}\n" \
           f"At its top: {seen or 'nothing'}{plain}"


def wanted_files(medium: AnyMedium, recognised: Recognised) -> set[str]:
    """Paths of what the tree holds of the medium."""
    files = [one for one in medium.contents.files() if one.path != FILE_NAME]
    if not recognised.keep:
        return {one.path for one in files}
    needed = {recognised.kernel, *recognised.initrds}
    wanted = {
        one.path for one in files
        if one.path in needed or any(fnmatch.fnmatchcase(one.path, pattern) for pattern in recognised.keep)
    }  # fmt: skip
    return wanted | {one.same_as for one in files if one.path in wanted and one.same_as}


def wanted_links(medium: AnyMedium, recognised: Recognised) -> dict[str, str]:
    return {} if recognised.keep else {one.path: one.target for one in medium.contents.links()}


def wanted_folders(medium: AnyMedium, recognised: Recognised) -> list[str]:
    """The medium's folders, those that hold nothing, too."""
    folders = (one.path for one in medium.contents.entries if one.kind is EntryKind.FOLDER)
    return [] if recognised.keep else list(folders)


def fingerprint(medium: AnyMedium, recognised: Recognised) -> str:
    """Equal for the same medium, as far as its table of contents tells."""
    rows = [[one.path, one.kind, one.size, one.mtime, one.target] for one in medium.contents.entries]
    head = [medium.label, recognised.kind, recognised.kernel, recognised.initrds, recognised.keep]
    return hashlib.sha256(json.dumps([head, rows]).encode("ascii")).hexdigest()
