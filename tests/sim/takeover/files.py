"""The published trees of both servers: their files in memory and, for the takeover process, on the disk.

Of each file the takeover process is told the SHA-256, as if a manifest had it.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from twinboot.takeover.host.published.contents import Content
from twinboot.takeover.host.published.tree import PublishedTree
from twinboot.takeover.logic.file_facts import CONTENT_BYTES

EPOCH = 1_795_000_000
MODIFIED = EPOCH - 1000
SIZES = (0, 1, 29, 700, 1448, 1460, 4000, 9000, 20000, 33333, 60000, 150000)


class Trees(Enum):
    """What the second server has: the same, the same with other times, or other bytes of the same sizes and
    times."""

    SAME = "same"
    OTHER_TIMES = "other-times"
    OTHER_BYTES = "other-bytes"


@dataclass(frozen=True)
class Files:
    """Path -> bytes. Every file has other bytes, and none repeats itself. modified: the time of all."""

    content: dict[bytes, bytes] = field(default_factory=dict)
    modified: int = MODIFIED


@cache
def files(trees: Trees = Trees.SAME) -> Files:
    what = "other file" if trees is Trees.OTHER_BYTES else "file"
    found = {}
    for size in SIZES:
        data = bytearray(Random(f"{what} of {size}").randbytes(size))
        if size > 5000:  # a file may hold the beginning of an answer
            data[1460:1460] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"
        found[b"/trees/f%d" % size] = bytes(data[:size])
    return Files(found, MODIFIED - 7000 * (trees is Trees.OTHER_TIMES))


class _Contents:
    """Every file is as a manifest says."""

    def of(self, _place: Any, file: int, state: os.stat_result) -> Content:
        data = os.pread(file, state.st_size, 0)
        return Content(hashlib.sha256(data).digest()[:CONTENT_BYTES])


@cache
def tree(trees: Trees = Trees.SAME) -> PublishedTree:
    """On the disk, for as long as the tests run."""
    base = tempfile.TemporaryDirectory(prefix="twinboot-sim-")
    _KEPT.append(base)
    root, told = Path(base.name), files(trees)
    times = told.modified, told.modified
    for path, data in told.content.items():
        file = root / path.decode().lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(0o644)
        os.utime(file, times)
        file.parent.chmod(0o755)
        os.utime(file.parent, times)
    root.chmod(0o755)
    os.utime(root, times)
    return PublishedTree(root, _Contents())  # type: ignore[arg-type]


_KEPT: list[tempfile.TemporaryDirectory[str]] = []
