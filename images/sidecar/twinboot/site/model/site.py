"""The site as typed values. Frozen: what `load` returns never changes.

Owns the shape of the site file: keys, types, defaults and what each key means (the descriptions also make
the JSON schema). The parts of servers and machines are in `servers` and `install`, and re-exported here.
How values must fit together is `checks`; reading is `load`.
Addresses are `ipaddress.IPv4Address`; `str()` gives the dotted text.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address
from typing import Literal

from pydantic import Field

from .api import Api, ApiToken, Https, Webhook
from .base import Model
from .boot import Boot, Console, StepLimits, Unknown
from .fields import Address, Domain, Label, Name, Network, ZoneName
from .install import Finish, Host, Method, Profile, Tree
from .links import Link, LinkKind, SerialLink, UdpLink
from .people import User, Variables
from .power import SitePower
from .servers import (
    Balancing,
    BalancingMode,
    Failback,
    Ftp,
    Group,
    Heartbeat,
    ManagedService,
    Metrics,
    MetricsSetting,
    Server,
    Takeover,
    TakeoverSetting,
    Timers,
    TreeSync,
    TreeSyncSetting,
)
from .storage import DISK_WORDS, DiskChoice
from .wiring import Wiring

__all__ = [
    "DISK_WORDS",
    "Api",
    "ApiToken",
    "Balancing",
    "BalancingMode",
    "Boot",
    "Console",
    "DiskChoice",
    "Dns",
    "Failback",
    "Finish",
    "ForwardZone",
    "Ftp",
    "Group",
    "Heartbeat",
    "Host",
    "Https",
    "Link",
    "LinkKind",
    "ManagedService",
    "Method",
    "Metrics",
    "MetricsSetting",
    "Profile",
    "Range",
    "Record",
    "RecordType",
    "SerialLink",
    "Server",
    "Site",
    "SitePower",
    "Subnet",
    "Takeover",
    "TakeoverSetting",
    "Timers",
    "Tree",
    "TreeSync",
    "UdpLink",
    "Unknown",
    "User",
    "Webhook",
    "Wiring",
]


class RecordType(StrEnum):
    """Types of extra DNS records."""

    A = "A"
    AAAA = "AAAA"
    CNAME = "CNAME"
    MX = "MX"
    SRV = "SRV"
    TXT = "TXT"


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
        default=(), description="addresses of the DHCP relay agents, when no server stands in this network; "
        "one outside of it (a loopback) must send link selection (RFC 3527)"
    )
    shared_network: Name | None = Field(
        default=None, description="name of the network that several subnets share: the same in each of them"
    )
    profile: str | None = Field(default=None, description="profile of machines without one of their own")
    unknown: Unknown = Field(
        default=Unknown.WAIT,
        description="what a machine without a host entry does: wait until it has one, start from its disk, "
        "or install the profile, at each start from the network",
    )
    lease_s: int = Field(default=3600, ge=60, le=31_536_000, description="DHCP lease time, seconds")


class Record(Model):
    """An extra record of the site's zone."""

    name: str = Field(description="name below the domain, or @ for the domain itself")
    type: RecordType = Field(description="A, AAAA, CNAME, MX, SRV or TXT")
    value: str = Field(description="as in a zone file: 10 mail (MX), 0 5 80 www (SRV), text (TXT)")
    ttl_s: int | None = Field(default=None, ge=0, le=604_800, description="seconds; default: dns.ttl_s")


class ForwardZone(Model):
    """A zone that certain name servers are asked for, such as a company's own."""

    forwarders: tuple[Address, ...] = Field(
        default=(), description="name servers asked for this zone; default: dns.forwarders"
    )
    dnssec_validation: bool = Field(
        default=False,
        description="validate these answers, too: a zone that the public tree does not know fails then",
    )


class Dns(Model):
    """The name service."""

    ttl_s: int = Field(
        default=10, ge=0, le=604_800, description="time to live; low, or caches defeat balancing"
    )
    forwarders: tuple[Address, ...] = Field(default=(), description="name servers asked for all other names")
    dnssec_validation: bool = Field(default=True, description="validate answers of the forwarders")
    forward_zones: dict[ZoneName, ForwardZone] = Field(
        default={},
        description="zones that other name servers are asked for, or that are not validated, such as a "
        "company's own domain and its reverse zones",
    )
    records: tuple[Record, ...] = Field(default=(), description="extra records: MX, CNAME, TXT, A, AAAA, SRV")


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
    boot: Boot = Field(default=Boot(), description="boot loaders, where not the default is wanted")
    console: Console | None = Field(default=None, description="serial console of all machines; default: none")
    limits: StepLimits = Field(
        default=StepLimits(), description="how long each step of an install may be silent"
    )
    trees: dict[Name, Tree] = Field(default={}, description="install trees by name")
    profiles: dict[Name, Profile] = Field(default={}, description="what to install, by name")
    hosts: dict[Label, Host] = Field(default={}, description="known machines by host name")
    vars: Variables = Field(default={}, description="variables for templates of answers")
    heartbeat: Heartbeat = Field(default=Heartbeat(), description="the servers' talk among themselves")
    ftp: Ftp = Field(default=Ftp(), description="the FTP server")
    metrics: MetricsSetting = Field(
        default=Metrics(), description="what a monitoring system reads at /metrics of each sidecar, or `off`"
    )

    power: SitePower = Field(default=SitePower(), description="what the BMCs of all hosts have in common")
    takeover: TakeoverSetting = Field(
        default=Takeover(),
        description="what becomes of clients' connections when an address moves; or one word for all",
    )
    tree_sync: TreeSyncSetting = Field(
        default=TreeSync(),
        description="trees that were imported on one server come to the others by themselves; or `off`",
    )

    api: Api = Field(default=Api(), description="the page and the API")
    webhooks: tuple[Webhook, ...] = Field(
        default=(), description="programs elsewhere that are told by HTTP what happens; at most 16"
    )

    @property
    def dhcpd_group(self) -> str:
        """Name of the one group that dhcpd runs with."""
        return next(name for name, group in self.groups.items() if ManagedService.DHCPD in group.services)

    def subnet_of(self, address: IPv4Address) -> Subnet | None:
        """The subnet an address lies in."""
        return next((subnet for subnet in self.subnets if address in subnet.network), None)

    def sharing_with(self, subnet: Subnet) -> tuple[Subnet, ...]:
        """The subnets that share a subnet's network, itself among them."""
        if subnet.shared_network is None:
            return (subnet,)
        return tuple(one for one in self.subnets if one.shared_network == subnet.shared_network)

    def to_json(self) -> str:
        """The site as JSON that `load` reads back to an equal site."""
        return self.model_dump_json(indent=1) + "\n"
