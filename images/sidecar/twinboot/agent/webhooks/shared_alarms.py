"""Which alarms each server has, told to the peers, so that an alarm's begin and end are one event for all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Protocol

from twinboot.replication.node import RowChange
from twinboot.webhooks.episodes import EpisodeChange, Episodes, Key

ALARM = b"alarm:"
"""Rows of the table that begin with it: an alarm of the teller, and its episode."""
MAX_ALARMS = 1024
"""Limit for one peer's alarms, and for this server's."""


class Replicated(Protocol):
    """agent.replication.replicator.Replicator, or a stand-in."""

    def put(self, table: str, key: bytes, value: bytes) -> bool: ...
    def remove(self, table: str, key: bytes) -> None: ...


class SharedAlarms:
    """The alarms of one server and of its peers, and the episode that each is in."""

    def __init__(self, replicator: Replicated, table: str) -> None:
        self.episodes = Episodes()
        self._replicator, self._table = replicator, table
        self._peers: dict[str, dict[bytes, tuple[Key, int]]] = {}
        self._told: dict[bytes, bytes] = {}

    def reset(self, peer: str) -> None:
        """Forgets a peer's alarms: it tells all of them anew."""
        self._peers.pop(peer, None)

    def hear(self, news: RowChange) -> None:
        """ValueError, TypeError: nothing that can be read."""
        alarms = self._peers.setdefault(news.peer, {})
        alarms.pop(news.key, None)
        if news.value is not None and len(alarms) < MAX_ALARMS:
            code, subject, number = json.loads(news.value)
            alarms[news.key] = (str(code), str(subject)), int(number)

    def look(self, mine: Mapping[Key, str], alive: Iterable[str], now: float) -> list[EpisodeChange]:
        """mine: the alarms of now, with their texts. alive: live peers."""
        keys = list(mine)[:MAX_ALARMS]
        others = [dict(self._peers.get(peer, {}).values()) for peer in alive]
        changes = self.episodes.look(keys, others, now)
        told = {_row(key): json.dumps([*key, self.episodes.number_of(key)]).encode() for key in keys}
        for row in self._told.keys() - told.keys():
            self._replicator.remove(self._table, row)
        for row, value in told.items():
            if self._told.get(row) != value:
                self._replicator.put(self._table, row, value)
        self._told = told
        return changes


def _row(key: Key) -> bytes:
    return ALARM + hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32].encode()
