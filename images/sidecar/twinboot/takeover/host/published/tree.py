"""The published tree as the FTP and HTTP servers see it; nothing outside of it is accessible.

The kernel resolves paths with the tree's root as root (openat2(2), RESOLVE_IN_ROOT): links, absolute ones
too, and `..` resolve as inside the servers' chroot. Only regular files that are world-readable are opened,
as vsftpd does (anon_world_readable_only).
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from twinboot.errors import ResourceError
from twinboot.takeover.logic.file_facts import FileFacts
from twinboot.takeover.logic.protocols.ftp import ListingFormat
from twinboot.takeover.logic.protocols.http import DIRECTORY

from . import listing
from .altered import AlteredFiles
from .contents import Contents

_SYS_OPENAT2 = 437  # the same number on every architecture
_RESOLVE_IN_ROOT = 0x10
_RESOLVE_NO_MAGICLINKS = 0x02
MAX_LISTING_ENTRIES = 1000
"""Limit for a listing that is generated in the event loop: it takes milliseconds."""
_LIBC = ctypes.CDLL(None, use_errno=True)


class PublishedTree:
    """One published tree. ResourceError when its root cannot be opened. contents: of its files; given when
    another view of the same trees has them."""

    def __init__(self, root: Path, contents: Contents | None = None) -> None:
        try:
            self._root = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as exc:
            raise ResourceError(str(root), str(exc)) from exc
        self._altered = AlteredFiles(self._root)
        self._contents = contents if contents is not None else Contents(root / "trees")

    def open(self, path: bytes) -> int | None:
        """A descriptor of a published file; None when there is no such file."""
        return self._open(path, 0, stat.S_ISREG, stat.S_IROTH)

    def open_directory(self, path: bytes) -> int | None:
        """A descriptor of a published directory; None when there is no such directory."""
        return self._open(path, os.O_DIRECTORY, stat.S_ISDIR, stat.S_IROTH | stat.S_IXOTH)

    def file_facts(self, path: bytes) -> FileFacts | None:
        """Facts of a published file; None: there is none, or its content is not what it should be."""
        found = self.open(path)
        if found is None:
            return None
        try:
            facts, place = os.fstat(found), self._place(found)
            content = self._contents.of(place, found, facts)
            if self._altered.has(place) and not content.proven:
                return None
        finally:
            os.close(found)
        return FileFacts(facts.st_size, int(facts.st_mtime), content.digest)

    def _place(self, file: int) -> PurePosixPath:
        """Path of an open file below the root, without links; absolute: it is not below it (a test's
        mount)."""
        place = PurePosixPath(os.readlink(f"/proc/self/fd/{file}"))
        root = PurePosixPath(os.readlink(f"/proc/self/fd/{self._root}"))
        return place.relative_to(root) if place.is_relative_to(root) else place

    def is_directory(self, path: bytes) -> bool:
        """Whether there is a published directory of that name."""
        found = self.open_directory(path)
        if found is not None:
            os.close(found)
        return found is not None

    def listing(self, path: bytes, form: ListingFormat) -> bytes | None:
        """A published directory as FTP lists it; None: no directory, too large, or format not supported."""
        return (
            self._listing(path, form, limit=MAX_LISTING_ENTRIES) if ListingFormat.OTHER not in form else None
        )

    def full_listing(self, path: bytes, form: ListingFormat) -> bytes:
        """The listing of a directory of any size, or of a single entry; empty if there is none."""
        if self.is_directory(path):
            return self._listing(path, form) or b""
        above, _slash, only = path.rpartition(b"/")
        return self._listing(above or b"/", form, only=only) or b""

    def _listing(self, path: bytes, form: ListingFormat, *, only: bytes = b"", limit: int | None = None
                 ) -> bytes | None:
        found, above = self.open_directory(path), self.open_directory(path + b"/..")
        try:
            if found is None:
                return None
            return listing.directory_listing(found, form, time.time(), parent=above, only=only, limit=limit)
        except OSError:
            return None
        finally:
            for one in (found, above):
                if one is not None:
                    os.close(one)

    def listing_facts(self, path: bytes, form: ListingFormat) -> FileFacts | None:
        """Size in bytes and CRC-32 of a listing."""
        found = self.listing(path, form)
        return FileFacts(len(found), zlib.crc32(found)) if found is not None else None

    def web_listing_facts(self, path: bytes) -> FileFacts | None:
        """http.DIRECTORY, and a digest of what the HTTP service's listing is made from; the digest is 0 for a
        path without the slash at its end, which is answered with a redirection. None: no directory, or one
        that is too large."""
        found = self.open_directory(path)
        if found is None:
            return None
        try:
            digest = listing.web_listing_digest(found, MAX_LISTING_ENTRIES) if path.endswith(b"/") else 0
        except OSError:
            return None
        finally:
            os.close(found)
        return FileFacts(DIRECTORY, digest) if digest is not None else None

    def close(self) -> None:
        os.close(self._root)

    def _open(self, path: bytes, flags: int, kind: Callable[[int], bool], rights: int) -> int | None:
        if b"\0" in path:
            return None
        how = struct.pack("@QQQ", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | flags, 0,
                          _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
        found: int = _LIBC.syscall(_SYS_OPENAT2, self._root, path or b".", how, len(how))
        if found < 0:
            return None
        facts = os.fstat(found)
        if kind(facts.st_mode) and facts.st_mode & rights == rights:
            return found
        os.close(found)
        return None
