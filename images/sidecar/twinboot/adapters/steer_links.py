"""The links by which a host's boot files install it or start its disk: render/steering.py says how they lie.

Each is replaced in one step (rename(2)); one that says what it should is left alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from twinboot.errors import ResourceError

_INSTALL, _LOCAL = "../current/ways/install/{}", "../current/ways/local"
_NEW = ".new-"


class SteerLinks:
    """folder: `steer` of the published folder. Used from one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def set(self, installs: Mapping[str, bool]) -> None:
        """Whether each of these hosts is to be installed, or starts from its disk. ResourceError for the
        first link that cannot be made; the others are made."""
        fault: OSError | None = None
        for host, wanted in installs.items():
            try:
                self._point(host, _INSTALL.format(host) if wanted else _LOCAL)
            except OSError as exc:
                fault = fault or exc
        if fault is not None:
            raise ResourceError(str(self._folder), f"cannot be written: {fault.strerror or fault}") from fault

    def keep_only(self, hosts: Iterable[str]) -> None:
        """Remove the links of hosts that the site no longer has."""
        known = set(hosts)
        try:
            for entry in os.scandir(self._folder):
                if entry.is_symlink() and entry.name not in known:
                    os.unlink(entry.path)
        except OSError as exc:
            raise ResourceError(str(self._folder), f"cannot be written: {exc.strerror or exc}") from exc

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
