"""DHCP engines, one folder a kind, and DHCP leases in a form that is no engine's.

base          What a DHCP engine kind is to the rest of Twinboot
growing_file  A lease file that its daemon appends to: read as it grows, and replaced in one step
isc/          The kind `isc`: ISC dhcpd 4.4
journal       The journal: all that this server knows of leases, its own and its peers', over restarts
lease         A DHCP lease as every server of the cluster knows it, in no engine's words
lease_codec   The form of a lease between servers and in the journal: bytes <-> lease.DhcpLease
offers        What the DHCP server of a site tells its clients, in no engine's words
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..kinds import DHCP_ENGINES

if TYPE_CHECKING:
    from ..site.model.site import Site
    from .base import DhcpEngine

DEFAULT_ENGINE = "isc"


def engine_of(site: Site) -> DhcpEngine:
    """The engine that serves a site. The one place that chooses it: the site file has no setting yet."""
    return DHCP_ENGINES.get(DEFAULT_ENGINE)
