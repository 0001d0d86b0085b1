"""Whether files can be written: a small file is written through to the disk, and removed again."""

from __future__ import annotations

import os
from pathlib import Path

from twinboot.errors import ResourceError

_SIZE = 64 << 10
"""More than the odd block that is left on a full disk."""


def try_writing(path: Path) -> None:
    """Returns when the bytes are on the disk; a disk that hangs holds the caller up. Raises ResourceError.
    path: of a file that is nobody's."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            left = _SIZE
            while left:
                left -= os.write(file, bytes(left))
            os.fsync(file)
        finally:
            os.close(file)
            path.unlink(missing_ok=True)
    except OSError as exc:
        raise ResourceError(str(path.parent), exc.strerror or str(exc)) from exc
