"""What one server's agent must know of the site, as one value that can be compared.

A changed site file that leaves these settings equal (another host entry, say) needs no new agent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from twinboot.adapters.udp import UdpSpec
from twinboot.core.model import ClusterConfig, Failback, GroupConfig, Timers

if TYPE_CHECKING:
    from twinboot.site import Site


@dataclass(frozen=True, slots=True)
class Vip:
    """A group's virtual address and this server's interface for it."""

    interface: str
    address: IPv4Address


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything but the keys' contents. vips: by group name."""

    cluster: ClusterConfig
    links: tuple[UdpSpec, ...]
    vips: Mapping[str, Vip]
    keys: tuple[str, ...]
    metrics: tuple[str, int] | None = None
    """Address and port of the metrics; None: off."""

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(service for group in self.cluster.groups for service in group.services)


def settings_of(site: Site, server: str) -> Settings:
    """The settings of one of the site's servers. KeyError when it is not one of them."""
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
            initdead_s=timers.initdead_s, lease_s=timers.lease_s, failback_delay_s=timers.failback_delay_s,
        ),
        failback=Failback(str(site.heartbeat.failback)),
    )
    links = tuple(
        UdpSpec(
            name=name, interface=str(link.interface), address=str(link.address), port=site.heartbeat.port,
            peers={
                peer: str(other.links[name].address)
                for peer, other in site.servers.items() if peer != server and name in other.links
            },
        )
        for name, link in me.links.items()
    )
    vips = {name: Vip(str(me.interface), group.address) for name, group in site.groups.items()}
    metrics = (str(site.metrics.address), site.metrics.port) if site.metrics.port else None
    return Settings(cluster, links, vips, tuple(str(key) for key in site.heartbeat.keys), metrics)
