"""A server's lease file, journal and replication in memory, around agent.dhcp.leases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address

from twinboot.agent.dhcp.leases import TABLE, ClusterLeases
from twinboot.agent.dhcp.presumed import SnoopedRequest
from twinboot.agent.settings import DhcpPool
from twinboot.core.model import ServiceState
from twinboot.dhcp.base import LeaseFile
from twinboot.dhcp.journal import JournalContents
from twinboot.dhcp.lease import FILE_FIELDS, DhcpLease, active_lease
from twinboot.dhcp.lease_codec import encode_lease
from twinboot.errors import ResourceError
from twinboot.replication.node import RowChange

VIP = IPv4Address("192.168.0.253")
POOLS = (DhcpPool(IPv4Address("192.168.0.160"), IPv4Address("192.168.0.199"), 600),)
T0 = 1_795_380_000.0


def address(last: int) -> IPv4Address:
    return IPv4Address(f"192.168.0.{last}")


def mac(number: int) -> bytes:
    return bytes((0x52, 0x54, 2, 0, 0, number))


class FakeDisk:
    """The DHCP server's file (leases in order of arrival) and the journal."""

    def __init__(self) -> None:
        self.file: list[DhcpLease] = []
        self.read_to = 0
        self.saved: list[DhcpLease] = []
        self.term = 0
        self.ignored = ""
        self.fault = ""
        self.writes = 0
        self.holds = FILE_FIELDS

    def read(self) -> list[DhcpLease]:
        self._check()
        found, self.read_to = self.file[self.read_to:], len(self.file)
        return [replace(lease, epoch=0) for lease in found]

    def write(self, leases: Iterable[DhcpLease]) -> None:
        self._check()
        self.file, self.read_to = list(leases), 0
        self.writes += 1

    def close(self) -> None: ...

    def load(self) -> JournalContents:
        self._check()
        return JournalContents(tuple(self.saved), self.term, self.ignored)

    def append(self, changed: Iterable[DhcpLease], everything: Iterable[DhcpLease], term: int) -> bool:
        self._check()
        self.saved += changed
        self.term = term
        return True

    def has(self) -> dict[int, str]:
        """What a dhcpd that reads the file knows: last byte of the address -> client, of active leases."""
        last = {lease.address: lease for lease in self.file}
        return {a.packed[-1]: lease.mac for a, lease in last.items() if lease.active}

    def _check(self) -> None:
        if self.fault:
            raise ResourceError("disk", self.fault)


class FakeReplication:
    """One server's replication; the others' listeners hear what is put, at once."""

    def __init__(self) -> None:
        self.table: dict[bytes, bytes] = {}
        self.others: list[ClusterLeases] = []
        self.cut = False
        self.waited = 0

    def put(self, table: str, key: bytes, value: bytes) -> bool:
        if self.table.get(key) != value:
            self.table[key] = value
            self._tell(key, value)
        return True

    def remove(self, table: str, key: bytes) -> None:
        if self.table.pop(key, None) is not None:
            self._tell(key, None)

    async def delivered(self, table: str, limit_s: float) -> bool:
        self.waited += 1
        return not self.cut

    def join(self, other: ClusterLeases) -> None:
        self.others.append(other)
        for key, value in self.table.items():
            other.apply_change(RowChange("peer", TABLE, key, value))

    def _tell(self, key: bytes, value: bytes | None) -> None:
        for other in self.others if not self.cut else []:
            other.apply_change(RowChange("peer", TABLE, key, value))


class LeaseServer:
    """A server. grant() is what its dhcpd does; needs the running loop. file: in the place of the disk's."""

    def __init__(self, disk: FakeDisk | None = None, wall: float = T0, *,
                 file: LeaseFile | None = None, engine: str = "isc") -> None:
        self.disk, self.replicator = disk or FakeDisk(), FakeReplication()
        self.now, self.wall = 100.0, wall
        self.requests: list[SnoopedRequest] = []
        self.leases = ClusterLeases(
            file=file or self.disk,
            engine=engine,
            service="dhcpd",
            journal=self.disk,
            replicator=self.replicator,
            pools=POOLS,
            server_ids=frozenset((VIP,)),
            requests=lambda: self.requests,
            now=lambda: self.now,
            wall=lambda: self.wall,
        )
        self.disk.read_to = 0
        self.leases.start()

    async def settle(self) -> None:
        """Everything that was submitted or posted has been done."""
        for _ in range(3):
            while self.leases._worker.unfinished:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0)

    async def start_dhcpd(self) -> None:
        await asyncio.to_thread(self.leases.before_start, "dhcpd")
        self.leases.observed("dhcpd", ServiceState.RUNNING)
        self.leases.file_changed()
        await self.settle()

    async def stop_dhcpd(self) -> None:
        await asyncio.to_thread(self.leases.after_stop, "dhcpd")
        await self.settle()

    def grant(self, last: int, client: int, *, heard: bool = True) -> None:
        self.wall += 1
        self.disk.file.append(active_lease(address(last), mac(client), at=self.wall, lease_s=600, epoch=0))
        if heard:
            self.leases.file_changed()

    async def end(self) -> None:
        await self.settle()
        self.leases.close()


def row_change(epoch: int, last: int, client: int, at: float = T0) -> RowChange:
    lease = active_lease(address(last), mac(client), at=at, lease_s=600, epoch=epoch)
    return RowChange("peer", TABLE, lease.address.packed, encode_lease(lease))
