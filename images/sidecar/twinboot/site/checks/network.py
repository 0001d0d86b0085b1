"""Addresses of a site: each in a subnet where it belongs, none used twice, none in a dynamic range.

Owns every check of addresses and networks against each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from ..faults import Fault
from ..loading.draft import Draft
from ..model.site import UdpLink
from ..subnets import SubnetIndex
from .shared_networks import shared_network_faults

RANGE_MAX = 65_536


@dataclass(frozen=True, slots=True)
class _AddressUse:
    """An address of the site's networks, and where it stands."""

    path: str
    address: IPv4Address
    what: str
    subnet: int | None = None  # the subnet it must lie in, when that is known


def network_faults(draft: Draft) -> Iterator[Fault]:
    """Every fault of addresses and networks."""
    index = SubnetIndex((at, subnet.network) for at, subnet in draft.subnets.items())
    yield from _overlaps(draft, index)
    wrong = list(_ranges(draft))
    yield from wrong
    uses = list(_address_uses(draft))
    yield from _duplicates(uses)
    told = tuple(fault.path for fault in wrong)
    crowded = [
        fault
        for fault in _ranges_over_fixed_addresses(draft, uses)
        if not any(p.startswith(fault.path) for p in told)
    ]
    yield from crowded
    wrong += crowded
    wrong_paths = tuple(fault.path for fault in wrong)
    sound = {at for at in draft.subnets if not any(p.startswith(f"subnets[{at}]") for p in wrong_paths)}
    yield from _placement(draft, index, uses, sound)
    yield from _subnet_members(draft, index)
    yield from shared_network_faults(draft, index)
    yield from _one_address_each(draft, index)
    yield from _links(draft)


def _overlaps(draft: Draft, index: SubnetIndex[int]) -> Iterator[Fault]:
    for one, two in index.overlaps:
        kept, late = sorted((one, two))
        other = draft.subnets[kept].network
        network = draft.subnets[late].network
        yield Fault(
            f"subnets[{late}].network", str(network), f"overlaps subnets[{kept}], {other}; write it once"
        )


def _ranges(draft: Draft) -> Iterator[Fault]:
    total = 0
    if draft.document.get("subnets") == []:
        yield Fault("subnets", draft.document["subnets"], "write at least one network that clients boot in")
    for at, subnet in draft.subnets.items():
        span, path, network = subnet.range, f"subnets[{at}].range", subnet.network
        if span is None:
            continue
        shown = f"{span.first} to {span.last}"
        outside = False
        for end, address in (("first", span.first), ("last", span.last)):
            if address not in network:
                outside = True
                remedy = f"outside of {network}; write an address of this subnet"
                yield Fault(f"{path}.{end}", str(address), remedy)
        if span.first > span.last:
            yield Fault(path, shown, "the first address is above the last one; exchange them")
        elif span.size > RANGE_MAX:
            remedy = f"{span.size} addresses; write at most {RANGE_MAX}, each has a boot file of its own"
            yield Fault(path, shown, remedy)
        elif not outside:
            total += span.size
            ends = ((network.network_address, "network"), (network.broadcast_address, "broadcast"))
            held = [f"the {what} address {reserved}" for reserved, what in ends if reserved in span]
            if held:
                yield Fault(path, shown, f"holds {' and '.join(held)}; leave {_them(held)} out")
    if total > RANGE_MAX:
        remedy = f"{total} dynamic addresses in all subnets; write at most {RANGE_MAX} together"
        yield Fault("subnets", len(draft.subnets), remedy)


def _address_uses(draft: Draft) -> Iterator[_AddressUse]:
    for name, server in draft.servers.items():
        yield _AddressUse(f"servers.{name}.address", server.address, "a server's address")
    for name, group in draft.groups.items():
        yield _AddressUse(f"groups.{name}.address", group.address, "a virtual address")
    for at, subnet in draft.subnets.items():
        if subnet.router is not None:
            yield _AddressUse(f"subnets[{at}].router", subnet.router, "a router's address", at)
    for name, host in draft.hosts.items():
        yield _AddressUse(f"hosts.{name}.address", host.address, "a host's address")
        for at, address in enumerate(host.addresses):
            yield _AddressUse(f"hosts.{name}.addresses[{at}]", address, "a host's address")


def _ranges_over_fixed_addresses(draft: Draft, uses: list[_AddressUse]) -> Iterator[Fault]:
    """A range over several fixed addresses is one fault of the range, not one of each address."""
    for at, subnet in draft.subnets.items():
        span = subnet.range
        inside = [] if span is None else [use for use in uses if use.address in span]
        if span is not None and len(inside) > 1 and span.first <= span.last:
            named = ", ".join(f"{use.address} ({use.path})" for use in inside[:4])
            more = f" and {len(inside) - 4} more" if len(inside) > 4 else ""
            remedy = f"holds fixed addresses: {named}{more}; write a range without them"
            yield Fault(f"subnets[{at}].range", f"{span.first} to {span.last}", remedy)


