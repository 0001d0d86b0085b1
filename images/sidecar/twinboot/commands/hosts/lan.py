"""What only the agent and the LAN know: machines that have asked, leases, addresses that are answered for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from .. import client

if TYPE_CHECKING:
    from twinboot.site import Site


def unknown_machines() -> Mapping[str, Mapping[str, Any]]:
    """Machines without an entry that have asked, by MAC."""
    return {one["mac"]: one for one in client.answer("unknown")["unknown"]}


def leased() -> set[IPv4Address]:
    """Addresses that the DHCP server has given away."""
    return {IPv4Address(one) for one in client.answer("leased")["addresses"]}


def answering(site: Site, server: str, addresses: Collection[IPv4Address]) -> Mapping[IPv4Address, str]:
    """Who answers for these addresses on the LAN of this server, by MAC; those of other LANs are not asked
    for. Nobody, where the LAN cannot be asked."""
    from twinboot.adapters.lan import arp
    from twinboot.errors import ResourceError

    here = site.servers[server]
    subnet = site.subnet_of(here.address)
    try:
        return arp.answering(
            here.interface, [one for one in addresses if subnet is not None and one in subnet.network])
    except ResourceError as exc:
        print(f"NOTE    the LAN was not asked who has an address: {exc}")
        return {}
