"""What of a server goes into a backup, or to a server that joins it. Reads; changes nothing.

Of the folder of the site file: `site.yaml`, all of `secrets/`, and templates that are the operator's own. Of
the volumes what the table of kept files says (twinboot/kept.py).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from twinboot import kept, paths
from twinboot.adapters.machine_store import MachineStore
from twinboot.bundle.parts import Part
from twinboot.kept import KeptFile, Volume

SITE, SETTINGS = "config/site.yaml", "settings.env"
RECORD, MACHINES, LOGS = kept.RECORD.part, kept.MACHINES.part, kept.LOGS.part
CONFIG = "config/"
SECRETS, TEMPLATES = "secrets", "templates"
KEPT = "before-restore-"
"""A folder of what a restore has put aside begins so; it goes into no backup."""


@dataclass(frozen=True, slots=True)
class BackupPaths:
    """Folders of a server. settings: its compose/.env."""

    config: Path = paths.CONFIG
    state: Path = paths.STATE
    leases: Path = paths.LEASES
    settings: Path = Path("/compose/.env")
    templates: Path = paths.TEMPLATES
    """The image's: what is the same in the operator's folder came with the project."""

    def volume(self, volume: Volume) -> Path:
        return {Volume.STATE: self.state, Volume.LEASES: self.leases}[volume]

    def kept(self, one: KeptFile) -> Path:
        return self.volume(one.volume) / one.name


@dataclass(frozen=True, slots=True)
class Text:
    """A file of a folder, such as a machine's log. text: its bytes, each as a letter of Latin-1. at: when it
    was last written, seconds since 1970, by which the oldest go first where there are too many."""

    name: str
    at: float
    text: str


def config_parts(place: BackupPaths) -> dict[str, Part]:
    """The site file, and the files that it may name. OSError names the one that cannot be read."""
    found = {}
    site = place.config / "site.yaml"
    if site.is_file():
        found[SITE] = _part(site)
    for folder in (SECRETS, TEMPLATES):
        for path in _files(place.config / folder):
            name = path.relative_to(place.config)
            if folder == TEMPLATES and _same(path, place.templates / name.relative_to(TEMPLATES)):
                continue
            found[f"{CONFIG}{name}"] = _part(path)
    return found


def state_parts(place: BackupPaths) -> dict[str, Part]:
    """What the sidecar keeps. OSError, ResourceError."""
    found = {}
    for one in kept.TABLE:
        path = place.kept(one)
        if one.part and path.exists():
            found[one.part] = Part(_READERS.get(one, Path.read_bytes)(path), one.mode)
    if place.settings.is_file():
        found[SETTINGS] = _part(place.settings)
    return found


def _machines(database: Path) -> bytes:
    """Text of the machines' records at one moment, also while the sidecar writes: SQLite's snapshot."""
    store = MachineStore(database)
    try:
        return machines_text(store.read())
    finally:
        store.close()


def _texts(folder: Path) -> bytes:
    """A line for each file, the one written last first; of more than LOG_BYTES the first ones. The sidecar
    may take one away meanwhile."""
    listed, size, rows = [], 0, []
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if path.is_file() and not path.name.endswith(kept.BESIDE):
                listed.append((path.stat().st_mtime, path))
    for at, path in sorted(listed, reverse=True):
        with contextlib.suppress(FileNotFoundError):
            data = path.read_bytes()
            size += len(data)
            if size > kept.LOG_BYTES:
                break
            rows.append(json.dumps([path.name, at, data.decode("latin-1")], ensure_ascii=False))
    return "".join(f"{row}\n" for row in rows).encode()


_READERS: Mapping[KeptFile, Callable[[Path], bytes]] = MappingProxyType({
    kept.MACHINES: _machines, **{one: _texts for one in kept.TABLE if one.name.endswith("/")},
})
"""Readers of what goes into a backup in another form than it has on the disk."""


def texts_of(data: bytes) -> list[Text]:
    """ValueError when it is not what _texts() makes."""
    found = [Text(str(name), float(at), str(text)) for name, at, text in map(json.loads, data.splitlines())]
    if wrong := [one.name for one in found if "/" in one.name or one.name in (".", "..")]:
        raise ValueError(f"{wrong[0]!r} is no name of a file")
    return found


def machines_text(records: dict[str, bytes]) -> bytes:
    """A line for each machine: its name, and its record as the servers tell it each other."""
    rows = (json.dumps([name, record.decode()]) for name, record in sorted(records.items()))
    return "".join(f"{row}\n" for row in rows).encode()


def machines_of(data: bytes) -> dict[str, bytes]:
    """ValueError when it is not what machines_text() makes."""
    rows = [json.loads(line) for line in data.decode().splitlines()]
    return {str(name): str(record).encode() for name, record in rows}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(KEPT) for part in path.parts):
            yield path


def _same(path: Path, other: Path) -> bool:
    return other.is_file() and other.read_bytes() == path.read_bytes()


def _part(path: Path) -> Part:
    return Part(path.read_bytes(), path.stat().st_mode & 0o777)
