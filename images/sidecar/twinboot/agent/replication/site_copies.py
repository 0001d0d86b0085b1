"""The peers' site files, for `twinboot diff`: each server keeps those that the others work by. Likewise what
the servers tell each other while a site is applied (agent/rollout), in a table of its own.

A site file names secrets by their
paths; what is in those files is not in it, and so never leaves the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from twinboot.replication.node import RowChange, TableReset

from .documents import document_of, rows_of

TABLE = "site"
MAX_ROWS = 4096
MAX_SITE_BYTES = 64 << 20
"""Size limit of a site's JSON; what unfolds to more is not looked at."""
_NUMBER_BYTES = 2


class Replicated(Protocol):
    """replicator.Replicator, or a stand-in."""

    def put(self, table: str, key: bytes, value: bytes) -> bool: ...
    def remove(self, table: str, key: bytes) -> None: ...


class SiteCopies:
    """Our document for the peers, and theirs for us. Its handler must be subscribed to the table."""

    def __init__(self, replicator: Replicated, table: str = TABLE) -> None:
        self._replicator = replicator
        self._table = table
        self._read: dict[str, Mapping[str, Any] | None] = {}
        self._rows = 0
        self._peers: dict[str, dict[bytes, bytes]] = {}

    def publish(self, site: Mapping[str, Any]) -> None:
        """Tells the peers the site that this server works by."""
        rows = rows_of(site)
        for number, row in enumerate(rows):
            if not self._replicator.put(self._table, number.to_bytes(_NUMBER_BYTES, "big"), row):
                return
        for number in range(len(rows), self._rows):
            self._replicator.remove(self._table, number.to_bytes(_NUMBER_BYTES, "big"))
        self._rows = len(rows)

    def changed(self, news: TableReset | RowChange) -> None:
        """A peer's table, or a row of it, is another."""
        self._read.pop(news.peer, None)
        if isinstance(news, TableReset):
            self._peers[news.peer] = {}
            return
        rows = self._peers.setdefault(news.peer, {})
        if news.value is None:
            rows.pop(news.key, None)
        elif len(rows) < MAX_ROWS or news.key in rows:
            rows[news.key] = news.value

    def of(self, peer: str) -> Mapping[str, Any] | None:
        """The site that the peer works by; None: not (wholly) told yet, or not readable."""
        if peer not in self._read:
            self._read[peer] = document_of(self._peers.get(peer, {}), MAX_SITE_BYTES)
        return self._read[peer]
