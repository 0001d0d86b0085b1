"""What one server's agent must know of the site, as one value that can be compared.

A changed site file that leaves these settings equal (another host entry, say) needs no new agent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from twinboot import daemons
from twinboot.adapters.links.serial import SerialSpec
from twinboot.adapters.links.udp import UdpSpec
from twinboot.core.model import ClusterConfig, Failback, GroupConfig, SiteId, Timers
from twinboot.dhcp import engine_of
from twinboot.dhcp.base import LeaseSubnet
from twinboot.wire.cluster.heartbeat import message_start

if TYPE_CHECKING:
    from twinboot.site import Site

_SLASH_24 = 0xFFFFFF00
_FEW_HOSTS = 4


@dataclass(frozen=True, slots=True)
class Vip:
    """A group's virtual address and this server's interface for it."""

    interface: str
    address: IPv4Address


@dataclass(frozen=True, slots=True)
class LanSpec:
    """The interface that clients are on.

    arp_targets: peers and router, who should always answer there. peers: every peer's own address.
    """

    interface: str
    address: IPv4Address
    network: IPv4Network
    arp_targets: tuple[IPv4Address, ...]
    hosts: tuple[IPv4Address, ...] = field(default=(), compare=False)
    """Some machines of the site, who may answer."""
    peers: Mapping[str, IPv4Address] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceProbeTargets:
    """What the daemons are asked for: things that every server of the site publishes."""

    tftp_file: str
    http_path: str
    dns_name: str
    trees: Mapping[str, str] = field(default_factory=dict)
    """By tree that a profile installs, its kernel below the trees folder."""
    tree_folders: Mapping[str, str] = field(default_factory=dict)
    """By such a tree, its folder there."""


@dataclass(frozen=True, slots=True)
class DhcpPool:
    """Addresses that the DHCP server gives to machines it does not know, and for how long."""

    first: IPv4Address
    last: IPv4Address
    lease_s: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything but the keys' contents. vips: by group name."""

    cluster: ClusterConfig
    links: tuple[UdpSpec | SerialSpec, ...]
    vips: Mapping[str, Vip]
    keys: tuple[str, ...]
    lan: LanSpec
    service_probes: ServiceProbeTargets
    metrics: tuple[str, int] | None = None
    """Address and port of the metrics; None: off."""
    pools: tuple[DhcpPool, ...] = ()
    dhcp_group: str = ""
    """Where it is held, dhcpd runs; its address is the server identifier."""
    servers: frozenset[IPv4Address] = frozenset()
    """Every server's own address."""
    dhcp_engine: str = ""
    """Its kind's name."""
    lease_subnets: tuple[LeaseSubnet, ...] = ()
    """All of the site, if that engine's lease file needs them."""
    peer_addresses: Mapping[str, IPv4Address] = field(default_factory=dict)
    """By peer, its own address."""
    takeover: bool = False
    """Clients' connections are carried over, or reset, when an address moves: there is a takeover process to
    tell."""

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(service for group in self.cluster.groups for service in group.services)


def settings_for(site: Site, server: str, *, number: int = 0) -> Settings:
    """The settings of one of the site's servers. KeyError when it is not one of them.

    number: which of the applied sites it is; 0: none of them.
    """
    from twinboot.site import identity

    me = site.servers[server]
    timers = site.heartbeat.timers
    cluster = ClusterConfig(
        cluster=site.cluster,
        me=server,
        servers=tuple(site.servers),
        groups=tuple(
            GroupConfig(
                name, tuple(group.order), tuple(str(s) for s in group.services), str(group.address)
            )
            for name, group in site.groups.items()
        ),
        links=tuple(me.links),
        timers=Timers(
            interval_s=timers.interval_s, warntime_s=timers.warntime_s, deadtime_s=timers.deadtime_s,
            initdead_s=timers.initdead_s, address_lifetime_s=timers.address_lifetime_s,
            failback_delay_s=timers.failback_delay_s,
            suspect_s=timers.suspicion_s,
        ),
        failback=Failback(str(site.heartbeat.failback)),
        daemons=daemons.names(daemons.EVERYWHERE),
        link_peers=_link_peers(site, server),
        addresses={name: other.address for name, other in site.servers.items()},
        site=SiteId(number, identity.digest(site), identity.part_digests(site)),
        lan_links=tuple(name for name, interface in _interfaces(site, server) if interface == me.interface),
    )
    vips = {name: Vip(str(me.interface), group.address) for name, group in site.groups.items()}
    metrics = (str(site.metrics.address), site.metrics.port) if site.metrics.port else None
    keys = tuple(str(key) for key in site.heartbeat.keys)
    pools = tuple(
        DhcpPool(subnet.range.first, subnet.range.last, subnet.lease_s)
        for subnet in site.subnets if subnet.range is not None
    )
    return Settings(
        cluster,
        _links(site, server),
        vips,
        keys,
        _lan(site, server),
        _service_probe_targets(site),
        metrics,
        pools,
        site.dhcpd_group,
        frozenset(other.address for other in site.servers.values()),
        dhcp_engine=engine_of(site).name,
        lease_subnets=_lease_subnets(site),
        peer_addresses={name: other.address for name, other in site.servers.items() if name != server},
        takeover=site.takeover.enabled,
    )


