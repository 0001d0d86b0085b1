"""One topic as its owner keeps it: keys, values, and the order of their latest changes.

Owns the sequence numbers and the removals that some peer may not know of yet. Knows no peers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from twinboot.wire.cluster.replication import MAX_KEY, MAX_VALUE, Entry

FIRST = 1
"""No entry has this number: even of an empty topic there is something to acknowledge."""


class Full(Exception):
    """The topic has all the keys it may have."""


class Table:
    """`most` bounds the keys, removed ones included."""

    def __init__(self, most: int) -> None:
        self.head = FIRST
        self._most = most
        self._entries: dict[bytes, Entry] = {}
        self._log: list[tuple[int, bytes]] = []
        """In order; an entry is stale when its key has changed since."""
        self._removed: dict[bytes, int] = {}
        """Removals, the oldest first."""

    def put(self, key: bytes, value: bytes) -> bool:
        """False when that is its value already. ValueError: too large. Full: no room for a new key."""
        if not 0 < len(key) <= MAX_KEY or len(value) > MAX_VALUE:
            raise ValueError(f"an entry of {len(key)} and {len(value)} bytes; {MAX_KEY} and {MAX_VALUE} fit")
        old = self._entries.get(key)
        if old is not None and old.value == value:
            return False
        if old is None and len(self._entries) >= self._most:
            raise Full(f"{self._most} keys")
        self._removed.pop(key, None)
        self._note(key, value)
        return True

    def remove(self, key: bytes) -> bool:
        """False when it is not there."""
        old = self._entries.get(key)
        if old is None or old.value is None:
            return False
        self._note(key, None)
        self._removed[key] = self.head
        return True

    def removals(self) -> int:
        """Keys that are only kept so that peers learn of their removal."""
        return len(self._removed)

    def forget(self, upto: int) -> None:
        """Every peer knows of the removals up to this number."""
        while self._removed:
            key = next(iter(self._removed))
            if self._removed[key] > upto:
                return
            del self._removed[key]
            del self._entries[key]

    def since(self, after: int) -> Iterator[Entry]:
        """What stands and is newer than `after`, in order."""
        start = bisect_right(self._log, after, key=lambda item: item[0])
        for at in range(start, len(self._log)):
            seq, key = self._log[at]
            entry = self._entries.get(key)
            if entry is not None and entry.seq == seq:
                yield entry

    def between(self, after: int, upto: int) -> tuple[Entry, ...]:
        found = []
        for entry in self.since(after):
            if entry.seq > upto:
                break
            found.append(entry)
        return tuple(found)

    def __len__(self) -> int:
        return len(self._entries) - len(self._removed)

    def _note(self, key: bytes, value: bytes | None) -> None:
        self.head += 1
        self._entries[key] = Entry(self.head, key, value)
        self._log.append((self.head, key))
        if len(self._log) > 2 * len(self._entries) + 64:
            self._log = [(entry.seq, entry.key) for entry in self.since(0)]
