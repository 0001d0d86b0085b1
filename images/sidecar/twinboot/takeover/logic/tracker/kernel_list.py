"""The tracked connections beside the kernel's own list: what is gone, what was never seen to begin, and how
far each client has acknowledged.

kernel_list, here: bytes that the client has acknowledged, by connection, as this kernel counts them; less
than 0: it is in its handshake, which takes several seconds when packets are lost, or the client has all and
has yet to close.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from heapq import nlargest
from ipaddress import IPv4Address

from ..record import ConnectionKey, ConnectionKind
from .changes import PendingChanges, put
from .connection_table import CONNECTION_LIMIT, Connection, ConnectionTable
from .handshake import kind_of_port

PROGRESS_STEP = 1 << 20
"""A client that has acknowledged so much more is told of again. A firewall that follows sequence numbers lets
a TCP probe pass when its numbers are at most a window old."""
PROGRESS_TOLD_AT_ONCE = 64
"""At most so many of these for one list of the kernel's, those that got farthest first."""


class KernelComparison:
    """What the table has that the kernel has not, and the other way round."""

    def __init__(self, table: ConnectionTable, changes: PendingChanges) -> None:
        self._table, self._changes = table, changes

    def drop_gone(self, kernel_list: Mapping[ConnectionKey, int]) -> None:
        """A connection missing once may have begun just now; one missing twice is gone."""
        for key in [key for key in self._table if key not in kernel_list]:
            entry = self._table.get(key)
            if entry is not None and entry.missing_in_kernel:
                self._table.pop(key)
                self._changes.mark(key, urgent=False)
            elif entry is not None:
                entry.missing_in_kernel = True

    def add_unseen(self, kernel_list: Mapping[ConnectionKey, int], addresses: Set[IPv4Address]) -> None:
        """What was never seen to begin can only be reset, but for that a peer must know of it. In a full
        table there is no room for it: it would drive out one that could go on."""
        for key in [key for key, acked in kernel_list.items() if acked >= 0]:
            if self._table.full:
                return
            # Connections of this server to its own address (takeover to HTTP service) are no client's.
            if key not in self._table and key.server in addresses and key.client not in addresses:
                kind = kind_of_port(key.server_port) or ConnectionKind.FTP_DATA
                put(self._table, self._changes,
                    Connection(key, kind, server_start=0, understood=False, has_data=True))

    def note_present(self, kernel_list: Mapping[ConnectionKey, int]) -> None:
        """Established connections leave the handshakes: a flood of SYNs does not drive them out."""
        for key, acked in kernel_list.items():
            entry = self._table.get(key)
            if entry is None or entry.closed_by_client:
                continue
            entry.missing_in_kernel = False
            if acked >= 0 and not entry.has_data:
                entry.has_data = True
                put(self._table, self._changes, entry)

    def note_progress(
        self, kernel_list: Mapping[ConnectionKey, int], step: int = 1, limit: int = CONNECTION_LIMIT
    ) -> None:
        """Record how much clients have acknowledged: of those that got `step` bytes farther, the first
        `limit`. Once the server has closed, acked_bytes means another thing."""
        gained: list[tuple[int, Connection]] = []
        for key, counted in kernel_list.items():
            entry = self._table.get(key)
            if entry is None or entry.closed_by_client or entry.server_closed or counted < 0:
                continue
            gain = entry.acked_before + counted - entry.acked_bytes
            if gain >= step:
                gained.append((gain, entry))
        for gain, entry in nlargest(limit, gained, key=lambda one: one[0]):
            entry.acked_bytes += gain
            self._changes.mark(entry.key, urgent=False)
