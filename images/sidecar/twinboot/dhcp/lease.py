"""A DHCP lease as every server of the cluster knows it, in no engine's words.

Owns the value, the order of two leases of one address, and what becomes of a field that an engine's file
cannot hold. What only one engine knows travels in an extension of its name: it is kept while another engine
serves the client, which does not read it.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, fields, replace
from enum import Enum
from ipaddress import IPv4Address
from typing import Any

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

    def as_told_by(self, engine: str, holds: Set[str] | None = None) -> DhcpLease:
        """As this engine's lease file says it: what the file cannot hold, other engines' extensions and the
        term are not there. holds: see dhcp.base.LeaseFile; None: every field."""
        own = self.extension(engine)
        lost = {} if holds is None else {name: _DEFAULTS[name] for name in FILE_FIELDS - holds}
        return replace(self, **lost, extensions=((engine, own),) if own else (), epoch=0)


_NO_FILE_FIELDS = ("address", "state", "extensions", "epoch")
_DEFAULTS: dict[str, Any] = {
    one.name: one.default for one in fields(DhcpLease) if one.name not in _NO_FILE_FIELDS
}
FILE_FIELDS = frozenset(_DEFAULTS)
"""Fields that some engine's lease file may be unable to hold. An address and a state has each."""
_CLIENT = frozenset({"hardware_type", "hardware", "client_id"})


def taken_from_file(
    told: DhcpLease, known: DhcpLease | None, *, engine: str, holds: Set[str], epoch: int, at: int
) -> DhcpLease:
    """What a lease file tells, with all that such a file cannot hold. known: this server's own knowledge of
    the address; at: the time of the look.

    It is `known` itself when the engine only wrote it down again. Else it is news of this term. Of the same
    client everything else is kept; a client that is another one begins here, and takes nothing over. When the
    file does not say when the client last asked, it was now: or the peers could not tell it from an old one.
    """
    if known is not None and known.as_told_by(engine, holds) == told.as_told_by(engine, holds):
        return known
    lost = FILE_FIELDS - holds
    if known is not None and _same_client(known, told, holds):
        kept = {name: getattr(known, name) for name in lost}
        others = tuple(one for one in known.extensions if one[0] != engine)
    else:
        kept, others = {"starts": at} if "starts" in lost and told.active else {}, ()
    if "last_transaction" in lost:
        kept["last_transaction"] = at
    own = told.extension(engine)
    extensions = tuple(sorted((*others, *([(engine, own)] if own else []))))
    return replace(told, **kept, extensions=extensions, epoch=epoch)


def _same_client(one: DhcpLease, other: DhcpLease, holds: Set[str]) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in _CLIENT & holds)


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
