"""Warnings, in the form of faults: settings that are valid but better avoided.

Owns no fault: a site with all of these still works.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from ..faults import Fault
from ..model.site import Server, Site, UdpLink


def advice(site: Site) -> Iterator[Fault]:
    """Every warning."""
    for name, group in site.groups.items():
        if len(group.order) == 1:
            [server] = group.order
            remedy = f"nobody takes over when {server} dies; write the other servers after it"
            yield Fault(f"groups.{name}.order", list(group.order), remedy)
    for name, one in site.servers.items():
        yield from _shared_interfaces(name, one)
    yield from _link_networks(site)
    yield from _far_relays(site)


def _shared_interfaces(name: str, server: Server) -> Iterator[Fault]:
    users: dict[str, list[str]] = {}
    for link, end in server.links.items():
        if isinstance(end, UdpLink):
            users.setdefault(str(end.interface), []).append(link)
    for interface, links in users.items():
        if len(links) > 1:
            remedy = f"all on {interface}: one cable cuts them all; give each link an interface of its own"
            yield Fault(f"servers.{name}.links", links, remedy)


def _link_networks(site: Site) -> Iterator[Fault]:
    """Prefixes are not in the site file; `twinboot check` on a server knows its own and is exact."""
    first: dict[str, tuple[str, IPv4Network]] = {}
    for name, server in site.servers.items():
        for link, end in server.links.items():
            if not isinstance(end, UdpLink) or site.subnet_of(end.address) is not None:
                continue
            network = IPv4Network(f"{end.address}/24", strict=False)
            other, known = first.setdefault(link, (name, network))
            if network != known:
                remedy = f"{other} is in {known} on this link; both ends of a cable are in one subnet"
                yield Fault(f"servers.{name}.links.{link}.address", str(end.address), remedy)


def _far_relays(site: Site) -> Iterator[Fault]:
    for at, subnet in enumerate(site.subnets):
        for number, relay in enumerate(subnet.relays):
            if relay not in subnet.network and all(relay not in one.network
                                                   for one in site.sharing_with(subnet)):
                remedy = (
                    f"outside of {subnet.network}: right for a relay agent that sends link selection "
                    "(RFC 3527) from a loopback; requests of one that does not are not answered"
                )
                yield Fault(f"subnets[{at}].relays[{number}]", str(relay), remedy)
