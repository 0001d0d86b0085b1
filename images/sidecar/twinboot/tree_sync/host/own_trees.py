"""Which trees are on the disk, read anew where something changed."""

from __future__ import annotations

import json
import os
from pathlib import Path

from twinboot.trees import reading, removals
from twinboot.trees.manifest import FILE_NAME
from twinboot.trees.tree_store import FETCH, TreeStore

from ..logic.codec import NAME
from ..logic.model import Own, Removal, Tree


class OwnTrees:
    """Looks at the trees; for one thread at a time."""

    def __init__(self, trees: Path) -> None:
        self._place = TreeStore(trees, FETCH)
        self._seen: dict[str, tuple[tuple[int, ...], Tree | None]] = {}

    def own(self) -> Own:
        """OSError: the trees folder cannot be read."""
        names = [one.name for one in reading.folders(self._place.trees) if NAME.fullmatch(one.name)]
        self._seen = {name: self._tree(name) for name in names}
        removed = tuple(
            Removal(one.name, one.digests, one.contents, one.everywhere, one.replaced, one.widened)
            for one in removals.read(self._place)
        )
        staged = {name: _digest_of(self._place.journal(name)) for name in self._place.unfinished()}
        return Own({name: tree for name, (_, tree) in self._seen.items()}, removed, staged)

    def _tree(self, name: str) -> tuple[tuple[int, ...], Tree | None]:
        top = self._place.tree(name)
        seen = _glance(top)
        known = self._seen.get(name)
        if known is not None and known[0] == seen:
            return known
        manifest = reading.read_manifest(top)
        if manifest is None:
            return seen, None
        return seen, Tree(manifest.digest, manifest.contents, manifest.size, len(manifest.files),
                          manifest.replaces)  # fmt: skip


def _glance(top: Path) -> tuple[int, ...]:
    """What changes when a tree is published."""
    found: list[int] = []
    for path in (top, top / FILE_NAME):
        try:
            state = os.stat(path)
            found += (state.st_ino, state.st_mtime_ns, state.st_size)
        except OSError:
            found.append(0)
    return tuple(found)


def _digest_of(journal: Path) -> str:
    """Digest of the manifest whose files are being fetched; the journal's first line has it."""
    try:
        with journal.open(encoding="utf-8") as file:
            return str(json.loads(file.readline())["medium"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
