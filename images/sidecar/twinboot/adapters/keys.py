"""Heartbeat keys: files with one line of hexadecimal digits, for root's eyes only."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from twinboot.errors import ResourceError

KEY_BYTES = 32
MIN_BYTES = 16


def read(path: Path) -> bytes:
    """The key in a file; ResourceError says what is wrong with the file and what would be right."""
    resource = f"key {path}"
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii")
    except FileNotFoundError as exc:
        raise ResourceError(resource, "not there; make one on one server (twinboot check --make-key) "
                            "and copy it to the others") from exc
    except PermissionError as exc:
        raise ResourceError(resource, "may not be read; give it to root: chown 0:0, chmod 600") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise ResourceError(resource, f"cannot be read: {exc}") from exc
    if stat.S_IMODE(mode) & 0o007:
        raise ResourceError(resource, f"mode {stat.S_IMODE(mode):04o} lets everyone read it; chmod 600")
    try:
        key = bytes.fromhex(text)
    except ValueError as exc:
        raise ResourceError(resource, "is not one line of hexadecimal digits") from exc
    if len(key) < MIN_BYTES:
        raise ResourceError(resource, f"has {len(key)} bytes; at least {MIN_BYTES} are needed, "
                            f"{KEY_BYTES} are usual")
    return key


def other_reader(path: Path) -> str:
    """Who, besides root, owns a key file or may read it, in words; empty: nobody.

    Whoever owns it reads and replaces it whatever its mode is. An agent that runs goes on with such a key:
    this is for `check`.
    """
    state = path.stat()
    if state.st_uid != 0:
        return f"belongs to user {state.st_uid}"
    if state.st_gid != 0 and state.st_mode & 0o060:
        return f"may be read by group {state.st_gid}"
    return ""


def generate(path: Path) -> bytes:
    """Write a new key to a file that does not exist yet, and return it."""
    key = secrets.token_bytes(KEY_BYTES)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as exc:
        raise ResourceError(f"key {path}", "is there already; it is not overwritten") from exc
    except OSError as exc:
        raise ResourceError(f"key {path}", f"cannot be written: {exc.strerror or exc}") from exc
    return key
