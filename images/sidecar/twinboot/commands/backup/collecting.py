"""What of a server goes into a backup, or to a server that joins it. Reads; changes nothing.

Of the folder of the site file: `site.yaml`, all of `secrets/`, and templates that are the operator's own. Of
the volumes: the site in use, the records of machines, the leases of all servers, the history of moves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from twinboot import paths
from twinboot.adapters.machine_store import MachineStore
from twinboot.bundle.parts import Part

SITE, RECORD, MACHINES, LEASES, HISTORY, SETTINGS = (
    "config/site.yaml", "site.json", "machines.json", "leases", "history.json", "settings.env",
)
CONFIG = "config/"
SECRETS, TEMPLATES = "secrets", "templates"
KEPT = "before-restore-"
"""A folder of what a restore has put aside begins so; it goes into no backup."""
MACHINE_FILE, LEASE_FILE, HISTORY_FILE = "machines.sqlite", "twinboot.leases", "history.json"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server's own is. settings: its compose/.env."""

    config: Path = paths.CONFIG
    state: Path = paths.STATE
    leases: Path = paths.LEASES
    settings: Path = Path("/compose/.env")
    templates: Path = paths.TEMPLATES
    """The image's: what is the same in the operator's folder came with the project."""


def config_parts(place: Place) -> dict[str, Part]:
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


def state_parts(place: Place) -> dict[str, Part]:
    """What the sidecar keeps. OSError, ResourceError."""
    found = {}
    for name, path in (
        (RECORD, place.state / paths.SITE_RECORD.name), (HISTORY, place.state / HISTORY_FILE),
        (LEASES, place.leases / LEASE_FILE), (SETTINGS, place.settings),
    ):  # fmt: skip
        if path.is_file():
            found[name] = _part(path)
    database = place.state / MACHINE_FILE
    if database.is_file():
        store = MachineStore(database)
        try:
            records = store.read()  # of one moment, also while the sidecar writes: SQLite's snapshot
        finally:
            store.close()
        found[MACHINES] = Part(machines_text(records), 0o600)
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
