"""Values of dhcpd.conf: shares of dynamic addresses, host groups, boot loaders by firmware."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from ...loaders.decision import known_firmwares, loader_of, loaders_in_use
from ...planning.plan import Machine, SitePlan
from ...site.model.site import Host, Site, Subnet
from .boot import (
    NEXT_SERVER,
    SILENT,
    BootFile,
    boot_files,
    clients,
    dhcpd_number,
    is_one_of,
    machines,
    types,
)  # fmt: skip

SNOOPER_MAC = "02:54:57:49:4e:42"
"""wire.net.dhcp.SNOOPER_MAC."""
WATCH_HOST = "twinboot-watch"
"""Name of the declaration of that client."""
IPOIB_PREFIXES = ("ff:00:00:00:00:00:02:00:00:02:c9:00:", "20:")
"""Client identifiers of cards of InfiniBand, before the port GUID: of Mellanox's ROM and dhclient (DUID-EN in
RFC 4361's form), of iPXE and NetworkManager (hardware type 32)."""
REBOOT_S = 10
"""A person at the machine can read PXELINUX's last words and press a key to try again at once."""


Files = Mapping[str, list[BootFile]]
"""By profile, the boot files that not all profiles have."""


@dataclass(frozen=True, slots=True)
class Share:
    """A group and the remainders of its addresses, as dhcpd writes 16-bit numbers."""

    group: str
    vip: IPv4Address
    remainders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostFile:
    """A host's configuration by option 209. condition: of machines that get it; empty: all do."""

    condition: str
    file: str


@dataclass(frozen=True, slots=True)
class HostDeclaration:
    """A host by one of the things that it is known by: dhcpd takes one in a declaration.

    declared: name of the declaration; beyond the first with an underscore, which no host name has. addresses:
    empty for those of the range. configs: see HostFiles.
    """

    declared: str
    name: str
    known_by: str
    addresses: str
    configs: tuple[HostFile, ...]


@dataclass(frozen=True, slots=True)
class SharedNetwork:
    """Subnets on one physical network; name: as dhcpd's shared-network has it, empty for a subnet alone."""

    name: str
    subnets: tuple[MemberSubnet, ...]


@dataclass(frozen=True, slots=True)
class MemberSubnet:
    """A subnet, and the boot files of its unknown machines."""

    subnet: Subnet
    boot_files: list[BootFile]


@dataclass(frozen=True, slots=True)
class HostGroup:
    """Hosts of one group and profile."""

    group: str
    profile: str
    vip: IPv4Address
    boot_files: list[BootFile]
    hosts: tuple[HostDeclaration, ...]


def dhcpd_values(plan: SitePlan) -> dict[str, Any]:
    """Values of dhcpd.conf.j2; the same on every server but for the name in the heading."""
    site = plan.site
    host_files = HostFiles(site)
    everywhere, files = boot_files(plan)
    return {
        "group": site.dhcpd_group,
        "vip": plan.vip(site.dhcpd_group),
        "domain": site.domain,
        "name_servers": [group.address for group in site.groups.values()],
        "snooper_mac": SNOOPER_MAC,
        "watch_host": WATCH_HOST,
        "clients": clients(),
        "types": list(types()),
        "silent": SILENT,
        "machines": list(machines()),
        "next_server": NEXT_SERVER,
        "boot_files": everywhere,
        "reboot_s": REBOOT_S,
        "shared_networks": list(_shared_networks(site, files)),
        "slots": len(plan.balance.slots),
        "shares": list(_shares(plan)),
        "by_uuid": list(_by_uuid(plan, host_files, files)),
        "host_groups": list(_host_groups(plan, host_files, files)),
    }


def _shares(plan: SitePlan) -> Iterator[Share]:
    """Who serves which dynamic address: dhcpd computes next-server from the address it leases.

    One pool for each group would be the documented way, but dhcpd empties its first pool before it looks at
    the second one, so all machines of a small site would boot from one server.
    """
    for group in plan.site.groups:
        numbers = plan.balance.remainders(group)
        yield Share(group, plan.vip(group), tuple(dhcpd_number(n) for n in numbers))


