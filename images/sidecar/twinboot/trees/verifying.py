"""Compares a tree on the disk with its manifest, file by file."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from .manifest import FILE_NAME, File, Manifest, by_path

_BLOCK = 1 << 20


class Difference(StrEnum):
    """How a file differs from what the manifest says."""

    CHANGED = "changed"
    TIME = "other time"
    MISSING = "missing"
    ADDED = "added"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Differing:
    """path: below the tree. detail: in a few words; may be empty."""

    path: str
    difference: Difference
    detail: str = ""


def verify(
    tree: Path, manifest: Manifest, tell: Callable[[int], None] = lambda _: None, *, contents: bool = True,
    only: frozenset[str] | None = None,
) -> Iterator[Differing]:
    """Each difference. contents: read every file, or those in `only`; else sizes and times are compared
    alone. tell: called with bytes that were read."""
    expected, links, seen = by_path(manifest.files), manifest.links, set[str]()
    for path, state in walked(tree):
        seen.add(path)
        if stat.S_ISLNK(state.st_mode):
            target = os.readlink(tree / path)
            if links.get(path) != target:
                yield Differing(path, Difference.CHANGED if path in links or path in expected else
                                Difference.ADDED, f"a link to {target}")
        elif path not in expected:
            if path != FILE_NAME:
                yield Differing(path, Difference.ADDED)
        elif not stat.S_ISREG(state.st_mode):
            yield Differing(path, Difference.CHANGED, "no file any more")
        else:
            read = contents and (only is None or path in only)
            yield from _compared(tree / path, expected[path], state, tell if read else None)
    for path in (*expected, *links):
        if path not in seen:
            yield Differing(path, Difference.MISSING)


def added(tree: Path, manifest: Manifest) -> list[str]:
    """What an import did not put there. OSError."""
    differing = verify(tree, manifest, contents=False)
    return [one.path for one in differing if one.difference is Difference.ADDED]


def walked(tree: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Everything that is no folder."""
    ahead = [""]
    while ahead:
        folder = ahead.pop()
        with os.scandir(tree / folder) as listing:
            found = sorted(listing, key=lambda one: one.name)
        for one in found:
            path = f"{folder}/{one.name}" if folder else one.name
            state = one.stat(follow_symlinks=False)
            if stat.S_ISDIR(state.st_mode):
                ahead.append(path)
            else:
                yield path, state


def _compared(
    place: Path, file: File, state: os.stat_result, tell: Callable[[int], None] | None
) -> Iterator[Differing]:
    if state.st_size != file.size:
        yield Differing(file.path, Difference.CHANGED, f"{state.st_size:,} bytes, not {file.size:,}")
        return
    if tell is not None:
        try:
            digest = _sha256(place, tell)
        except OSError as exc:
            yield Differing(file.path, Difference.UNREADABLE, exc.strerror or str(exc))
            return
        if digest != file.sha256:
            yield Differing(file.path, Difference.CHANGED, "other content of the same size")
            return
    if int(state.st_mtime) != file.mtime:
        yield Differing(file.path, Difference.TIME)


def _sha256(place: Path, tell: Callable[[int], None]) -> str:
    digest, buffer = hashlib.sha256(), bytearray(_BLOCK)
    view = memoryview(buffer)
    with place.open("rb", buffering=0) as file:
        while size := file.readinto(buffer):
            digest.update(view[:size])
            tell(size)
    return digest.hexdigest()
