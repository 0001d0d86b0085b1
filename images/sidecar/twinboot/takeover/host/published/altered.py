"""Files of install trees that are known not to be as their manifest says: no download goes on with them.

Size and time are right, or they would not pass for the file that was being sent; it is the scheduled reading
(tree_sync) that has found another content. Owns no more than a view of what it wrote: below the trees folder,
.twinboot/checked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import PurePosixPath

_CHECKED = "trees/.twinboot/checked"
_MOST = 8 << 20


class AlteredFiles:
    """root: a descriptor of what is published, with the trees in `trees/`."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._seen: tuple[int, int] | None = None
        self._altered: Mapping[str, frozenset[str] | None] = {}
        """By tree, paths in it; None: more than are named."""

    def has(self, place: PurePosixPath) -> bool:
        """Is the file at this place one of them? Asked for each download: one stat(2)."""
        self._look()
        parts = place.parts
        if parts[:1] != ("trees",) or len(parts) < 3 or parts[1] not in self._altered:
            return False
        paths = self._altered[parts[1]]
        return paths is None or "/".join(parts[2:]) in paths

    def _look(self) -> None:
        """Reads the file again when it is another: it is written anew, never in place."""
        try:
            state = os.stat(_CHECKED, dir_fd=self._root)
        except OSError:
            self._seen, self._altered = None, {}
            return
        seen = state.st_ino, state.st_mtime_ns
        if seen != self._seen:
            self._seen, self._altered = seen, self._read()

    def _read(self) -> Mapping[str, frozenset[str] | None]:
        found: dict[str, frozenset[str] | None] = {}
        try:
            file = os.open(_CHECKED, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=self._root)
            with os.fdopen(file, "rb") as content:
                document = json.loads(content.read(_MOST))
            for tree, row in document.items():
                count, paths = int(row["altered"]["count"]), frozenset(map(str, row["altered"]["paths"]))
                if count:
                    found[tree] = paths if count <= len(paths) else None
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}
        return found
