"""What the DHCP server of a site tells its clients, in no engine's words. Pure.

Owns the values that the configuration of every engine is made of: what hosts are known by, the shares of the
dynamic addresses, boot files by firmware, a host's own file, networks, and values of single options. What an
engine has to do with them: base.DhcpEngine. Octets stand as in the site file: hex, parted by colons.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address

from ..loaders.decision import MAX_FILE_NAME, Offer, Row, known_firmwares, loader_of, loaders_in_use, rows
from ..loaders.firmware import Firmware
from ..planning.plan import Machine, SitePlan
from ..site.model.site import Host, Site, Subnet

SNOOPER_MAC = "02:54:57:49:4e:42"
"""Hardware address of the client that every sidecar asks as when it looks for foreign DHCP servers:
wire.net.dhcp.SNOOPER_MAC."""
WATCH_HOST = "twinboot-watch"
"""What a configuration calls that client, where it has a name there."""
IPOIB_PREFIXES = ("ff:00:00:00:00:00:02:00:00:02:c9:00:", "20:")
"""Client identifiers of cards of InfiniBand, before the port GUID: of Mellanox's ROM and dhclient (DUID-EN in
RFC 4361's form), of iPXE and NetworkManager (hardware type 32)."""
REBOOT_S = 10
"""Option 211 (RFC 5071 section 6). A person at the machine can read PXELINUX's last words and press a key to
try again at once."""
NO_OTHER_SERVER = "06:01:08:ff"
"""Option 43 of a PXE client that gets a boot file: PXE_DISCOVERY_CONTROL (tag 6 of the PXE specification 2.1)
says that the boot file is this one, and that no other server is to be looked for."""
NO_PROXY_DHCP = "b0:01:01"
"""The same in option 175, for iPXE: its sub-option 176 (no-pxedhcp)."""


class KnownBy(Enum):
    """What a request tells a known host by. The value is the number of its option; 0: the field chaddr."""

    MAC = 0
    CLIENT_ID = 61
    """RFC 2132 section 9.14."""
    UUID = 97
    """RFC 4578 section 2.3."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One of the things that a host is known by. octets: as the request has them, all of the option."""

    kind: KnownBy
    octets: str


@dataclass(frozen=True, slots=True)
class HostFile:
    """A host's configuration by option 209 (RFC 5071 section 4). firmwares: of machines that get it; empty:
    all of the host's do."""

    file: str
    firmwares: tuple[Firmware, ...]


