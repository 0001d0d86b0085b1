"""A Unix socket for its owner alone, as processes of one server have for each other."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path


def listen(path: Path, backlog: int = 8, *, mode: int = 0o600) -> socket.socket:
    """The socket; one that an earlier life left behind is taken away. mode: another one where its folder
    keeps other users out. OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    before = os.umask(0o777 & ~mode)
    try:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(backlog)
    return listener
