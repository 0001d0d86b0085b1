"""The peers' site files, for `twinboot diff`: each server keeps those that the others work by. Likewise what
the servers tell each other while a site is applied (agent/rollout), in a table of its own.

Owns the replicated form: compressed JSON in rows of one packet each. A site file names secrets by their
paths; what is in those files is not in it, and so never leaves the server.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any, Protocol

from twinboot.replication.node import RowChange, TableReset

TABLE = "site"
ROW_BYTES = 1000
"""So that a row, its key and a signature fit a packet that IP need not fragment."""
MAX_ROWS = 4096
MAX_SITE_BYTES = 64 << 20
"""Of JSON; what unfolds to more is not looked at."""
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
        """This is the site that we work by."""
        packed = zlib.compress(json.dumps(site).encode())
        # The first row says how many there are: a copy that is not complete is known as such.
        whole = len(packed).to_bytes(4, "big") + packed
        rows = [whole[at:at + ROW_BYTES] for at in range(0, len(whole), ROW_BYTES)]
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
            self._read[peer] = self._unpacked(peer)
        return self._read[peer]

    def _unpacked(self, peer: str) -> Mapping[str, Any] | None:
        rows = self._peers.get(peer)
        if not rows:
            return None
        whole = b"".join(rows[key] for key in sorted(rows))
        size, packed = int.from_bytes(whole[:4], "big"), whole[4:]
        if len(packed) != size:
            return None
        unpacker = zlib.decompressobj()
        try:
            site = json.loads(unpacker.decompress(packed, MAX_SITE_BYTES))
        except (ValueError, zlib.error):
            return None
        return site if isinstance(site, dict) else None