@dataclass(frozen=True, slots=True)
class KnownHost:
    """A host of the site. addresses: its fixed ones, the main one first. vip: the virtual address of its
    group. profile: whose boot files it gets."""

    name: str
    marks: tuple[Mark, ...]
    addresses: tuple[IPv4Address, ...]
    group: str
    vip: IPv4Address
    profile: str
    files: tuple[HostFile, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """Those dynamic addresses whose remainders by `modulus` are these boot from `vip`, a group's address."""

    group: str
    vip: IPv4Address
    modulus: int
    remainders: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BootFile:
    """A boot file, and the kinds of firmware that get it: all of them are iPXE, or none is."""

    offer: Offer
    firmwares: tuple[Firmware, ...]


@dataclass(frozen=True, slots=True)
class BootFiles:
    """everywhere: those that are the same for every profile. by_profile: all others, for machines that
    install it. A firmware that is in neither gets none."""

    everywhere: tuple[BootFile, ...]
    by_profile: Mapping[str, tuple[BootFile, ...]]


@dataclass(frozen=True, slots=True)
class MemberSubnet:
    """A subnet. profile: what unknown machines that get an address here install; empty: none do. number: its
    place among all subnets of the site file, from 1."""

    subnet: Subnet
    profile: str
    number: int


@dataclass(frozen=True, slots=True)
class SharedNetwork:
    """Subnets on one physical network. name: as the site file has it; empty for a subnet alone."""

    name: str
    subnets: tuple[MemberSubnet, ...]


@dataclass(frozen=True, slots=True)
class Offers:
    """All of it, the same on every server of the site. server_id: the virtual address of the DHCP server's
    group, its identifier. hosts, networks: in the order of the site file."""

    server_id: IPv4Address
    domain: str
    name_servers: tuple[IPv4Address, ...]
    boot_files: BootFiles
    shares: tuple[Share, ...]
    hosts: tuple[KnownHost, ...]
    networks: tuple[SharedNetwork, ...]


def offers_of(plan: SitePlan) -> Offers:
    site, host_files = plan.site, _HostFiles(plan.site)
    return Offers(
        plan.vip(site.dhcpd_group),
        site.domain,
        tuple(group.address for group in site.groups.values()),
        boot_files(plan),
        tuple(_shares(plan)),
        tuple(_known(plan, machine, host_files) for machine in plan.machines),
        tuple(_networks(site)),
    )


def boot_files(plan: SitePlan) -> BootFiles:
    """The decisions of loaders.decision. Kinds of firmware that get the same file are one entry."""
    tables = {profile: list(rows(plan, profile)) for profile in plan.site.profiles}
    common = _common(list(tables.values()))
    others = {
        profile: tuple(_files(row for row in table if row not in common)) for profile, table in tables.items()
    }
    return BootFiles(tuple(_files(common)), others)


def marks(host: Host) -> Iterator[Mark]:
    """All that a host is known by.

    A machine on InfiniBand has no hardware address in its requests, and is told by its client identifier
    (RFC 4390 section 2.1): which one, the client decides. SMBIOS writes the first three fields of a UUID with
    their low byte first, and ROMs send them as they stand there, or turned (RFC 4578 section 2.3 names no
    order); the octet before it is its type.
    """
    yield from (Mark(KnownBy.MAC, mac) for mac in host.ethernet)
    client_ids = [prefix + guid for guid in host.guids for prefix in IPOIB_PREFIXES]
    for client_id in dict.fromkeys((*client_ids, *host.client_id)):
        yield Mark(KnownBy.CLIENT_ID, client_id)
    if host.uuid is not None:
        found = uuid.UUID(host.uuid)
        for octets in dict.fromkeys((found.bytes_le, found.bytes)):
            yield Mark(KnownBy.UUID, f"00:{octets.hex(':')}")


def _common(tables: list[list[Row]]) -> list[Row]:
    if not tables:
        return []
    return [
        row for row in tables[0]
        if isinstance(row.gets, Offer) and all(row in table for table in tables)
    ]  # fmt: skip


def _files(table: Iterable[Row]) -> Iterator[BootFile]:
    found: dict[tuple[Offer, bool], list[Firmware]] = {}
    for row in table:
        if isinstance(row.gets, Offer):
            found.setdefault((row.gets, row.firmware.ipxe), []).append(row.firmware)
    for (offer, _), firmwares in found.items():
        if len(offer.file("255.255.255.255")) > MAX_FILE_NAME:
            raise AssertionError(f"{offer.path} is too long for a boot file")
        yield BootFile(offer, tuple(firmwares))


def _shares(plan: SitePlan) -> Iterator[Share]:
    for group in plan.site.groups:
        yield Share(group, plan.vip(group), len(plan.balance.slots), plan.balance.remainders(group))


def _known(plan: SitePlan, machine: Machine, host_files: _HostFiles) -> KnownHost:
    host = machine.host
    return KnownHost(machine.name, tuple(marks(host)), host.all_addresses, machine.group,
                     plan.vip(machine.group), machine.install.profile, host_files.of(machine.name))


class _HostFiles:
    """Which file of a host option 209 names: that of the loader that the machine's firmware gets."""

    def __init__(self, site: Site) -> None:
        served = [(loader_of(site, one), one) for one in known_firmwares()]
        self._loaders = [
            (loader, tuple(one for found, one in served if found is loader))
            for loader in loaders_in_use(site)
        ]  # fmt: skip

    def of(self, name: str) -> tuple[HostFile, ...]:
        """Files of the host of this name. Where there is only one, all machines get it: what does not know
        the option does not mind it."""
        found = [HostFile(file, which) for one, which in self._loaders if (file := one.host_file(name))]
        return (HostFile(found[0].file, ()),) if len({one.file for one in found}) == 1 else tuple(found)


def _networks(site: Site) -> Iterator[SharedNetwork]:
    numbers = {one.network: number for number, one in enumerate(site.subnets, 1)}

    def members(subnets: Iterable[Subnet]) -> tuple[MemberSubnet, ...]:
        return tuple(
            MemberSubnet(one, (one.profile or "") if one.range else "", numbers[one.network])
            for one in subnets
        )

    told = set()
    for subnet in site.subnets:
        if subnet.shared_network is None:
            yield SharedNetwork("", members((subnet,)))
        elif subnet.shared_network not in told:
            told.add(subnet.shared_network)
            yield SharedNetwork(subnet.shared_network, members(site.sharing_with(subnet)))
