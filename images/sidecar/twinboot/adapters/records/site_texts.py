"""Texts of the sites that were in use on this server, each in a file of its own, compressed; the oldest go.
Waits for the disk: used from one thread.

A file is a line of JSON (number, digest, and who asked for it when), and then the text (zlib).
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twinboot.errors import ResourceError

MAX_FILES = 100
MAX_BYTES = 64 << 20
"""Size limit of all files together; ten thousand hosts have some hundred kilobytes."""
_MAX_TEXT = 64 << 20
_END = ".site"


class SiteTexts:
    """folder: made with the first text."""

    def __init__(self, folder: Path, max_files: int = MAX_FILES, max_bytes: int = MAX_BYTES) -> None:
        self._folder, self._max_files, self._max_bytes = folder, max_files, max_bytes

    def add(self, head: Mapping[str, Any], text: str) -> None:
        """head: number and digest tell sites apart; one that is there already stays. ResourceError."""
        path = self._folder / f"{int(head['number']):08d}-{head['digest']}{_END}"
        part = path.with_suffix(".part")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.exists():
                return
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(json.dumps(dict(head)).encode() + b"\n" + zlib.compress(text.encode()))
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            self._drop_old()
        except OSError as exc:
            raise ResourceError(str(path), f"cannot be written: {exc.strerror or exc}") from exc

    def heads(self) -> list[dict[str, Any]]:
        """The newest first. ResourceError."""
        found = []
        for path in reversed(self._files()):
            with contextlib.suppress(ValueError, FileNotFoundError), path.open("rb") as file:
                head = json.loads(file.readline(4096))
                if isinstance(head, dict) and "number" in head and "digest" in head:
                    found.append(head)
        return found

    def text(self, *, number: int | None = None, digest: str = "") -> str | None:
        """Text of the newest site with this number, or this digest. None: it is not kept."""
        for path in reversed(self._files()):
            own_number, _, own_digest = path.name.removesuffix(_END).partition("-")
            if (number is None or int(own_number) == number) and digest in ("", own_digest):
                return self._read(path)
        return None

    def _read(self, path: Path) -> str | None:
        try:
            _, _, packed = path.read_bytes().partition(b"\n")
            return zlib.decompressobj().decompress(packed, _MAX_TEXT).decode()
        except (OSError, zlib.error, UnicodeDecodeError):
            return None

    def _files(self) -> list[Path]:
        try:
            found = [one for one in self._folder.iterdir() if one.suffix == _END and one.name[:8].isdigit()]
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise ResourceError(str(self._folder), f"cannot be read: {exc.strerror or exc}") from exc
        return sorted(found)

    def _drop_old(self) -> None:
        """The present one and the one before it stay, however large they are."""
        files = self._files()
        sizes = [one.stat().st_size for one in files]
        for at, path in enumerate(files[:-2]):
            if len(files) - at > self._max_files or sum(sizes[at:]) > self._max_bytes:
                path.unlink(missing_ok=True)