def _lease_subnets(site: Site) -> tuple[LeaseSubnet, ...]:
    if not engine_of(site).lease_file_has_subnets:
        return ()
    return tuple(LeaseSubnet(subnet.network, subnet.lease_s) for subnet in site.subnets)


def _link_peers(site: Site, server: str) -> dict[str, tuple[str, ...]]:
    """By link, the peers that have a link of the same name."""
    links = site.servers[server].links
    return {
        link: tuple(peer for peer, other in site.servers.items() if peer != server and link in other.links)
        for link in links
    }


def _interfaces(site: Site, server: str) -> list[tuple[str, str]]:
    """Every link over UDP, and its interface."""
    from twinboot.site.model.site import UdpLink

    links = site.servers[server].links
    return [(name, str(link.interface)) for name, link in links.items() if isinstance(link, UdpLink)]


def _links(site: Site, server: str) -> tuple[UdpSpec | SerialSpec, ...]:
    from twinboot.site.model.site import SerialLink, UdpLink

    specs: list[UdpSpec | SerialSpec] = []
    for name, link in site.servers[server].links.items():
        if isinstance(link, SerialLink):
            specs.append(SerialSpec(name, str(link.device), int(link.speed)))
            continue
        others = {peer: site.servers[peer].links[name] for peer in _link_peers(site, server)[name]}
        peers = {peer: str(end.address) for peer, end in others.items() if isinstance(end, UdpLink)}
        port = site.heartbeat.port
        start = message_start(site.cluster)
        specs.append(UdpSpec(name, str(link.interface), str(link.address), port, peers, start))
    return tuple(specs)


def _lan(site: Site, server: str) -> LanSpec:
    me = site.servers[server]
    subnet = next((subnet for subnet in site.subnets if me.address in subnet.network), None)
    network = subnet.network if subnet else IPv4Network((int(me.address) & _SLASH_24, 24))
    peers = {name: other.address for name, other in site.servers.items() if name != server}
    ask = [*peers.values()]
    if subnet is not None and subnet.router is not None:
        ask.append(subnet.router)
    hosts = [host.address for host in site.hosts.values() if host.address in network]
    return LanSpec(str(me.interface), me.address, network, tuple(ask), tuple(hosts[:_FEW_HOSTS]), peers)


def _service_probe_targets(site: Site) -> ServiceProbeTargets:
    """By TFTP and HTTP one file of a boot loader, of the first kind in use that has one: services are probed,
    not loaders."""
    from twinboot.loaders.base import PUBLISHED
    from twinboot.loaders.decision import loaders_in_use
    from twinboot.planning.plan import SitePlan
    from twinboot.planning.tree_files import kernel_of

    plan = SitePlan(site)
    boot_file = next((file for one in loaders_in_use(site) if (file := one.probe_file(plan))), "")
    installed = {profile.tree for profile in site.profiles.values()}
    used = {name: tree for name, tree in site.trees.items() if name in installed}
    return ServiceProbeTargets(
        tftp_file=boot_file,
        http_path=f"{PUBLISHED}/{boot_file}" if site.profiles and boot_file else "",
        dns_name=plan.install_name,
        trees={name: f"{tree.path}/{kernel_of(site, name)}" for name, tree in used.items()},
        tree_folders={name: tree.path for name, tree in used.items()},
    )
