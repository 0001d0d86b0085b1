"""What a tree on the disk is, in a few numbers, so that servers can tell each other.

No file is read. Two trees are the same when their manifests say so (SHA-256 of every file), or, where one of
them has none, when all names and sizes are equal: who keeps trees equal by other means may have other times.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .manifest import FILE_NAME
from .reading import read_manifest
from .verifying import Difference, verify, walked

_DIGEST_CHARS = 32


@dataclass(frozen=True, slots=True)
class TreeFacts:
    """shape: a digest of all names and sizes. contents: of the manifest, empty without one. files, size in
    bytes: as the disk has them. altered: files that are not as the manifest says, by size, time or name;
    first: one of these, in a few words."""

    shape: str
    contents: str = ""
    files: int = 0
    size: int = 0
    altered: int = 0
    first: str = ""

    def same_as(self, other: TreeFacts) -> bool:
        if self.altered or other.altered or not (self.contents and other.contents):
            return self.shape == other.shape
        return self.contents == other.contents

    def document(self) -> dict[str, Any]:
        return asdict(self)


def facts_of(document: Mapping[str, Any]) -> TreeFacts | None:
    """What a peer has told; None: nothing that this release understands. What it lacks is as by default."""
    try:
        known = {name: document[name] for name in TreeFacts.__slots__ if name in document}
        found = TreeFacts(**known)
    except TypeError:
        return None
    texts, numbers = (found.shape, found.contents, found.first), (found.files, found.size, found.altered)
    sound = all(isinstance(one, str) for one in texts) and all(type(one) is int for one in numbers)
    return found if sound else None


def look_at(tree: Path) -> TreeFacts | None:
    """None: there is no such folder. OSError: it cannot be read."""
    if not tree.is_dir():
        return None
    digest, files, size = hashlib.sha256(), 0, 0
    lines = []
    for path, state in walked(tree):
        if path == FILE_NAME:
            continue
        if stat.S_ISLNK(state.st_mode):
            lines.append(f"{path}\0->{os.readlink(tree / path)}")
        else:
            lines.append(f"{path}\0{state.st_size}")
            files, size = files + 1, size + state.st_size
    for line in sorted(lines):
        digest.update(os.fsencode(line) + b"\n")
    shape = digest.hexdigest()[:_DIGEST_CHARS]
    manifest = read_manifest(tree)
    if manifest is None:
        return TreeFacts(shape, "", files, size)
    differing = list(verify(tree, manifest, contents=False))
    first = _shown(differing[0].path, differing[0].difference, differing[0].detail) if differing else ""
    return TreeFacts(shape, manifest.contents[:_DIGEST_CHARS], files, size, len(differing), first)


def _shown(path: str, difference: Difference, detail: str) -> str:
    shown = os.fsencode(path).decode("utf-8", "backslashreplace")
    return f"{shown}: {difference}" + (f" ({detail})" if detail else "")
