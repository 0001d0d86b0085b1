"""What the leases are kept with: a file, a store and a stream, as agent.dhcp.leases uses them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from twinboot.dhcp.isc.lease_text import Lease


class File(Protocol):
    """adapters.leasefile.LeaseFile, or a stand-in."""

    def read(self) -> list[Lease]: ...
    def write(self, leases: Iterable[Lease]) -> None: ...


class Store(Protocol):
    """adapters.leasefile.Journal, or a stand-in."""

    def load(self) -> tuple[list[Lease], int]: ...
    def append(self, changed: Iterable[Lease], everything: Iterable[Lease], reign: int) -> bool: ...


class Stream(Protocol):
    """agent.streams.Streams, or a stand-in."""

    def put(self, topic: str, key: bytes, value: bytes) -> bool: ...
    def remove(self, topic: str, key: bytes) -> None: ...
    async def delivered(self, topic: str, limit_s: float) -> bool: ...
