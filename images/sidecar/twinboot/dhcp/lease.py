"""A DHCP lease as every server of the cluster knows it, in no engine's words.

Owns the value and the order of two leases of one address. What only one engine knows travels in an extension
of its name, which other engines keep and do not read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv4Address

NEVER = 2**40
"""A time that does not come; what ends then does not end."""
ETHERNET = 1
"""Hardware type (RFC 2131 section 2, htype; IANA's list)."""


class LeaseState(Enum):
    """Whether the address is bound. The value is the code between servers: add, never renumber."""

    FREE = 0
    ACTIVE = 1
    EXPIRED = 2
    RELEASED = 3
    """Given back by its client."""
    DECLINED = 4
    """In use by somebody else: given to nobody for now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DhcpLease:
    """A lease of one address. Times are seconds since 1970 by its server's clock; None: not stated.

    epoch: the term of the DHCP server that made it; extensions: engine's name -> what it alone knows.
    """

    address: IPv4Address
    state: LeaseState
    starts: int | None = None
    ends: int | None = None
    last_transaction: int | None = None
    """When the client last asked for it or renewed it."""
    hardware_type: int = ETHERNET
    hardware: bytes = b""
    """The client's hardware address; empty: not stated."""
    client_id: bytes = b""
    """Option 61; empty: the client sent none."""
    hostname: str = ""
    """Option 12; empty: the client sent none."""
    extensions: tuple[tuple[str, bytes], ...] = ()
    epoch: int = 0

    @property
    def active(self) -> bool:
        return self.state is LeaseState.ACTIVE

    @property
    def changed_at(self) -> int:
        """The later of its start and the client's last transaction; 0 when neither is stated."""
        return max(self.starts or 0, self.last_transaction or 0)

    @property
    def ends_at(self) -> int:
        """0 when it is not stated."""
        return self.ends or 0

    @property
    def mac(self) -> str:
        """The hardware address of an Ethernet client, or empty."""
        return self.hardware.hex(":") if self.hardware_type == ETHERNET else ""

    def extension(self, engine: str) -> bytes:
        """What this engine alone knows of it; empty: nothing."""
        return next((body for name, body in self.extensions if name == engine), b"")

    def as_told_by(self, engine: str) -> DhcpLease:
        """As this engine's lease file says it: other engines' extensions and the term are not there."""
        own = self.extension(engine)
        return replace(self, extensions=((engine, own),) if own else (), epoch=0)


def is_newer(old: DhcpLease | None, new: DhcpLease) -> bool:
    """Whether `new` takes the place of `old`, when they come from different servers or lives.

    A later term counts, for its DHCP server alone answered then. Within one it is the later by that server's
    own clock. Of two of the same second the one that binds the address stays: that forgets nobody.
    """
    if old is None or replace(old, epoch=0) == replace(new, epoch=0):
        return old is None or new.epoch > old.epoch
    return (new.epoch, new.changed_at, new.active, new.ends_at) > (
        old.epoch,
        old.changed_at,
        old.active,
        old.ends_at,
    )


def active_lease(address: IPv4Address, mac: bytes, *, at: float, lease_s: int, epoch: int) -> DhcpLease:
    """A lease of a client that asked for this address `at` that time, as if its server had told of it."""
    return DhcpLease(
        address=address,
        state=LeaseState.ACTIVE,
        starts=int(at),
        ends=int(at + lease_s),
        last_transaction=int(at),
        hardware=mac,
        epoch=epoch,
    )
