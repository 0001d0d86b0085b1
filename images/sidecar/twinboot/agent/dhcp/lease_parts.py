"""What the leases are kept with, as agent.dhcp.leases uses them. The lease file is dhcp.base.LeaseFile."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from twinboot.dhcp.journal import JournalContents
from twinboot.dhcp.lease import DhcpLease


class LeaseJournal(Protocol):
    """dhcp.journal.Journal, or a stand-in."""

    def load(self) -> JournalContents: ...
    def append(self, changed: Iterable[DhcpLease], everything: Iterable[DhcpLease], term: int) -> bool: ...


class Replicator(Protocol):
    """agent.replication.replicator.Replicator, or a stand-in."""

    def put(self, table: str, key: bytes, value: bytes) -> bool: ...
    def remove(self, table: str, key: bytes) -> None: ...
    async def delivered(self, table: str, limit_s: float) -> bool: ...