def _them(things: list[str]) -> str:
    return "it" if len(things) == 1 else "them"


def _duplicates(uses: list[_AddressUse]) -> Iterator[Fault]:
    first: dict[IPv4Address, _AddressUse] = {}
    for use in uses:
        other = first.setdefault(use.address, use)
        if other is not use:
            remedy = f"is {other.what} already: {other.path}; every address belongs to one only"
            yield Fault(use.path, str(use.address), remedy)


def _placement(
    draft: Draft, index: SubnetIndex[int], uses: list[_AddressUse], sound: set[int]
) -> Iterator[Fault]:
    """Every address in some subnet, a usable one, outside of the dynamic range where that is sound."""
    for use in uses:
        at = index.find(use.address)
        shown = str(use.address)
        if use.subnet is not None and use.address not in draft.subnets[use.subnet].network:
            remedy = f"outside of {draft.subnets[use.subnet].network}; a router stands in its own subnet"
            yield Fault(use.path, shown, remedy)
            continue
        if at is None:
            if draft.subnets and draft.complete("subnets"):
                networks = ", ".join(str(subnet.network) for subnet in list(draft.subnets.values())[:4])
                remedy = f"{use.what} in no subnet of the site; write one of {networks}, or add its subnet"
                yield Fault(use.path, shown, remedy)
            continue
        subnet = draft.subnets[at]
        if use.address == subnet.network.network_address:
            yield Fault(use.path, shown, f"is the network address of {subnet.network}; write another one")
        elif use.address == subnet.network.broadcast_address:
            yield Fault(use.path, shown, f"is the broadcast address of {subnet.network}; write another one")
        elif subnet.range is not None and at in sound and use.address in subnet.range:
            span = f"{subnet.range.first} to {subnet.range.last}"
            remedy = f"lies inside the dynamic range of subnets[{at}], {span}; write one outside of it"
            yield Fault(use.path, shown, remedy)


def _subnet_members(draft: Draft, index: SubnetIndex[int]) -> Iterator[Fault]:
    """Virtual addresses on the servers' own networks."""
    for name, group in draft.groups.items():
        home = index.find(group.address)
        for server in group.order:
            known = draft.servers.get(server)
            place = index.find(known.address) if known else None
            if known and home is not None and place is not None and place != home:
                remedy = (
                    f"not in the network of {server}, {draft.subnets[place].network}; it could not hold it"
                )
                yield Fault(f"groups.{name}.address", str(group.address), remedy)
                break


def _one_address_each(draft: Draft, index: SubnetIndex[int]) -> Iterator[Fault]:
    """A host has one address in a subnet: dhcpd would choose among several."""
    for name, host in draft.hosts.items():
        seen = {index.find(host.address): f"hosts.{name}.address"}
        for at, address in enumerate(host.addresses):
            path, home = f"hosts.{name}.addresses[{at}]", index.find(address)
            if home is not None and home in seen and address != host.address:
                remedy = f"is in the subnet of {seen[home]}; write addresses in other subnets here"
                yield Fault(path, str(address), remedy)
            seen.setdefault(home, path)


def _links(draft: Draft) -> Iterator[Fault]:
    virtual = {group.address: f"groups.{name}.address" for name, group in draft.groups.items()}
    owner = {server.address: name for name, server in draft.servers.items()}
    seen: dict[IPv4Address, str] = {}
    for name, server in draft.servers.items():
        for link, end in server.links.items():
            if not isinstance(end, UdpLink):
                continue
            at = f"servers.{name}.links.{link}"
            own = end.address == server.address
            other = seen.get(end.address, "")
            if own and end.interface != server.interface:
                remedy = f"the server's own address is on {server.interface}; write that interface"
                yield Fault(f"{at}.interface", end.interface, remedy)
            if other and (not own or other.startswith(f"servers.{name}.")):
                remedy = f"is the address of {other} already; write this server's own on this link"
                yield Fault(f"{at}.address", str(end.address), remedy)
            elif not own:
                yield from _link_address(f"{at}.address", end.address, virtual, owner)
            seen.setdefault(end.address, at)


def _link_address(
    path: str, address: IPv4Address, virtual: dict[IPv4Address, str], owner: dict[IPv4Address, str]
) -> Iterator[Fault]:
    if address in virtual:
        remedy = f"is a virtual address, {virtual[address]}; write one that stays on this server"
        yield Fault(path, str(address), remedy)
    elif address in owner:
        remedy = f"is the address of servers.{owner[address]}; write this server's own on this link"
        yield Fault(path, str(address), remedy)
    elif address.is_multicast or address.is_loopback or address.is_unspecified:
        remedy = "no address of a network card; write this server's own on this link"
        yield Fault(path, str(address), remedy)
