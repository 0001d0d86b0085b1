"""Whether a manifest that another server has made can be laid on this disk as it stands. Pure.

Its digest says that a server of this cluster has it; what it asks for is looked at all the same: a tree must
not reach out of its folder, and each path must be one thing only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from .manifest import FILE_NAME, Manifest

_LONGEST_NAME, _LONGEST_PATH = 255, 4000  # bytes: limits.h; the place of the trees folder comes before it
_MTIMES = range(-(1 << 31), 1 << 34)  # what ext4 can keep (ext4(5): 34 bits with 256-byte inodes)
_SIZE_MAX = 1 << 50


def implausible(manifest: Manifest) -> str:
    """The first thing that cannot be, in a few words with its place; empty: there is none."""
    paths = [*(one.path for one in manifest.files), *manifest.links]
    known = frozenset(paths)
    if len(known) != len(paths):
        return f"names {_twice(paths)} twice"
    folders = frozenset(above for path in paths for above in _folders_of(path))
    for path in paths:
        if path == FILE_NAME or path.startswith(f"{FILE_NAME}/"):
            return f"names its own file {FILE_NAME}"
        if path in folders:
            return f"has {_shown(path)} as a file and as a folder"
        if fault := _no_path(path):
            return fault
    for path, target in manifest.links.items():
        if target.startswith("/") or not target or _leads_out(path, target, manifest.links):
            return f"has a link that leads out of the tree: {_shown(path)} -> {_shown(target)}"
    for one in manifest.files:
        if one.mtime not in _MTIMES or one.size > _SIZE_MAX:
            return f"gives {_shown(one.path)} a size or time that no file has"
    return ""


def _no_path(path: str) -> str:
    try:
        parts = [os.fsencode(part) for part in path.split("/")]
    except UnicodeEncodeError:
        return f"has a path that no file can have: {_shown(path)}"
    if max(map(len, parts)) > _LONGEST_NAME or sum(map(len, parts)) + len(parts) > _LONGEST_PATH:
        return f"has a path that is too long: {_shown(path[:80])}..."
    return ""


def _leads_out(path: str, target: str, links: Mapping[str, str]) -> bool:
    """As every server resolves it, wherever the tree lies. A `..` behind another link could be anywhere."""
    at = path.split("/")[:-1]
    parts = [part for part in target.split("/") if part not in ("", ".")]
    for number, part in enumerate(parts):
        if part == "..":
            if not at:
                return True
            at.pop()
            continue
        at.append(part)
        if "/".join(at) in links and ".." in parts[number:]:
            return True
    return False


def _folders_of(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _twice(paths: list[str]) -> str:
    seen: set[str] = set()
    return next(_shown(one) for one in paths if one in seen or seen.add(one))  # type: ignore[func-returns-value]


def _shown(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode()