def _host_groups(plan: SitePlan, host_files: HostFiles, files: Files) -> Iterator[HostGroup]:
    members: dict[tuple[str, str], list[Machine]] = {}
    for group in plan.site.groups:
        for machine in plan.machines:
            if machine.group == group:
                members.setdefault((group, machine.install.profile), []).append(machine)
    for (group, profile), known in members.items():
        hosts = tuple(one for machine in known for one in _declarations(plan, machine, host_files))
        yield HostGroup(group, profile, plan.vip(group), files[profile], hosts)


def _declarations(
    plan: SitePlan, machine: Machine, host_files: HostFiles
) -> Iterator[HostDeclaration]:
    """dhcpd passes over a declaration whose addresses are of other subnets, and then does not know the
    machine: for those one without an address says who it is (find_lease() and ack_lease() of 4.4)."""
    host = machine.host
    addresses = ", ".join(machine.addresses)
    marks = tuple(_marks(host))
    known = [(mark, addresses) for mark in marks]
    ranges = [subnet.network for subnet in plan.site.subnets if subnet.range is not None]
    if any(not any(one in network for one in host.all_addresses) for network in ranges):
        known += [(mark, "") for mark in marks]
    for number, (mark, where) in enumerate(known, 1):
        declared = machine.name if number == 1 else f"{machine.name}_{number}"
        yield HostDeclaration(declared, machine.name, mark, where, host_files.of(machine.name))


def _marks(host: Host) -> Iterator[str]:
    """As dhcpd.conf(5) writes them below `host`. A machine on InfiniBand has no hardware address in its
    requests, and is told by its client identifier (RFC 4390 section 2.1): which one, the client
    decides."""
    yield from (f"hardware ethernet {mac}" for mac in host.ethernet)
    client_ids = [prefix + guid for guid in host.guids for prefix in IPOIB_PREFIXES]
    for client_id in dict.fromkeys((*client_ids, *host.client_id)):
        yield f"option dhcp-client-identifier {client_id}"


class HostFiles:
    """Which file of a host option 209 names: that of the loader that the machine's firmware gets."""

    def __init__(self, site: Site) -> None:
        in_use = loaders_in_use(site)
        served = [(loader_of(site, one), one) for one in known_firmwares()]
        self._loaders = [
            (loader, is_one_of(of) if (of := [one for found, one in served if found is loader]) else "")
            for loader in in_use
        ]  # fmt: skip

    def of(self, name: str) -> tuple[HostFile, ...]:
        """Files of the host of this name. Where there is only one, all machines get it: what does not know
        the option does not mind it."""
        found = [HostFile(which, file) for one, which in self._loaders if (file := one.host_file(name))]
        return (HostFile("", found[0].file),) if len({one.file for one in found}) == 1 else tuple(found)


def _by_uuid(plan: SitePlan, host_files: HostFiles, files: Files) -> Iterator[dict[str, Any]]:
    """Machines by UUID (option 97): dhcpd 4.4 finds no host by it (`host-identifier`), but a subclass. SMBIOS
    writes the first three fields with their low byte first, and ROMs send them as they stand there, or turned
    (RFC 4578 section 2.3 names no order)."""
    for machine in plan.machines:
        if machine.host.uuid is not None:
            found = uuid.UUID(machine.host.uuid)
            for octets in dict.fromkeys((found.bytes_le, found.bytes)):
                yield {"mark": f"00:{octets.hex(':')}", "name": machine.name,
                       "configs": host_files.of(machine.name), "vip": plan.vip(machine.group),
                       "boot_files": files[machine.install.profile]}  # fmt: skip


def _shared_networks(site: Site, files: Files) -> Iterator[SharedNetwork]:
    def members(subnets: Iterable[Subnet]) -> tuple[MemberSubnet, ...]:
        return tuple(
            MemberSubnet(one, files[one.profile] if one.range and one.profile else []) for one in subnets
        )

    told = set()
    for subnet in site.subnets:
        if subnet.shared_network is None:
            yield SharedNetwork("", members((subnet,)))
        elif subnet.shared_network not in told:
            told.add(subnet.shared_network)
            yield SharedNetwork(subnet.shared_network, members(site.sharing_with(subnet)))
