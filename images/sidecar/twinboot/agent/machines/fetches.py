"""Which files a machine has fetched until its install began, and from which server: a part of its state
history.

Each server tells its peers what it gave; so the history is whole on all of them, and outlives any one.
Bounded: the last files of the machines that fetched last.
"""

from __future__ import annotations

import json
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from twinboot.machines.reports import plain
from twinboot.replication.node import RowChange, TableReset

TABLE = "fetches"
MAX_HOSTS, MAX_FILES = 1000, 24
MAX_ROWS = 3 * MAX_HOSTS
"""Those that were pushed out count until every peer knows it."""
SAME_S = 60.0
"""Within it a file that is asked for again, or goes on, is the same fetch."""
_MAX_PATH = 160
_ROW_BYTES = 1000
_MAX_UNPACKED = 64 << 10


class Replicator(Protocol):
    """agent.replication.replicator.Replicator, or a stand-in."""

    def put(self, table: str, key: bytes, value: bytes) -> bool: ...
    def remove(self, table: str, key: bytes) -> None: ...
    def subscribe(self, table: str, handler: Callable[[TableReset | RowChange], None]) -> None: ...


class Fetches:
    """wall: seconds since 1970."""

    def __init__(self, server: str, replicator: Replicator, wall: Callable[[], float] = time.time) -> None:
        self._server, self._replicator, self._wall = server, replicator, wall
        self._own: OrderedDict[str, list[tuple[float, str]]] = OrderedDict()
        self._last: dict[tuple[str, str], float] = {}
        self._peers: dict[str, OrderedDict[str, list[tuple[float, str]]]] = {}
        replicator.subscribe(TABLE, self._peer_changed)

    def note(self, host: str, path: str) -> None:
        """A machine fetches this file here, or goes on with it."""
        now, path = self._wall(), plain(path[:_MAX_PATH]).replace("\n", " ")
        before = self._last.get((host, path))
        self._last[host, path] = now
        if before is not None and now - before < SAME_S:
            return
        files = self._own.pop(host, [])
        self._own[host] = files
        if len(files) >= MAX_FILES and now - files[0][0] < SAME_S:
            del self._last[host, path]
            return  # so many in a minute are no boot; of what runs then nothing is told
        files.append((round(now, 3), path))
        for _, gone in files[:-MAX_FILES]:
            self._last.pop((host, gone), None)
        del files[:-MAX_FILES]
        self._replicator.put(TABLE, host.encode(), _encoded(files))
        if len(self._own) > MAX_HOSTS:
            oldest, gone_files = self._own.popitem(last=False)
            for _, gone in gone_files:
                self._last.pop((oldest, gone), None)
            self._replicator.remove(TABLE, oldest.encode())

    def of(self, host: str) -> list[dict[str, Any]]:
        """In order of time, by the clocks of the servers that gave them."""
        found = [(at, self._server, path) for at, path in self._own.get(host, ())]
        for server, hosts in self._peers.items():
            found += [(at, server, path) for at, path in hosts.get(host, ())]
        return [{"at": at, "server": server, "path": path} for at, server, path in sorted(found)]

    def _peer_changed(self, news: TableReset | RowChange) -> None:
        """Merges a peer's change; removed rows change nothing here."""
        if isinstance(news, TableReset) or news.value is None:
            return
        files = _decoded(news.value)
        hosts = self._peers.setdefault(news.peer, OrderedDict())
        host = news.key.decode("utf-8", "replace")
        hosts.pop(host, None)
        hosts[host] = files
        if len(hosts) > MAX_HOSTS:
            hosts.popitem(last=False)


def _encoded(files: list[tuple[float, str]]) -> bytes:
    """The last fetches, as many as fit a packet."""
    for first in range(len(files)):
        packed = zlib.compress(json.dumps(files[first:]).encode())
        if len(packed) <= _ROW_BYTES:
            return packed
    return zlib.compress(b"[]")


def _decoded(value: bytes) -> list[tuple[float, str]]:
    """Nothing of what cannot be read: a server of another release may have written it."""
    try:
        said = json.loads(zlib.decompressobj().decompress(value, _MAX_UNPACKED))
        return [(float(at), str(path)[:_MAX_PATH]) for at, path in said[-MAX_FILES:]]
    except (ValueError, TypeError, zlib.error):
        return []
