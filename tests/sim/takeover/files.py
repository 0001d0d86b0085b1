"""The published tree of both servers: the same files in memory and, for the takeover process, on the disk."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random

from twinboot.takeover.host.published.tree import PublishedTree

EPOCH = 1_795_000_000
MODIFIED = EPOCH - 1000
SIZES = (0, 1, 29, 700, 1448, 1460, 4000, 9000, 20000, 33333, 60000, 150000)


@dataclass(frozen=True)
class Files:
    """Path -> bytes. Every file has other bytes, and none repeats itself."""

    content: dict[bytes, bytes] = field(default_factory=dict)


@cache
def files() -> Files:
    found = {}
    for size in SIZES:
        data = bytearray(Random(f"file of {size}").randbytes(size))
        if size > 5000:  # a file may hold the beginning of an answer
            data[1460:1460] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"
        found[b"/trees/f%d" % size] = bytes(data[:size])
    return Files(found)


@cache
def tree() -> PublishedTree:
    """On the disk, for as long as the tests run."""
    base = tempfile.TemporaryDirectory(prefix="twinboot-sim-")
    _KEPT.append(base)
    root = Path(base.name)
    for path, data in files().content.items():
        file = root / path.decode().lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(0o644)
        os.utime(file, (MODIFIED, MODIFIED))
        file.parent.chmod(0o755)
        os.utime(file.parent, (MODIFIED, MODIFIED))
    root.chmod(0o755)
    os.utime(root, (MODIFIED, MODIFIED))
    return PublishedTree(root)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []
