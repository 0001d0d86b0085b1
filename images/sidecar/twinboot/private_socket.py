"""A Unix socket for root alone, as processes of one server have for each other."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path


def listen(path: Path, backlog: int = 8) -> socket.socket:
    """The socket, mode 0600; one that an earlier life left behind is taken away. OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    before = os.umask(0o177)
    try:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(backlog)
    return listener
