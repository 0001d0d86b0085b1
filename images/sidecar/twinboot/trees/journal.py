"""Which files of a tree that is being imported are whole: a line each, appended when the file is.

Owns the file. It may be ahead of the disk after a power-off: whoever reads it looks at the files, too.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from .manifest import File


class Journal:
    """medium: the fingerprint of what is imported; another one's journal is worth nothing. identity: of the
    import."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.medium, self.identity = "", ""
        self.files: dict[str, File] = {}
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, UnicodeDecodeError):
            return
        for line in lines:
            try:
                row = json.loads(line)
                if "medium" in row:
                    self.medium, self.identity = row["medium"], row["identity"]
                else:
                    self.files[row["path"]] = File(**row)
            except (ValueError, TypeError, KeyError):
                continue  # the last line of a process that was ended

    def begin(self, medium: str, identity: str) -> None:
        """For this medium from now on, with what is known already."""
        self.medium, self.identity = medium, identity
        head = json.dumps({"medium": medium, "identity": identity})
        lines = [head, *(json.dumps(asdict(one)) for one in self.files.values())]
        part = self._path.with_suffix(".part")
        part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        part.replace(self._path)

    def append(self, file: File) -> None:
        self.files[file.path] = file
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(fd, f"{json.dumps(asdict(file))}\n".encode())
        finally:
            os.close(fd)
