"""The site as typed values. Frozen: what `load` returns is true for the life of a process.

Owns the shape of the site file: keys, types, defaults and what each key means (the descriptions also make
the JSON schema). How values must fit together is `checks`; reading is `load`.
Addresses are `ipaddress.IPv4Address`; `str()` gives the dotted text.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from .fields import (
    Address,
    Domain,
    Interface,
    KernelArg,
    Keyboard,
    Label,
    Lang,
    Mac,
    Message,
    Name,
    Network,
    Package,
    Partition,
    RelativePath,
    Script,
    TemplateName,
    Timezone,
)


class BalancingMode(StrEnum):
    """How clients are shared among the groups."""

    PARITY = "parity"
    DNS = "dns"


class LinkKind(StrEnum):
    """What a heartbeat link runs over. A serial line comes later."""

    UDP = "udp"


class ManagedService(StrEnum):
    """Services that run only where their group is held."""

    DHCPD = "dhcpd"


class Failback(StrEnum):
    """What a holder does when a server earlier in the group's order is back."""

    AUTO = "auto"
    MANUAL = "manual"


class Method(StrEnum):
    """How installers fetch their tree and kickstart."""

    FTP = "ftp"
    HTTP = "http"


class Installer(StrEnum):
    """What reads the answers of a profile. Only kickstart is rendered today; `checks` refuses the others."""

    KICKSTART = "kickstart"
    PRESEED = "preseed"
    AUTOINSTALL = "autoinstall"


class OsVersion(StrEnum):
    """Which kickstart dialect a tree's installer reads; the names are pykickstart's."""

    RHEL5 = "RHEL5"
    RHEL6 = "RHEL6"
    RHEL7 = "RHEL7"
    RHEL8 = "RHEL8"
    RHEL9 = "RHEL9"
    RHEL10 = "RHEL10"
    F38 = "F38"
    F39 = "F39"
    F40 = "F40"
    F41 = "F41"
    F42 = "F42"
    F43 = "F43"
    F44 = "F44"
    F45 = "F45"

    @property
    def rhel(self) -> int | None:
        """Major release of Red Hat Enterprise Linux and its rebuilds; None for Fedora."""
        return int(self.value[4:]) if self.value.startswith("RHEL") else None


class Finish(StrEnum):
    """What the installer does at its end."""

    REBOOT = "reboot"
    POWEROFF = "poweroff"
    HALT = "halt"


class RecordType(StrEnum):
    """Types of extra DNS records."""

    A = "A"
    AAAA = "AAAA"
    CNAME = "CNAME"
    MX = "MX"
    SRV = "SRV"
    TXT = "TXT"


class Model(BaseModel):
    """Base of all: immutable, unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Balancing(Model):
    """How clients are shared among the groups."""

    mode: BalancingMode = Field(
        default=BalancingMode.PARITY,
        description="parity: a client's address picks its group; dns: one name has all groups' addresses",
    )
    name: Label = Field(
        default="ftp", description="host part of the install name, which has all groups' addresses"
    )


class Link(Model):
    """One heartbeat link of a server. Peers speak over links of the same name."""

    kind: LinkKind = Field(default=LinkKind.UDP, description="udp")
    address: Address = Field(
        description="this server's address on the link (leave address and interface out for the server's own)"
    )
    interface: Interface = Field(description="this server's interface of the link")


class Server(Model):
    """One install server."""

    address: Address = Field(description="the server's own, fixed LAN address")
    interface: Interface = Field(description="its LAN interface; virtual addresses are put there")
    links: dict[Name, Link] = Field(description="heartbeat links by name; default: one, `lan`")


class Group(Model):
    """A resource group: one virtual address and the services that run only where it is held."""

    address: Address = Field(description="the virtual address clients use")
    order: tuple[str, ...] = Field(
        min_length=1, description="servers that may hold it, the preferred one first"
    )
    services: tuple[ManagedService, ...] = Field(default=(), description="services that move with it: dhcpd")
    weight: int = Field(default=1, ge=1, le=100, description="share of the clients, parity mode only")


class Range(Model):
    """Addresses for machines without a host entry, both ends included."""

    first: Address = Field(description="first address of the range")
    last: Address = Field(description="last address of the range")

    @property
    def size(self) -> int:
        return int(self.last) - int(self.first) + 1

    def __contains__(self, address: IPv4Address) -> bool:
        return self.first <= address <= self.last


class Subnet(Model):
    """One network that clients boot in."""

    network: Network = Field(description="network, such as 192.168.0.0/24")
    router: Address | None = Field(default=None, description="default gateway of clients; none when left out")
    range: Range | None = Field(default=None, description="addresses for machines without a host entry")
    relays: tuple[Address, ...] = Field(
        default=(), description="addresses of the DHCP relay agents, when no server stands in this network"
    )
    profile: str | None = Field(default=None, description="profile of machines without one of their own")
    lease_s: int = Field(default=3600, ge=60, le=31_536_000, description="DHCP lease time, seconds")


class Record(Model):
    """An extra record of the site's zone."""

    name: str = Field(description="name below the domain, or @ for the domain itself")
    type: RecordType = Field(description="A, AAAA, CNAME, MX, SRV or TXT")
    value: str = Field(description="as in a zone file: 10 mail (MX), 0 5 80 www (SRV), text (TXT)")
    ttl_s: int | None = Field(default=None, ge=0, le=604_800, description="seconds; default: dns.ttl_s")


class Dns(Model):
    """The name service."""

    ttl_s: int = Field(
        default=10, ge=0, le=604_800, description="time to live; low, or caches defeat balancing"
    )
    forwarders: tuple[Address, ...] = Field(default=(), description="name servers asked for all other names")
    dnssec_validation: bool = Field(default=True, description="validate answers of the forwarders")
    records: tuple[Record, ...] = Field(default=(), description="extra records: MX, CNAME, TXT, A, AAAA, SRV")


