"""A medium that is one file: an ISO 9660 image (Rock Ridge, Joliet, plain), or a tar archive. By libarchive.

Owns nothing of the formats. Files come in the order in which they lie in the image, each byte is read once.
"""

from __future__ import annotations

import ctypes
import locale
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .contents import BUFFERS, Contents, Entry, EntryKind, Listed, MediumError, clean, shown
from .volume import Volume, read_volume

BLOCK = 256 << 10
"""It fits into a processor's cache, where it is hashed and written from: quicker than 1 MiB and 4 MiB."""
_MOST_TEXT = 32 << 20
_REMEDY = "fetch it again, or look at the disk (dmesg)"
_TAR_MAGIC_AT = 257
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
"""gzip, bzip2, xz, zstd: netboot archives are tar archives in one of these."""


class Archive(Listed):
    """See installers.media.Medium. MediumError: this is no medium, or it cannot be read."""

    one_file = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self.volume: Volume | None = read_volume(path)
        self._format = "iso9660" if self.volume else "tar"
        if self.volume is None and not _looks_like_tar(path):
            raise MediumError("is no ISO image (neither ISO 9660 nor UDF), and no tar archive")
        self.label = self.volume.label if self.volume else ""
        left_out: list[tuple[str, str]] = []
        self.contents = Contents(self._listed(left_out), left_out)
        self._texts: dict[str, str] = {}

    def text(self, path: str) -> str:
        found = self.contents.find(path)
        if found is None:
            return ""
        if found not in self._texts:
            entry = self.contents.entry(found)
            found_at = entry.same_as or entry.path
            for _, blocks in self.files(lambda one: one == found_at):
                data = b"".join(map(bytes, blocks))[:_MOST_TEXT]
                self._texts[found] = data.decode("utf-8", "replace")
                break
        return self._texts.get(found, "")

    def files(self, wanted: Callable[[str], bool]) -> Iterator[tuple[Entry, Iterator[memoryview]]]:
        """The wanted files and their content, in pieces: a piece is good until BUFFERS more are asked for."""
        buffers = tuple(ctypes.create_string_buffer(BLOCK) for _ in range(BUFFERS))
        with self._opened() as (reader, read):
            for raw in reader:
                path = self._path(raw)
                entry = self._entry(path) if path and raw.isreg and not raw.islnk else None
                if entry is not None and wanted(entry.path):
                    yield entry, _pieces(read, buffers, entry.path)

    def _entry(self, path: str) -> Entry | None:
        path = path.lower() if self.contents.plain else path
        try:
            return self.contents.entry(path)
        except KeyError:
            return None

    def _listed(self, left_out: list[tuple[str, str]]) -> list[Entry]:
        entries: dict[str, Entry] = {}
        with self._opened() as (reader, _):
            for raw in reader:
                path = self._path(raw)
                if path is None:
                    raise MediumError(f"the path {raw.pathname!r} on it leads out of it")
                if not path:
                    continue
                mtime = int(raw.mtime or 0)
                if raw.islnk:
                    first = clean(os.fsdecode(raw.linkpath)) or ""
                    if first not in entries:
                        raise MediumError(f"{shown(path)} has the content of {shown(first)}, not there")
                    entries[path] = Entry(path, EntryKind.FILE, entries[first].size, mtime, same_as=first)
                elif raw.issym:
                    entries[path] = Entry(path, EntryKind.LINK, target=os.fsdecode(raw.linkpath))
                elif raw.isdir:
                    entries[path] = Entry(path, EntryKind.FOLDER)
                elif raw.isreg:
                    entries[path] = Entry(path, EntryKind.FILE, raw.size or 0, mtime)
                else:
                    left_out.append((path, "neither a file nor a folder nor a link"))
        return list(entries.values())

    def _path(self, raw: Any) -> str | None:
        return clean(os.fsdecode(raw.pathname))

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, Callable[..., int]]]:
        """The reader of the entries, and libarchive's function that reads the content of the present one."""
        import libarchive  # type: ignore[import-untyped]
        from libarchive import ffi
        from libarchive.read import ArchiveRead, new_archive_read  # type: ignore[import-untyped]

        _names_in_utf8()
        try:
            fd = os.open(self.path, os.O_RDONLY)
        except OSError as exc:
            raise MediumError(f"cannot be read: {exc.strerror}") from exc
        try:
            with new_archive_read(self._format, "none" if self.volume else "all") as pointer:
                ffi.read_open_fd(pointer, fd, BLOCK)
                yield ArchiveRead(pointer), lambda buffer: ffi.read_data(pointer, buffer, BLOCK)
        except libarchive.ArchiveError as exc:
            raise MediumError(f"cannot be read: {exc.msg}; {_REMEDY}") from exc
        finally:
            os.close(fd)


def _pieces(
    read: Callable[..., int], buffers: tuple[Any, ...], path: str
) -> Iterator[memoryview]:
    import libarchive

    turn = 0
    while True:
        try:
            size = read(buffers[turn])
        except libarchive.ArchiveError as exc:
            raise MediumError(f"{shown(path)} cannot be read: {exc.msg}; {_REMEDY}") from exc
        if not size:
            return
        yield memoryview(buffers[turn]).cast("B")[:size]
        turn = (turn + 1) % BUFFERS


def _looks_like_tar(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(512)
    return head.startswith(_PACKED) or head[_TAR_MAGIC_AT:_TAR_MAGIC_AT + 5] == b"ustar"


def _names_in_utf8() -> None:
    """libarchive writes Joliet's names (UCS-2) in the letters of the locale."""
    if locale.setlocale(locale.LC_CTYPE).upper().endswith(("UTF-8", "UTF8")):
        return
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:  # names beyond ASCII will not be read
        return
