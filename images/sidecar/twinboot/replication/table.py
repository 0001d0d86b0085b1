"""One table at its owner: keys, values, and the order of their latest changes.

Owns the sequence numbers and the removals (tombstones) that some peer may not have yet. Knows no peers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from twinboot.wire.cluster.replication import MAX_KEY, MAX_VALUE, Row

FIRST_SEQ = 1
"""The head of an empty table; no row has this number. So an empty table has something to acknowledge, too."""


class TableFull(Exception):
    """The table has its maximum number of keys."""


class Table:
    """max_rows: maximum number of keys, removed ones included."""

    def __init__(self, max_rows: int) -> None:
        self.head = FIRST_SEQ
        self._max_rows = max_rows
        self._rows: dict[bytes, Row] = {}
        self._change_log: list[tuple[int, bytes]] = []
        """(number, key) in order; an item is stale when its key has changed since."""
        self._tombstones: dict[bytes, int] = {}
        """Removed key -> number of its removal, the oldest first."""

    def put(self, key: bytes, value: bytes) -> bool:
        """False when the key has that value already. ValueError: too large. TableFull: no room."""
        if not 0 < len(key) <= MAX_KEY or len(value) > MAX_VALUE:
            raise ValueError(f"a row of {len(key)} and {len(value)} bytes; {MAX_KEY} and {MAX_VALUE} fit")
        old = self._rows.get(key)
        if old is not None and old.value == value:
            return False
        if old is None and len(self._rows) >= self._max_rows:
            raise TableFull(f"{self._max_rows} keys")
        self._tombstones.pop(key, None)
        self._change(key, value)
        return True

    def remove(self, key: bytes) -> bool:
        """False when the key is not there."""
        old = self._rows.get(key)
        if old is None or old.value is None:
            return False
        self._change(key, None)
        self._tombstones[key] = self.head
        return True

    def number_of(self, key: bytes) -> int | None:
        """The number of the key's latest change, removals included; None: it has none."""
        row = self._rows.get(key)
        return row.seq if row is not None else None

    def tombstone_count(self) -> int:
        """Number of removed keys that are kept so that peers learn of their removal."""
        return len(self._tombstones)

    def drop_tombstones(self, upto: int) -> None:
        """Drop the removals up to this number: every peer has them."""
        while self._tombstones:
            key = next(iter(self._tombstones))
            if self._tombstones[key] > upto:
                return
            del self._tombstones[key]
            del self._rows[key]

    def since(self, after: int) -> Iterator[Row]:
        """The current rows (removals included) with a number above `after`, in order."""
        start = bisect_right(self._change_log, after, key=lambda item: item[0])
        for at in range(start, len(self._change_log)):
            seq, key = self._change_log[at]
            row = self._rows.get(key)
            if row is not None and row.seq == seq:
                yield row

    def between(self, after: int, upto: int) -> tuple[Row, ...]:
        found = []
        for row in self.since(after):
            if row.seq > upto:
                break
            found.append(row)
        return tuple(found)

    def __len__(self) -> int:
        return len(self._rows) - len(self._tombstones)

    def _change(self, key: bytes, value: bytes | None) -> None:
        self.head += 1
        self._rows[key] = Row(self.head, key, value)
        self._change_log.append((self.head, key))
        if len(self._change_log) > 2 * len(self._rows) + 64:
            self._change_log = [(row.seq, row.key) for row in self.since(0)]
