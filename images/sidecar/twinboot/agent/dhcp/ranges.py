"""Dynamic ranges of the site that have no address left, by the leases that every server knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twinboot.alarms import Condition, kinds
from twinboot.dhcp.lease import DhcpLease, LeaseState

from ..settings import DhcpPool


def exhausted(pools: Sequence[DhcpPool], leases: Iterable[DhcpLease], wall: float) -> list[Condition]:
    """An alarm for each range in which every address is leased, or in use by somebody else.

    wall: now, seconds since 1970.
    """
    taken = [
        lease.address for lease in leases
        if lease.state is LeaseState.DECLINED or (lease.active and lease.ends_at > wall)
    ]
    found = []
    for pool in pools:
        size = int(pool.last) - int(pool.first) + 1
        if len(taken) >= size and sum(pool.first <= address <= pool.last for address in taken) >= size:
            span = f"{pool.first}-{pool.last}"
            text = f"all {size} addresses of the range {pool.first} to {pool.last} are leased"
            found.append(kinds.RANGE_EXHAUSTED.on(span, text))
    return found
