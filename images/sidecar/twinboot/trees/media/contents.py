"""What is on a medium, as a list: files, folders and links, and how a path is looked up in it. Pure.

Owns what becomes of names: those of plain ISO 9660, in capitals, are taken in lower case, as mount(8) does;
links are followed within the medium and never out of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

BUFFERS = 8
"""A piece of a file's content is good until so many more are asked for."""
_MOST_LINKS = 40
"""On the way to one file (path_resolution(7) has this limit, too)."""


class EntryKind(StrEnum):
    """What a tree can hold. Devices, sockets and pipes it cannot."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Entry:
    """path: below the medium's top, without a slash at its ends. size in bytes, mtime in s since 1970.
    target: of a symbolic link. same_as: of a file: another path with the same content, on the medium once."""

    path: str
    kind: EntryKind
    size: int = 0
    mtime: int = 0
    target: str = ""
    same_as: str = ""


class MediumError(Exception):
    """The medium cannot be read, or is none; the text says what to do."""


class Contents:
    """Entries, in the order in which they lie on the medium. left_out: what a tree cannot hold, with why."""

    def __init__(self, entries: Iterable[Entry], left_out: Iterable[tuple[str, str]] = ()) -> None:
        listed, self.plain = _in_lower_case(tuple(entries))
        self.left_out = list(left_out)
        self._by_path = {one.path: one for one in listed}
        self._folded: dict[str, Entry] = {}
        self._names: dict[str, dict[str, None]] = {}
        for one in listed:
            self._folded.setdefault(one.path.casefold(), one)
            path = one.path
            while path:  # archives need not name the folders
                folder, _, name = path.rpartition("/")
                self._names.setdefault(folder.casefold(), {})[name] = None
                path = folder
        self.entries = tuple(self._kept(listed))
        _check_folders(self.entries)

    def files(self) -> tuple[Entry, ...]:
        return tuple(one for one in self.entries if one.kind is EntryKind.FILE)

    def links(self) -> tuple[Entry, ...]:
        return tuple(one for one in self.entries if one.kind is EntryKind.LINK)

    def names(self, folder: str) -> list[str]:
        """Names in a folder; none when there is no such folder."""
        found = self._resolved(folder)
        return sorted(self._names.get(found.casefold(), {})) if found is not None else []

    def find(self, path: str) -> str | None:
        """The file as it is written there, behind links; None when there is none."""
        found = self._resolved(path)
        entry = self._folded.get(found.casefold()) if found is not None else None
        return entry.path if entry is not None and entry.kind is EntryKind.FILE else None

    def entry(self, path: str) -> Entry:
        return self._by_path[path]

    def _kept(self, listed: Iterable[Entry]) -> Iterable[Entry]:
        for one in listed:
            if one.kind is EntryKind.LINK and self._leads_out(one):
                self.left_out.append((one.path, f"a link out of the medium, to {shown(one.target)}"))
            else:
                yield one

    def _leads_out(self, link: Entry) -> bool:
        return link.target.startswith("/") or self._resolved(link.path) is None

    def _resolved(self, path: str) -> str | None:
        """Without links and dots; None: it leads out of the medium, or in a circle. Of what is not there the
        rest is taken as it is."""
        ahead, found, links = path.split("/")[::-1], list[str](), 0
        while ahead:
            part = ahead.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if not found:
                    return None
                found.pop()
                continue
            entry = self._folded.get("/".join((*found, part)).casefold())
            if entry is None or entry.kind is not EntryKind.LINK:
                found.append(entry.path.rpartition("/")[2] if entry else part)
                continue
            links += 1
            if entry.target.startswith("/") or links > _MOST_LINKS:
                return None
            ahead.extend(entry.target.split("/")[::-1])
        return "/".join(found)


class Listed:
    """A medium whose contents are listed: what is asked of paths, as installers.media.Medium has it."""

    contents: Contents

    def find(self, path: str) -> str | None:
        return self.contents.find(path)

    def names(self, folder: str) -> list[str]:
        return self.contents.names(folder)


def _in_lower_case(entries: tuple[Entry, ...]) -> tuple[tuple[Entry, ...], bool]:
    """Whether these are names of plain ISO 9660 (ECMA-119, 7.4: capitals, digits, underscores)."""
    plain = bool(entries) and not any(letter.islower() for one in entries for letter in one.path)
    plain = plain and any(letter.isupper() for one in entries for letter in one.path)
    if not plain:
        return entries, False
    return tuple(
        replace(one, path=one.path.lower(), same_as=one.same_as.lower()) for one in entries
    ), True


def _check_folders(entries: tuple[Entry, ...]) -> None:
    """Nothing lies below a link, nor below a file: whoever wrote there would write elsewhere."""
    kinds: dict[str, EntryKind] = {}
    for one in entries:
        if one.path in kinds and EntryKind.FOLDER not in (one.kind, kinds[one.path]):
            raise MediumError(f"{shown(one.path)} stands twice on the medium")
        kinds[one.path] = one.kind
    for one in entries:
        folder = one.path.rpartition("/")[0]
        while folder:
            if kinds.get(folder, EntryKind.FOLDER) is not EntryKind.FOLDER:
                raise MediumError(f"{shown(one.path)} lies below {shown(folder)}, which is no folder")
            folder = folder.rpartition("/")[0]


def shown(path: str) -> str:
    """A path for people: no bytes that are no letters, and nothing that a terminal obeys."""
    return path if path.isprintable() else ascii(path)


def clean(path: str) -> str | None:
    """A path as a medium gives it, without `./` and slashes at its ends; None: it leads out, or is none."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts or "\0" in path:
        return None
    return "/".join(parts)
