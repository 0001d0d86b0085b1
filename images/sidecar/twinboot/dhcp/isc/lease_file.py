"""dhcpd's lease file, and beside it the journal of what the whole cluster knows of leases.

Owns reading the file as it grows, putting another in its place, and the journal's size. Waits for the
disk: used from threads only. Whether dhcpd runs, and so who may write, is the caller's business.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from twinboot.dhcp.isc.lease_text import Lease, LeaseFileParser, journal_text
from twinboot.errors import ResourceError

_HEADER = b"""# The format of this file is documented in the dhcpd.leases(5) manual page.
# Put together by Twinboot from what every server knew; dhcpd goes on with it.

"""
_CHUNK_BYTES = 1 << 20
_JOURNAL_SLACK_BYTES = 1 << 18
_IN_MODIFY, _IN_MOVED_TO, _IN_CREATE = 0x2, 0x80, 0x100
_IN_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000


class LeaseFile:
    """The file that dhcpd reads at its start and appends to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._inode = (0, 0)
        self._parser = LeaseFileParser()

    def read(self) -> list[Lease]:
        """Declarations since the last call; all of them when dhcpd (or we) wrote the file anew.

        dhcpd writes a new file and renames it (dhcpd.leases(5)); everything of the old one is in it.
        """
        found: list[Lease] = []
        try:
            status = self._path.stat()
            if self._file is None or self._inode != (status.st_dev, status.st_ino):
                self.close()
                self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
                status = os.fstat(self._file)
                self._inode = status.st_dev, status.st_ino
                self._parser = LeaseFileParser()
            while data := os.read(self._file, _CHUNK_BYTES):
                found += self._parser.feed(data)
        except FileNotFoundError:
            pass
        except OSError as exc:
            self.close()
            raise ResourceError(str(self._path), f"cannot be read: {exc.strerror or exc}") from exc
        return found

    def write(self, leases: Iterable[Lease]) -> None:
        """Put these in the file's place, in one step. Only while dhcpd does not run.

        The folder belongs to group dhcpd and hands the group on (setgid), so dhcpd may go on with it.
        No fsync: dhcpd begins by writing the file anew, and waits for the disk itself.
        """
        _replace(self._path, _HEADER + b"".join(lease.text for lease in leases), 0o664, sync=False)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class Journal:
    """All that this server knows, its own and its peers', over restarts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._live_bytes = 0

    def load(self) -> tuple[list[Lease], int]:
        """Every declaration in it, in order, and the last term here."""
        parser = LeaseFileParser()
        try:
            found = list(parser.feed(self._path.read_bytes()))
        except FileNotFoundError:
            return [], 0
        except OSError as exc:
            raise ResourceError(str(self._path), f"cannot be read: {exc.strerror or exc}") from exc
        return found, parser.term

    def append(self, changed: Iterable[Lease], everything: Iterable[Lease], term: int) -> bool:
        """Add what changed; write all of it anew when most of what stands there is out of date."""
        text = journal_text(changed, term)
        try:
            size = self._path.stat().st_size if self._path.exists() else 0
            if self._live_bytes == 0 or size + len(text) > 2 * self._live_bytes + _JOURNAL_SLACK_BYTES:
                text = journal_text(everything, term)
                _replace(self._path, text, 0o640, sync=True)
                self._live_bytes = max(1, len(text))
                return True
            # The line feed ends a line that a power cut may have left without its end.
            with open(self._path, "ab") as file:
                file.write(b"\n" + text)
            return True
        except OSError as exc:
            raise ResourceError(str(self._path), f"cannot be written: {exc.strerror or exc}") from exc


class FolderChanges:
    """Tells that a file of a folder was written (inotify(7)). Readable when there is news."""

    def __init__(self, folder: Path) -> None:
        resource = f"inotify on {folder}"
        libc = ctypes.CDLL(None, use_errno=True)
        self._handle = libc.inotify_init1(_IN_NONBLOCK_CLOEXEC)
        if self._handle < 0:
            raise ResourceError(resource, os.strerror(ctypes.get_errno()))
        mask = _IN_MODIFY | _IN_MOVED_TO | _IN_CREATE
        if libc.inotify_add_watch(self._handle, os.fsencode(folder), mask) < 0:
            reason = os.strerror(ctypes.get_errno())
            self.close()
            raise ResourceError(resource, reason)

    def fileno(self) -> int:
        return int(self._handle)

    def drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._handle, 65_536):
                pass

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _replace(path: Path, text: bytes, mode: int, *, sync: bool) -> None:
    made = path.with_name(path.name + ".new")
    try:
        handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(text)
            file.flush()
            if sync:
                os.fsync(handle)
        os.replace(made, path)
    except OSError as exc:
        raise ResourceError(str(path), f"cannot be written: {exc.strerror or exc}") from exc
