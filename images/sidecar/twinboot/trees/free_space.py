"""Whether a tree has room on the disk, before the first byte of it is written."""

from __future__ import annotations

import os
from pathlib import Path

from .media.opening import AnyMedium

_SPARE = 1 << 20


class NoRoomError(Exception):
    """The text says how much is lacking."""


def check_room(top: Path, medium: AnyMedium, wanted: frozenset[str], size: int) -> None:
    """size: bytes of the tree. What lies in `top` already is counted."""
    files = [one for one in medium.contents.files() if one.path in wanted and not one.same_as]
    count = len(medium.contents.entries) if len(wanted) > len(files) // 2 else len(wanted)
    check_free(top, size, count)


def check_free(top: Path, size: int, count: int) -> None:
    """Room for a tree of `size` bytes and `count` files and folders in `top`. What lies there already is
    counted. NoRoomError."""
    state = os.statvfs(top)
    block = state.f_frsize
    have_size, have_count = _there(top)
    needed = size + count * block - have_size + _SPARE  # half a block is lost at the end of each file
    free = state.f_bavail * block
    if needed > free:
        raise NoRoomError(f"the tree needs {in_words(needed)}, and {in_words(free)} are free: "
                          f"{in_words(needed - free)} are lacking")
    if state.f_files and count - have_count > state.f_favail:
        raise NoRoomError(f"the tree needs {count - have_count:,} inodes; {state.f_favail:,} are free")


def _there(top: Path) -> tuple[int, int]:
    """Bytes and number of the files below a folder."""
    size = count = 0
    for folder, folders, names in os.walk(top):
        count += len(folders) + len(names)
        size += sum(os.lstat(os.path.join(folder, name)).st_blocks * 512 for name in names)
    return size, count


def in_words(size: int) -> str:
    """Decimal units, as disks and media are sold by."""
    value, units = float(size), ("bytes", "kB", "MB", "GB", "TB")
    for unit in units:
        if value < 1000 or unit == units[-1]:
            return f"{value:.0f} {unit}" if unit == "bytes" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError
