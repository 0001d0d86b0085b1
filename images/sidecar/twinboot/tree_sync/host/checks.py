"""Reads the trees again, now and then and slowly, and says what is not as it was imported.

Owns the file .twinboot/checked, which keeps over a restart when each tree was read and what was found: so the
alarm of a file that has rotted stays. Files that were found are looked at again when they change.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from twinboot.trees import reading
from twinboot.trees.tree_store import TreeStore
from twinboot.trees.verifying import Differing, verify

from ..logic.checking import Checked
from ..logic.codec import Altered
from ..logic.model import Own

_NAMED = 20


@dataclass(frozen=True, slots=True)
class Found:
    """digest: of the manifest that the tree was compared with. seen: how the named files looked then."""

    digest: str
    altered: Altered
    seen: tuple[str, ...] = ()


class Checks:
    """tell: called with bytes that were read; it waits as long as is due, and raises to end the reading.
    wall_time: s since 1970. Everything but found() and proven() is for one thread."""

    def __init__(self, trees: Path, tell: Callable[[int], None], wall_time: Callable[[], float]) -> None:
        self._place, self._tell, self._wall_time = TreeStore(trees), tell, wall_time
        self._lock = threading.Lock()
        self._found = self._read()

    def found(self) -> Mapping[str, Found]:
        """What was found, by tree; the mapping does not change any more."""
        return self._found

    def proven(self, name: str, digest: str) -> None:
        """A tree was published of which every byte was compared on its way: that counts as reading it."""
        self._keep({name: Found(digest, Altered(self._wall_time()))})

    def times(self) -> dict[str, Checked]:
        return {name: Checked(one.digest, one.altered.at) for name, one in self._found.items()}

    def check(self, name: str) -> tuple[Differing, ...]:
        """Read all of a tree. OSError, ManifestError."""
        top = self._place.tree(name)
        manifest = reading.strict_manifest(top)
        differing = tuple(verify(top, manifest, self._tell))
        after = reading.read_manifest(top)
        if after is None or after.digest != manifest.digest:
            return ()  # another one took its place meanwhile
        self._note(name, manifest.digest, differing)
        return differing

    def look_again(self, own: Own) -> None:
        """At the files that were found, where they have changed since; and forget trees that are gone."""
        kept = {name: one for name, one in self._found.items()
                if (tree := own.trees.get(name)) is not None and tree.digest == one.digest}
        if gone := self._found.keys() - kept.keys():
            self._keep({}, gone)
        for name, one in kept.items():
            if one.altered.count and one.seen != self._looks(name, one.altered.paths):
                self.check_named(name, one)

    def check_named(self, name: str, known: Found) -> None:
        top = self._place.tree(name)
        with contextlib.suppress(OSError, ValueError):
            manifest = reading.strict_manifest(top)
            if known.altered.count > len(known.altered.paths):
                self.check(name)  # there were more than are named
                return
            named = frozenset(known.altered.paths)
            few = tuple(one for one in verify(top, manifest, self._tell, only=named) if one.path in named)
            self._note(name, manifest.digest, few, at=known.altered.at)

    def _note(
        self, name: str, digest: str, differing: tuple[Differing, ...], at: float | None = None
    ) -> None:
        paths = tuple(one.path for one in differing[:_NAMED])
        altered = Altered(self._wall_time() if at is None else at, len(differing), paths)
        self._keep({name: Found(digest, altered, self._looks(name, paths))})

    def _keep(self, new: Mapping[str, Found], gone: Collection[str] = ()) -> None:
        with self._lock:
            self._found = {**{name: one for name, one in self._found.items() if name not in gone}, **new}
            self._write()

    def _looks(self, name: str, paths: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_look(self._place.tree(name) / path) for path in paths)

    def _read(self) -> dict[str, Found]:
        found: dict[str, Found] = {}
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            for name, row in json.loads((self._place.work / "checked").read_text(encoding="ascii")).items():
                said = row["altered"]
                altered = Altered(float(said["at"]), int(said["count"]), tuple(map(str, said["paths"])))
                found[name] = Found(str(row["digest"]), altered, tuple(map(str, row["seen"])))
        return found

    def _write(self) -> None:
        """A folder that cannot be written is read again after the next start: no harm."""
        with contextlib.suppress(OSError):
            self._place.work.mkdir(mode=0o700, exist_ok=True)
            part = self._place.work / "checked.part"
            part.write_text(json.dumps({name: asdict(one) for name, one in self._found.items()}),
                            encoding="ascii")
            part.replace(self._place.work / "checked")


def _look(path: Path) -> str:
    try:
        state = os.lstat(path)
    except OSError as exc:
        return exc.strerror or "gone"
    return f"{state.st_ino} {state.st_size} {state.st_mtime_ns} {state.st_ctime_ns}"
