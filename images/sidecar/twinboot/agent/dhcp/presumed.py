"""Presumed leases: a client was heard asking a DHCP server that has died, and nobody told of the answer.

Perhaps the client got the address: a DHCP server that starts here does not give it to another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from twinboot.dhcp.lease import DhcpLease

from ..settings import DhcpPool

REQUEST_WINDOW_S = 15.0
"""A client's request that old is covered by replication, or was never granted."""


@dataclass(frozen=True, slots=True)
class SnoopedRequest:
    """A client was heard asking for an address. at: by the agent's clock."""

    at: float
    address: IPv4Address
    mac: bytes
    server: IPv4Address


def requests_granted(
    requests: Sequence[SnoopedRequest], leases: Mapping[IPv4Address, DhcpLease],
    learnt_at: Mapping[IPv4Address, float], *, pools: Sequence[DhcpPool], server_ids: frozenset[IPv4Address],
    now: float, wall: float,
) -> list[tuple[SnoopedRequest, DhcpPool]]:
    """The requests that our DHCP server may have granted, the last of each address, with its pool.

    learnt_at: when a peer told of the address last. server_ids: by which our DHCP servers are asked.
    now: by the agent's clock; wall: seconds since the epoch.
    """
    found: dict[IPv4Address, tuple[SnoopedRequest, DhcpPool]] = {}
    for request in requests:
        pool = next((pool for pool in pools if pool.first <= request.address <= pool.last), None)
        known = leases.get(request.address)
        told = learnt_at.get(request.address, -1.0) >= request.at
        foreign = request.server not in server_ids
        if pool is None or told or foreign or request.at < now - REQUEST_WINDOW_S:
            continue
        if known is not None and known.active and known.ends_at > wall and known.mac != request.mac.hex(":"):
            continue  # the DHCP server refused that: another client has it
        found[request.address] = request, pool
    return list(found.values())