class Tree(Model):
    """A distribution's install tree below the trees directory, the same on every server."""

    path: RelativePath = Field(description="directory below the trees directory")
    kernel: RelativePath = Field(default="images/pxeboot/vmlinuz", description="kernel, within the tree")
    initrd: RelativePath = Field(default="images/pxeboot/initrd.img", description="initrd, within the tree")


class Profile(Model):
    """What to install, and how."""

    tree: str = Field(description="name of an entry of trees")
    installer: Installer = Field(default=Installer.KICKSTART, description="kickstart")
    version: OsVersion = Field(description="kickstart dialect of the tree: RHEL5 to RHEL10, F38 to F45")
    method: Method = Field(default=Method.FTP, description="ftp or http")
    kernel_args: tuple[KernelArg, ...] = Field(
        default=(), description="appended to the installer's kernel arguments"
    )
    spare: bool = Field(
        default=False,
        description="name the other groups' addresses as well, tried in order; parity mode, RHEL8 and later",
    )
    kickstart: TemplateName = Field(default="default.ks.j2", description="template below templates/kickstart")
    packages: tuple[Package, ...] = Field(default=("@core",), description="lines of %packages")
    lang: Lang = Field(default="en_US.UTF-8", description="language of the installed system")
    keyboard: Keyboard = Field(default="us", description="keyboard layout")
    timezone: Timezone = Field(default="Etc/UTC", description="time zone; the hardware clock keeps UTC")
    rootpw_file: RelativePath | None = Field(
        default=None,
        description="file beside the site file with root's password hash; without it root is locked",
    )
    partitions: tuple[Partition, ...] = Field(
        default=(), description="part, volgroup ... lines; default: autopart"
    )
    post: Script = Field(default="", description="shell script that runs in the new system (%post)")
    finish: Finish = Field(default=Finish.REBOOT, description="reboot, poweroff or halt")
    message: Message | None = Field(default=None, description="text shown above the boot prompt")
    prompt: bool = Field(default=True, description="show the boot prompt; false boots at once")
    timeout_s: float = Field(default=5.0, ge=0.1, le=3599, description="how long the prompt waits, seconds")


class Host(Model):
    """One known machine."""

    mac: Mac = Field(description="MAC address of the interface it boots from")
    address: Address = Field(description="its fixed address")
    profile: str | None = Field(default=None, description="what to install; default: the subnet's profile")
    group: str | None = Field(default=None, description="group it is pinned to, parity mode only")
    static: bool = Field(default=False, description="the installed system keeps this address without DHCP")


class Timers(Model):
    """Timers of the cluster, seconds: interval < warntime < deadtime, lease at least twice deadtime."""

    interval_s: float = Field(default=0.2, ge=0.02, le=60, description="time between heartbeats")
    warntime_s: float = Field(
        default=0.5, gt=0, le=600, description="silence after which a link is reported late"
    )
    deadtime_s: float = Field(default=1.0, gt=0, le=600, description="silence after which a server is dead")
    initdead_s: float = Field(default=5.0, gt=0, le=3600, description="deadtime while a server starts")
    lease_s: float = Field(
        default=3.0, ge=2, le=3600, description="life of a virtual address that is not renewed"
    )
    failback_delay_s: float = Field(
        default=5.0,
        ge=0,
        le=86_400,
        description="how long a preferred server must be steady before it takes back",
    )


class Heartbeat(Model):
    """The servers' talk among themselves."""

    port: int = Field(
        default=694, ge=1, le=65_535, description="UDP port of the links (694: ha-cluster, IANA)"
    )
    keys: tuple[RelativePath, ...] = Field(
        default=("secrets/heartbeat.key",),
        min_length=1,
        description="key files beside the site file; the first one signs, all are accepted",
    )
    timers: Timers = Field(default=Timers(), description="timers of the cluster")
    failback: Failback = Field(default=Failback.AUTO, description="auto or manual")


class Site(Model):
    """The whole site, the same on every server."""

    version: Literal[1] = Field(description="version of this file's format: 1")
    cluster: Name = Field(description="name of the cluster; heartbeats of others are ignored")
    domain: Domain = Field(description="domain of the site, such as example.lan")
    balancing: Balancing = Field(default=Balancing(), description="how clients are shared among the groups")
    servers: dict[Label, Server] = Field(description="install servers by host name, 2 to 16")
    groups: dict[Name, Group] = Field(
        description="resource groups by name; their order is the order of balancing"
    )
    subnets: tuple[Subnet, ...] = Field(min_length=1, description="networks that clients boot in")
    dns: Dns = Field(default=Dns(), description="the name service")
    trees: dict[Name, Tree] = Field(default={}, description="install trees by name")
    profiles: dict[Name, Profile] = Field(default={}, description="what to install, by name")
    hosts: dict[Label, Host] = Field(default={}, description="known machines by host name")
    heartbeat: Heartbeat = Field(default=Heartbeat(), description="the servers' talk among themselves")

    @property
    def dhcpd_group(self) -> str:
        """Name of the one group that dhcpd runs with."""
        return next(name for name, group in self.groups.items() if ManagedService.DHCPD in group.services)

    def subnet_of(self, address: IPv4Address) -> Subnet | None:
        """The subnet an address lies in."""
        return next((subnet for subnet in self.subnets if address in subnet.network), None)

    def to_json(self) -> str:
        """The site as JSON that `load` reads back to an equal site."""
        return self.model_dump_json(indent=1) + "\n"
