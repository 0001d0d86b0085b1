"""What the leases are kept with: a file, a store and replication, as agent.dhcp.leases uses them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from twinboot.dhcp.isc.lease_text import Lease


class LeaseFile(Protocol):
    """adapters.leasefile.LeaseFile, or a stand-in."""

    def read(self) -> list[Lease]: ...
    def write(self, leases: Iterable[Lease]) -> None: ...


class LeaseJournal(Protocol):
    """adapters.leasefile.Journal, or a stand-in."""

    def load(self) -> tuple[list[Lease], int]: ...
    def append(self, changed: Iterable[Lease], everything: Iterable[Lease], term: int) -> bool: ...


class Replicator(Protocol):
    """agent.replication.replicator.Replicator, or a stand-in."""

    def put(self, table: str, key: bytes, value: bytes) -> bool: ...
    def remove(self, table: str, key: bytes) -> None: ...
    async def delivered(self, table: str, limit_s: float) -> bool: ...
