"""Values of dhcpd.conf: pools, host groups, boot loaders by firmware."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from .plan import Machine, Plan

DEFAULT_LOADER = "pxelinux.0"


@dataclass(frozen=True, slots=True)
class Firmware:
    """Machines of one kind (processor architecture types of RFC 4578, IANA) and their boot loader.

    Another kind of firmware is one more line of FIRMWARES; its loader goes into the tftp image.
    """

    name: str
    codes: tuple[str, ...]
    loader: str


FIRMWARES = (
    Firmware("bios", ("00:00",), DEFAULT_LOADER),
    Firmware("uefi-x64", ("00:07", "00:08", "00:09"), "bootx64.efi"),
)


@dataclass(frozen=True, slots=True)
class Pool:
    """Addresses of one range that belong to one group, as runs of neighbours."""

    group: str
    vip: IPv4Address
    runs: tuple[tuple[IPv4Address, IPv4Address], ...]


@dataclass(frozen=True, slots=True)
class HostGroup:
    """Hosts of one group."""

    group: str
    vip: IPv4Address
    hosts: tuple[dict[str, Any], ...]


def dhcpd_values(plan: Plan) -> dict[str, Any]:
    """Values of dhcpd.conf.j2; the same on every server but for the name in the heading."""
    site = plan.site
    return {
        "group": site.dhcpd_group,
        "vip": plan.vip(site.dhcpd_group),
        "domain": site.domain,
        "name_servers": [group.address for group in site.groups.values()],
        "default_loader": DEFAULT_LOADER,
        "firmwares": FIRMWARES,
        "subnets": [
            {
                "network": subnet.network,
                "router": subnet.router,
                "relays": subnet.relays,
                "lease_s": subnet.lease_s,
                "pools": list(_pools(plan, number)),
            }
            for number, subnet in enumerate(site.subnets)
        ],
        "host_groups": list(_host_groups(plan)),
    }


def _pools(plan: Plan, number: int) -> Iterator[Pool]:
    """One pool per group: next-server cannot be computed from an address, so each pool has its own."""
    span = plan.site.subnets[number].range
    if span is None:
        return
    runs: dict[str, list[tuple[IPv4Address, IPv4Address]]] = {group: [] for group in plan.site.groups}
    for address in map(IPv4Address, range(int(span.first), int(span.last) + 1)):
        mine = runs[plan.balance.group_of(address)]
        if mine and int(mine[-1][1]) + 1 == int(address):
            mine[-1] = (mine[-1][0], address)
        else:
            mine.append((address, address))
    for group, found in runs.items():
        if found:
            yield Pool(group, plan.vip(group), tuple(found))


def _host_groups(plan: Plan) -> Iterator[HostGroup]:
    members: dict[str, list[Machine]] = {group: [] for group in plan.site.groups}
    for machine in plan.machines:
        members[machine.group].append(machine)
    for group, machines in members.items():
        hosts = tuple({"name": m.name, "mac": m.host.mac, "address": m.host.address} for m in machines)
        if hosts:
            yield HostGroup(group, plan.vip(group), hosts)
