"""Names and addresses of one lab.

Owns what the containers and networks are called and which IPv4 networks they use. A lab takes the
networks its site file names when they are free; a second lab, or one on a machine whose own LAN has the
same numbers, is moved as a whole to free ones: 192.168.0.x becomes 192.168.K.x, and 10.0.0.x 10.0.K.x.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from twinlab.host import engine
from twinlab.host.engine import LabError
from twinlab.host.labsite import ROOT

LABEL = "org.twinboot.lab"
CHECKOUT = "org.twinboot.lab.checkout"
"""Whose lab it is: scripts/clean removes those of its own checkout."""
CLIENT_POOL = 32  # Docker's own choice of addresses starts here and takes a /27


def labels(name: str) -> tuple[str, ...]:
    """Options of docker that mark what belongs to a lab."""
    return ("--label", f"{LABEL}={name}", "--label", f"{CHECKOUT}={ROOT}")


@dataclass(frozen=True)
class Layout:
    """Where one lab stands. `site_networks` are the networks as the site file writes them."""

    name: str
    lan: IPv4Network
    router: IPv4Address
    crossover: IPv4Network | None
    shift: int

    @property
    def lan_network(self) -> str:
        return f"{self.name}-lan"

    @property
    def crossover_network(self) -> str:
        return f"{self.name}-crossover"

    def container(self, machine: str) -> str:
        return f"{self.name}-{machine}"

    @property
    def client_pool(self) -> IPv4Network:
        """The part of the LAN from which Docker gives clients their addresses."""
        return IPv4Network((int(self.lan.network_address) + CLIENT_POOL, 27))


def moved(value: Any, networks: Iterable[IPv4Network], by: int) -> Any:
    """A copy of a site (mappings, lists, strings) with every address of these /24s moved by `by`."""
    if isinstance(value, dict):
        return {key: moved(item, networks, by) for key, item in value.items()}
    if isinstance(value, list):
        return [moved(item, networks, by) for item in value]
    if isinstance(value, str) and by:
        for network in networks:
            old = str(network.network_address).rsplit(".", 1)[0] + "."
            new = str(network.network_address + 256 * by).rsplit(".", 1)[0] + "."
            value = value.replace(old, new)
    return value


def site_networks(site: dict[str, Any]) -> tuple[IPv4Network, IPv4Address, IPv4Network | None]:
    """LAN, its router and the crossover network, read from the site file's text."""
    first = next(iter(site["servers"].values()))
    home = IPv4Address(str(first["address"]))
    for subnet in site["subnets"]:
        lan = IPv4Network(str(subnet["network"]))
        if home in lan:
            router = IPv4Address(str(subnet.get("router", lan.network_address + 1)))
            break
    else:
        raise LabError(f"no subnet of the site holds the servers' address {home}")
    cable = (first.get("links") or {}).get("crossover") or {}
    crossover = IPv4Network(f"{cable['address']}/24", strict=False) if cable.get("address") else None
    return lan, router, crossover


def _taken() -> list[IPv4Network]:
    """Networks of the engine and routes of this machine."""
    taken = []
    for item in engine.networks():
        for config in (item.get("IPAM") or {}).get("Config") or []:
            subnet = config.get("Subnet", "")
            if subnet and ":" not in subnet:
                taken.append(IPv4Network(subnet, strict=False))
    routes = Path("/proc/net/route")
    for line in routes.read_text().splitlines()[1:] if routes.exists() else []:
        fields = line.split()
        to, mask = (socket.inet_ntoa(struct.pack("=I", int(fields[i], 16))) for i in (1, 7))
        if mask != "0.0.0.0":
            taken.append(IPv4Network(f"{to}/{mask}", strict=False))
    return taken


def choose(name: str, site: dict[str, Any], *, default: bool, after: int = -1) -> Layout:
    """A layout on free networks; the site's own for the default lab when they are free."""
    lan, router, crossover = site_networks(site)
    wanted = [n for n in (lan, crossover) if n is not None]
    taken = _taken()
    first = max(after + 1, 0 if default else 1)
    for shift in range(first, 200):
        if shift and any(n.prefixlen != 24 for n in wanted):
            raise LabError(f"{lan} is in use here and cannot be moved (not a /24): use another site")
        here = [IPv4Network((int(n.network_address) + 256 * shift, n.prefixlen)) for n in wanted]
        if not any(n.overlaps(t) for n in here for t in taken):
            return Layout(name, here[0], router + 256 * shift, here[1] if crossover else None, shift)
    raise LabError("no free network for another lab: `scripts/lab down --name N` those no longer needed")
