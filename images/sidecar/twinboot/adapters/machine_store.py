"""The records of machines on this server's disk: an SQLite database in the state volume.

Waits for the disk: used from one thread. A write is on the disk when it returns (synchronous=FULL), all of it
or nothing. Source: SQLite's documentation, "Write-Ahead Logging" and "PRAGMA synchronous".
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from twinboot.errors import ResourceError

_BUSY_S = 5.0


class MachineStore:
    """One row a machine: its name, its record's bytes. ResourceError when the database cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None

    def read(self) -> dict[str, bytes]:
        """All of them; none where there is no database yet."""
        try:
            rows = self._open().execute("SELECT name, record FROM machines").fetchall()
        except sqlite3.Error as exc:
            raise self._fault(exc) from exc
        return {str(name): bytes(data) for name, data in rows}

    def write(self, records: Mapping[str, bytes]) -> None:
        """Writes these records; they are on the disk when this returns."""
        try:
            with self._open() as database:
                database.executemany(
                    "INSERT INTO machines VALUES (?, ?) "
                    "ON CONFLICT (name) DO UPDATE SET record = excluded.record",
                    records.items(),
                )
        except sqlite3.Error as exc:
            raise self._fault(exc) from exc

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            database = sqlite3.connect(self._path, timeout=_BUSY_S, check_same_thread=False)
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=FULL")
            database.execute(
                "CREATE TABLE IF NOT EXISTS machines (name TEXT PRIMARY KEY, record BLOB NOT NULL)"
            )
            self._database = database
        return self._database

    def _fault(self, exc: sqlite3.Error) -> ResourceError:
        self.close()
        return ResourceError(str(self._path), f"cannot be used: {exc}")
