"""Files of what installers have said, one or two a machine, bounded.

Waits for the disk: used from one thread. NAME.log is written; when it is full it becomes NAME.log.old in
the place of the one before. When all of them are too much, those of the machine that was heard longest ago
go.
"""

from __future__ import annotations

import contextlib
import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from twinboot.kept import LOG_BYTES

FILE_BYTES = 128 << 10
SUFFIX, OLD = ".log", ".log.old"


def tail(folder: Path, host: str, most: int) -> tuple[str, bool]:
    """The last `most` octets of what was kept of a host, in whole lines; and whether there was more."""
    data = b""
    for suffix in (OLD, SUFFIX):
        with contextlib.suppress(FileNotFoundError):
            data += (folder / f"{host}{suffix}").read_bytes()
    cut = len(data) > most
    if cut:
        data = data[-most:].partition(b"\n")[2]
    return data.decode("utf-8", "replace"), cut


class LogFiles:
    """OSError where the folder cannot be used."""

    def __init__(self, folder: Path, file_bytes: int = FILE_BYTES, all_bytes: int = LOG_BYTES) -> None:
        self._folder, self._file_bytes, self._all_bytes = folder, file_bytes, all_bytes
        self._sizes: OrderedDict[str, list[int]] | None = None
        """By host, the one heard longest ago first: bytes of its file, and of its old one."""

    def append(self, host: str, lines: Sequence[str]) -> None:
        """A host's name is a label of DNS: no path leads out of the folder."""
        sizes = self._known()
        size = sizes.pop(host, [0, 0])
        sizes[host] = size
        data = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")[-self._file_bytes:]
        path = self._folder / f"{host}{SUFFIX}"
        if size[0] and size[0] + len(data) > self._file_bytes:
            os.replace(path, self._folder / f"{host}{OLD}")
            size[:] = [0, size[0]]
        with path.open("ab") as file:
            file.write(data)
        size[0] += len(data)
        while sum(map(sum, sizes.values())) > self._all_bytes and len(sizes) > 1:
            oldest, _ = sizes.popitem(last=False)
            for suffix in (SUFFIX, OLD):
                with contextlib.suppress(FileNotFoundError):
                    (self._folder / f"{oldest}{suffix}").unlink()

    def _known(self) -> OrderedDict[str, list[int]]:
        if self._sizes is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = [(one.stat(), one.name) for one in self._folder.iterdir()]
            sizes: OrderedDict[str, list[int]] = OrderedDict()
            for stat, name in sorted(found, key=lambda one: one[0].st_mtime):
                host, dot, rest = name.partition(".")
                if dot + rest in (SUFFIX, OLD):
                    sizes.setdefault(host, [0, 0])[dot + rest == OLD] = stat.st_size
                    sizes.move_to_end(host)
            self._sizes = sizes
        return self._sizes
