"""Puts files in their place, each in one step; what stood there is kept beside."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path


def write(path: Path, data: bytes, mode: int, owner: tuple[int, int] | None = None) -> None:
    """A reader, or a life after a crash, finds the old file or the new one. OSError."""
    for folder in reversed([one for one in path.parents if not one.is_dir()]):
        folder.mkdir(mode=0o700 if "secrets" in folder.parts else 0o755)
    handle, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            if owner is not None:
                os.fchown(handle, *owner)
            file.write(data)
            file.flush()
            os.fsync(handle)
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def differing(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Those of these files that are in the folder with other contents. OSError."""
    return [
        name for name, data in files.items()
        if os.path.lexists(folder / name)
        and not ((folder / name).is_file() and (folder / name).read_bytes() == data)
    ]


def put_aside(folder: Path, names: list[str], aside: Path) -> None:
    """Move these files of a folder to another one of the same file system, below their names. OSError."""
    for name in names:
        if os.path.lexists(folder / name):
            target = aside / name
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            (folder / name).rename(target)
