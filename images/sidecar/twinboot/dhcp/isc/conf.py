"""Values of dhcpd.conf: shares of dynamic addresses, host groups, boot loaders by firmware."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from ...planning.plan import SitePlan
from ...site.model.site import Subnet
from .. import offers
from ..offers import KnownBy, KnownHost, Mark, Offers
from .boot import (
    NEXT_SERVER,
    SILENT,
    BootFile,
    clients,
    dhcpd_number,
    is_one_of,
    machines,
    types,
    written,
)  # fmt: skip

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
    empty for those of the range. configs: its files by option 209.
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
    site, told = plan.site, offers.offers_of(plan)
    files = {
        profile: list(map(written, of_profile)) for profile, of_profile in told.boot_files.by_profile.items()
    }
    return {
        "group": site.dhcpd_group,
        "vip": told.server_id,
        "domain": told.domain,
        "name_servers": told.name_servers,
        "snooper_mac": offers.SNOOPER_MAC,
        "watch_host": offers.WATCH_HOST,
        "clients": clients(),
        "types": list(types()),
        "silent": SILENT,
        "machines": list(machines()),
        "next_server": NEXT_SERVER,
        "no_other_server": offers.NO_OTHER_SERVER,
        "no_proxy_dhcp": offers.NO_PROXY_DHCP,
        "boot_files": list(map(written, told.boot_files.everywhere)),
        "reboot_s": offers.REBOOT_S,
        "shared_networks": list(_shared_networks(told, files)),
        "slots": len(plan.balance.slots),
        "shares": list(_shares(told)),
        "by_uuid": list(_by_uuid(told, files)),
        "host_groups": list(_host_groups(plan, told, files)),
    }


def _shares(told: Offers) -> Iterator[Share]:
    """Who serves which dynamic address: dhcpd computes next-server from the address it leases.

    One pool for each group would be the documented way, but dhcpd empties its first pool before it looks at
    the second one, so all machines of a small site would boot from one server.
    """
    for one in told.shares:
        yield Share(one.group, one.vip, tuple(map(dhcpd_number, one.remainders)))


def _host_groups(plan: SitePlan, told: Offers, files: Files) -> Iterator[HostGroup]:
    members: dict[tuple[str, str], list[KnownHost]] = {}
    for group in plan.site.groups:
        for host in told.hosts:
            if host.group == group:
                members.setdefault((group, host.profile), []).append(host)
    ranges = [subnet.network for subnet in plan.site.subnets if subnet.range is not None]
    for (group, profile), known in members.items():
        hosts = tuple(one for host in known for one in _declarations(host, ranges))
        yield HostGroup(group, profile, plan.vip(group), files[profile], hosts)


def _declarations(host: KnownHost, ranges: list[IPv4Network]) -> Iterator[HostDeclaration]:
    """ranges: subnets that have one. dhcpd passes over a declaration whose addresses are of other subnets,
    and then does not know the machine: for those one without an address says who it is (find_lease() and
    ack_lease() of 4.4)."""
    addresses = ", ".join(map(str, host.addresses))
    marks = [_known_by(mark) for mark in host.marks if mark.kind is not KnownBy.UUID]
    known = [(mark, addresses) for mark in marks]
    if any(not any(one in network for one in host.addresses) for network in ranges):
        known += [(mark, "") for mark in marks]
    configs = _configs(host)
    for number, (mark, where) in enumerate(known, 1):
        declared = host.name if number == 1 else f"{host.name}_{number}"
        yield HostDeclaration(declared, host.name, mark, where, configs)


def _known_by(mark: Mark) -> str:
    """As dhcpd.conf(5) writes it below `host`."""
    if mark.kind is KnownBy.MAC:
        return f"hardware ethernet {mark.octets}"
    return f"option dhcp-client-identifier {mark.octets}"


def _configs(host: KnownHost) -> tuple[HostFile, ...]:
    return tuple(HostFile(is_one_of(one.firmwares) if one.firmwares else "", one.file) for one in host.files)


def _by_uuid(told: Offers, files: Files) -> Iterator[dict[str, Any]]:
    """Machines by UUID (option 97): dhcpd 4.4 finds no host by it (`host-identifier`), but a subclass."""
    for host in told.hosts:
        for mark in host.marks:
            if mark.kind is KnownBy.UUID:
                yield {"mark": mark.octets, "name": host.name, "configs": _configs(host), "vip": host.vip,
                       "boot_files": files[host.profile]}  # fmt: skip


def _shared_networks(told: Offers, files: Files) -> Iterator[SharedNetwork]:
    for one in told.networks:
        members = [MemberSubnet(member.subnet, files.get(member.profile, [])) for member in one.subnets]
        yield SharedNetwork(one.name, tuple(members))
