"""Values of dhcpd.conf: shares of dynamic addresses, host groups, boot loaders by firmware."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from ...kinds import LOADERS
from ...planning.plan import Machine, SitePlan
from ...site.model.site import Host, Site, Subnet

SNOOPER_MAC = "02:54:57:49:4e:42"
"""wire.net.dhcp.SNOOPER_MAC."""
WATCH_HOST = "twinboot-watch"
"""Name of the declaration of that client."""
IPOIB_PREFIXES = ("ff:00:00:00:00:00:02:00:00:02:c9:00:", "20:")
"""Client identifiers of cards of InfiniBand, before the port GUID: of Mellanox's ROM and dhclient (DUID-EN in
RFC 4361's form), of iPXE and NetworkManager (hardware type 32)."""
REBOOT_S = 10
"""A person at the machine can read PXELINUX's last words and press a key to try again at once."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The boot file for machines of one kind of firmware.

    codes: as dhcpd writes 16-bit numbers; short: those that also fit one byte, as some ROMs send them.
    """

    name: str
    codes: tuple[str, ...]
    short: tuple[str, ...]
    loader: str


@dataclass(frozen=True, slots=True)
class Share:
    """A group and the remainders of its addresses, as dhcpd writes 16-bit numbers."""

    group: str
    vip: IPv4Address
    remainders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostDeclaration:
    """A host by one of the things that it is known by: dhcpd takes one in a declaration.

    declared: name of the declaration; beyond the first with an underscore, which no host name has. addresses:
    empty for those of the range.
    """

    declared: str
    name: str
    known_by: str
    addresses: str
    file: str


@dataclass(frozen=True, slots=True)
class Wire:
    """Subnets on one wire; name: as dhcpd's shared-network has it, empty for a subnet alone."""

    name: str
    subnets: tuple[Subnet, ...]


@dataclass(frozen=True, slots=True)
class HostGroup:
    """Hosts of one group."""

    group: str
    vip: IPv4Address
    hosts: tuple[HostDeclaration, ...]


def dhcpd_values(plan: SitePlan) -> dict[str, Any]:
    """Values of dhcpd.conf.j2; the same on every server but for the name in the heading."""
    site = plan.site
    return {
        "group": site.dhcpd_group,
        "vip": plan.vip(site.dhcpd_group),
        "domain": site.domain,
        "name_servers": [group.address for group in site.groups.values()],
        "snooper_mac": SNOOPER_MAC,
        "watch_host": WATCH_HOST,
        "firmwares": list(_offers()),
        "reboot_s": REBOOT_S,
        "wires": list(_wires(site)),
        "slots": len(plan.balance.slots),
        "shares": list(_shares(plan)),
        "by_uuid": list(_by_uuid(plan)),
        "host_groups": list(_host_groups(plan)),
    }


def _offers() -> Iterator[Offer]:
    """What every boot loader kind serves; first the one for machines that do not say what they are."""
    firmwares = [firmware for loader in LOADERS.all() for firmware in loader.firmwares]
    for one in sorted(firmwares, key=lambda firmware: not firmware.silent):
        short = tuple(f"{code:02x}" for code in one.codes if code < 256)
        yield Offer(one.name, tuple(_dhcpd_number(code) for code in one.codes), short, one.boot_file)


def _dhcpd_number(number: int) -> str:
    """A 16-bit number as dhcpd compares it: 00:07."""
    return f"{number >> 8:02x}:{number & 255:02x}"


def _shares(plan: SitePlan) -> Iterator[Share]:
    """Who serves which dynamic address: dhcpd computes next-server from the address it leases.

    One pool for each group would be the documented way, but dhcpd empties its first pool before it looks at
    the second one, so all machines of a small site would boot from one server.
    """
    for group in plan.site.groups:
        numbers = plan.balance.remainders(group)
        yield Share(group, plan.vip(group), tuple(_dhcpd_number(n) for n in numbers))


def _host_groups(plan: SitePlan) -> Iterator[HostGroup]:
    members: dict[str, list[Machine]] = {group: [] for group in plan.site.groups}
    for machine in plan.machines:
        members[machine.group].append(machine)
    for group, machines in members.items():
        hosts = tuple(one for machine in machines for one in _declarations(plan, machine))
        if hosts:
            yield HostGroup(group, plan.vip(group), hosts)


def _declarations(plan: SitePlan, machine: Machine) -> Iterator[HostDeclaration]:
    """dhcpd passes over a declaration whose addresses are of other subnets, and then does not know the
    machine: for those one without an address says who it is (find_lease() and ack_lease() of 4.4)."""
    host = machine.host
    addresses = ", ".join(str(one) for one in host.all_addresses)
    marks = tuple(_marks(host))
    known = [(mark, addresses) for mark in marks]
    ranges = [subnet.network for subnet in plan.site.subnets if subnet.range is not None]
    if any(not any(one in network for one in host.all_addresses) for network in ranges):
        known += [(mark, "") for mark in marks]
    for number, (mark, where) in enumerate(known, 1):
        declared = machine.name if number == 1 else f"{machine.name}_{number}"
        yield HostDeclaration(declared, machine.name, mark, where, _file(machine))


def _marks(host: Host) -> Iterator[str]:
    """As dhcpd.conf(5) writes them below `host`. A machine on InfiniBand has no hardware address in its
    requests, and is told by its client identifier (RFC 4390 section 2.1): which one, the client
    decides."""
    yield from (f"hardware ethernet {mac}" for mac in host.ethernet)
    client_ids = [prefix + guid for guid in host.guids for prefix in IPOIB_PREFIXES]
    for client_id in dict.fromkeys((*client_ids, *host.client_id)):
        yield f"option dhcp-client-identifier {client_id}"


def _file(machine: Machine) -> str:
    files = (loader.host_file(machine.name) for loader in LOADERS.all())
    return next((one for one in files if one), "")


def _by_uuid(plan: SitePlan) -> Iterator[dict[str, Any]]:
    """Machines by UUID (option 97): dhcpd 4.4 finds no host by it (`host-identifier`), but a subclass. SMBIOS
    writes the first three fields with their low byte first, and ROMs send them as they stand there, or turned
    (RFC 4578 section 2.3 names no order)."""
    for machine in plan.machines:
        if machine.host.uuid is not None:
            found = uuid.UUID(machine.host.uuid)
            for octets in dict.fromkeys((found.bytes_le, found.bytes)):
                yield {"mark": f"00:{octets.hex(':')}", "name": machine.name, "file": _file(machine),
                       "vip": plan.vip(machine.group)}  # fmt: skip


def _wires(site: Site) -> Iterator[Wire]:
    told = set()
    for subnet in site.subnets:
        if subnet.wire is None:
            yield Wire("", (subnet,))
        elif subnet.wire not in told:
            told.add(subnet.wire)
            yield Wire(subnet.wire, site.wire_of(subnet))
