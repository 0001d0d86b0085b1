"""What has changed of the tracked connections and is not told to the peers yet: first that for which clients
wait, then the urgent."""

from __future__ import annotations

from ..record import ConnectionKey
from .connection_table import Connection, ConnectionTable


class PendingChanges:
    """Keys of connections. Urgent: a change whose loss would cost a client its connection."""

    def __init__(self) -> None:
        self._awaited: dict[ConnectionKey, None] = {}
        """Changes for which a client's input is held: reported before all others."""
        self._urgent: dict[ConnectionKey, None] = {}
        self._other: dict[ConnectionKey, None] = {}
        """Changes without data (handshakes, as in a SYN flood; ends): reported after the urgent ones."""

    def mark(self, key: ConnectionKey, *, urgent: bool = True) -> None:
        if key in self._awaited:
            return
        if urgent:
            self._other.pop(key, None)
            self._urgent[key] = None
        elif key not in self._urgent:
            self._other[key] = None

    def hurry(self, key: ConnectionKey) -> None:
        """A client waits for it, when it is not told yet."""
        if key in self:
            self.forget(key)
            self._awaited[key] = None

    def __contains__(self, key: ConnectionKey) -> bool:
        return key in self._awaited or key in self._urgent or key in self._other

    def forget(self, key: ConnectionKey) -> None:
        """Drops a change that is not to be told."""
        for waiting in (self._awaited, self._urgent, self._other):
            waiting.pop(key, None)

    def take(self, limit: int | None = None) -> list[ConnectionKey]:
        """The first of them, which are told now."""
        found: list[ConnectionKey] = []
        for waiting in (self._awaited, self._urgent, self._other):
            while waiting and (limit is None or len(found) < limit):
                key = next(iter(waiting))
                del waiting[key]
                found.append(key)
        return found

    @property
    def urgent(self) -> int:
        return len(self._awaited) + len(self._urgent)

    def __len__(self) -> int:
        return self.urgent + len(self._other)


def put(table: ConnectionTable, changes: PendingChanges, connection: Connection) -> None:
    """Add the connection to the table: a change, and so is the end of each that is evicted for it."""
    for key in table.put(connection):
        changes.mark(key, urgent=False)
    changes.mark(connection.key, urgent=connection.has_data)


def mark_active(table: ConnectionTable, changes: PendingChanges, connection: Connection) -> None:
    """Data was sent, so this is a real client: move the connection out of the handshake table."""
    if not connection.has_data:
        connection.has_data = True
        put(table, changes, connection)
    changes.mark(connection.key)
