"""The links by which a host's boot files install it or start its disk: render/steering.py says how they lie.

Each is replaced in one step (rename(2)); one that says what it should is left alone. What a host is told that
waits for its turn is its own: copies of the generation's files for it, with its place in the queue.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from twinboot.errors import ResourceError

LOCAL, INSTALL, QUEUE, GROUPS = "local", "install", "queue", "groups"
_WAYS = "../current/ways/"
_OWN = {INSTALL, GROUPS}
"""Ways that have a folder for each host."""
_NEW, _WAITING = ".new-", ".waiting"
_TURN = "waits for its turn"
"""loaders/menu.py, TURN: after these words stands the place."""


class Way(NamedTuple):
    """folder: of `ways` of a generation, such as `local`, `install`, `queue`, `groups/GROUP`. words: what a
    host that waits is told beside."""

    folder: str
    words: str = ""


class SteerLinks:
    """folder: `steer` of the published folder. Used from one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def set(self, ways: Mapping[str, Way]) -> None:
        """Which boot files each of these hosts gets. ResourceError for the first link that cannot be made;
        the others are made."""
        fault: OSError | None = None
        for host, way in ways.items():
            try:
                self._point(host, self._target(host, way))
            except OSError as exc:
                fault = fault or exc
        if fault is not None:
            raise ResourceError(str(self._folder), f"cannot be written: {fault.strerror or fault}") from fault

    def keep_only(self, hosts: Iterable[str]) -> None:
        """Remove the links of hosts that the site no longer has."""
        known = set(hosts)
        waiting = self._folder / _WAITING
        try:
            for entry in os.scandir(self._folder):
                if entry.is_symlink() and entry.name not in known:
                    os.unlink(entry.path)
            for name in os.listdir(waiting) if waiting.is_dir() else ():
                if name not in known:
                    shutil.rmtree(waiting / name)
        except OSError as exc:
            raise ResourceError(str(self._folder), f"cannot be written: {exc.strerror or exc}") from exc

    def _target(self, host: str, way: Way) -> str:
        if way.words and self._tell(host, way):
            return f"{_WAITING}/{host}"
        own = way.folder.partition("/")[0] in _OWN
        return f"{_WAYS}{way.folder}/{host}" if own else f"{_WAYS}{way.folder}"

    def _tell(self, host: str, way: Way) -> bool:
        """A folder of the host's own: the files of its way, with the words in them. False: the generation has
        no such way, since the site has just changed."""
        files = self._folder / _WAYS / way.folder
        if not files.is_dir():
            return False
        place = self._folder / _WAITING / host
        place.mkdir(parents=True, exist_ok=True)
        for one in files.iterdir():
            new = place / f"{_NEW}{one.name}"
            new.write_text(one.read_text().replace(f"{_TURN}.", f"{_TURN}: {way.words}."))
            new.chmod(0o644)
            new.rename(place / one.name)
        for folder in (place, place.parent):
            folder.chmod(0o755)
        return True

    def _point(self, host: str, target: str) -> None:
        link = self._folder / host
        try:
            if os.readlink(link) == target:
                return
        except FileNotFoundError:
            pass
        new = self._folder / f"{_NEW}{host}"
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        new.rename(link)
