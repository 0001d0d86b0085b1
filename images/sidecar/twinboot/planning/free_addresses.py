"""The next free address for a new machine, of the right subnet and of the group with the least to do. Pure.

Owns what of a site takes an address: machines, servers and their links, virtual addresses, routers, relays,
name records, and every range. What only the LAN or the DHCP server knows is handed in.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, IPv4Network

from ..site.balance import Balance, balance_of
from ..site.model.site import BalancingMode, Site, Subnet


class NoneFree(Exception):
    """No address is left; the text says where."""


def users_of(site: Site) -> dict[IPv4Address, str]:
    """What of the site file has each address, ranges aside."""
    found: dict[IPv4Address, str] = {}
    for name, host in site.hosts.items():
        found |= dict.fromkeys(host.all_addresses, f"hosts.{name}")
    for subnet in site.subnets:
        found |= dict.fromkeys(subnet.relays, f"a relay of {subnet.network}")
        if subnet.router is not None:
            found[subnet.router] = f"the router of {subnet.network}"
    for record in site.dns.records:
        address = _address(record.value)
        if address is not None:
            found[address] = f"the name record {record.name}"
    for address in site.dns.forwarders:
        found[address] = "a name server (dns.forwarders)"
    for name, server in site.servers.items():
        links = (getattr(link, "address", None) for link in server.links.values())
        found |= {one: f"servers.{name}" for one in (server.address, *links) if one is not None}
    return found | {group.address: f"groups.{name}" for name, group in site.groups.items()}


def subnet_for(site: Site, *, relay: IPv4Address | None, near: IPv4Address) -> Subnet | None:
    """Where a machine is whose requests come by this relay; by none: beside the server at `near`."""
    if relay is None:
        return site.subnet_of(near)
    named = next((one for one in site.subnets if relay in one.relays), None)
    return named or site.subnet_of(relay)


class AddressPool:
    """Gives each address once. taken: addresses that others than the site are known to have."""

    def __init__(self, site: Site, taken: Collection[IPv4Address] = ()) -> None:
        self._site = site
        self._balance: Balance = balance_of(site)
        self._parity = site.balancing.mode is BalancingMode.PARITY
        self.users = users_of(site)
        self._taken = set(taken)
        self._left: dict[tuple[IPv4Network, str], Iterator[IPv4Address]] = {}
        self._machines = Counter(
            host.group or self._balance.group_of(host.address) for host in site.hosts.values()
        )

    def group_of(self, address: IPv4Address) -> str:
        """The group of an address whose machine is pinned to none."""
        return self._balance.group_of(address)

    def use(self, address: IPv4Address, what: str, group: str | None = None) -> None:
        """A new machine has it."""
        self.users[address] = what
        self._machines[group or self._balance.group_of(address)] += 1

    def next(self, subnet: Subnet, group: str | None = None) -> IPv4Address:
        """The next one of a group, or of the one with the fewest machines for its weight. NoneFree."""
        groups = [""]
        if self._parity:
            groups = [group] if group else sorted(self._site.groups, key=self._load)
        for one in groups:
            for address in self._addresses(subnet, one):
                if address not in self.users and address not in self._taken:
                    return address
        whose = f" of group {group}" if group and self._parity else ""
        raise NoneFree(f"no address{whose} of {subnet.network} is free")

    def _load(self, group: str) -> float:
        return self._machines[group] / self._site.groups[group].weight

    def _addresses(self, subnet: Subnet, group: str) -> Iterator[IPv4Address]:
        """Those that were not looked at yet: what was taken once is not free later."""
        key = subnet.network, group
        if key not in self._left:
            self._left[key] = (
                one for one in self._in_order(subnet) if not group or self._balance.group_of(one) == group
            )
        return self._left[key]

    def _in_order(self, subnet: Subnet) -> Iterator[IPv4Address]:
        """From the first machine of the subnet on, then those before it; no range has any of them."""
        first, last = int(subnet.network[0]), int(subnet.network[-1])
        if subnet.network.prefixlen < 31:
            first, last = first + 1, last - 1
        hosts = (int(one) for host in self._site.hosts.values() for one in host.all_addresses)
        begin = min((one for one in hosts if first <= one <= last), default=first)
        ranges = [one.range for one in self._site.subnets if one.range is not None]
        for number in (*range(begin, last + 1), *range(first, begin)):
            address = IPv4Address(number)
            if not any(address in one for one in ranges):
                yield address


def range_of(site: Site, address: IPv4Address) -> Subnet | None:
    """The subnet whose range has the address."""
    return next((one for one in site.subnets if one.range is not None and address in one.range), None)


def _address(text: str) -> IPv4Address | None:
    try:
        return ipaddress.IPv4Address(text.strip())
    except ValueError:
        return None
