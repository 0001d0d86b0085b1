"""The monitors of one server's agent: of its services, its LAN, its links' carriers and its own network."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from typing import Any

from twinboot import paths
from twinboot.adapters.lan import port, route
from twinboot.adapters.links.udp import UdpSpec
from twinboot.core.model import GroupState, ServiceState

from ..lan.carriers import CarrierWatch
from ..lan.monitor import LanMonitor
from ..loop import Agent
from ..replication.replicator import Replicator
from ..replication.site_copies import SiteCopies
from ..settings import Settings
from . import tree_comparison
from .checks import HealthMonitor
from .host_network import HostNetworkMonitor
from .probes import service_probes
from .tree_comparison import TreeComparison
from .trees import TreeMonitor


@dataclass(frozen=True, slots=True)
class Monitors:
    """All monitors. They hand events to the agent from start() on."""

    health: HealthMonitor
    lan: LanMonitor
    carriers: CarrierWatch
    host_network: HostNetworkMonitor
    trees: TreeMonitor
    comparison: TreeComparison

    def start(self) -> None:
        """Needs the running loop and a started agent."""
        self.lan.start()
        self.carriers.start()
        self.health.start()
        self.host_network.start()
        self.trees.start()
        self.comparison.start()

    def close(self) -> None:
        self.health.close()
        self.carriers.close()
        self.lan.close()
        self.host_network.close()
        self.trees.close()
        self.comparison.close()


class LanAdapters:
    """adapters.lan.port as the rooms of agent.lan want it."""

    def open_link_changes(self) -> port.LinkChanges:
        return port.LinkChanges()

    def interface_state(self, interface: str) -> port.InterfaceState:
        return port.interface_state(interface)

    def open_listener(self, interface: str, mac: bytes, own: IPv4Address) -> port.LanListener:
        return port.LanListener(interface, mac, own)

    def neighbours(self, interface: str) -> list[IPv4Address]:
        return port.neighbours(interface)

    def open_conflict_listener(
        self, interface: str, mac: bytes, addresses: Iterable[IPv4Address]
    ) -> port.ConflictListener:
        return port.ConflictListener(interface, mac, addresses)


def build_monitors(
    agent: Agent, settings: Settings, replicator: Replicator, now: Callable[[], float]
) -> Monitors:
    addresses = {name: vip.address for name, vip in settings.vips.items()}

    def held(group: str) -> bool:
        return agent.state.groups[group].state is GroupState.HELD

    lan_monitor = LanMonitor(
        settings.lan, addresses, LanAdapters(), deadtime_s=settings.cluster.timers.deadtime_s, now=now,
        handle=agent.handle, holds=held)

    def wanted(service: str) -> bool:
        """A managed service serves where its group is held; without the LAN it cannot be probed."""
        group = next((group for group in settings.cluster.groups if service in group.services), None)
        if group is None:
            return True
        seen = agent.state.services[service].observed
        may_run = seen in (ServiceState.RUNNING, ServiceState.UNKNOWN)  # unknown: the engine does not answer
        return held(group.name) and may_run and lan_monitor.reachable

    lan = settings.lan
    host_network = HostNetworkMonitor(
        route.LanRoute(lan.interface, lan.network, lan.address), partial(route.ignores_arp, lan.interface))
    agent.alarms.add_source(host_network.alarm_conditions)
    trees = TreeMonitor(paths.TREES, settings.service_probes.trees)
    agent.alarms.add_source(trees.alarm_conditions)
    health = HealthMonitor(service_probes(settings, trees.chooser), wanted=wanted, handle=agent.handle)
    interfaces = {
        spec.name: spec.interface for spec in settings.links
        if isinstance(spec, UdpSpec) and spec.interface != lan.interface
    }
    return Monitors(
        health, lan_monitor, CarrierWatch(interfaces, LanAdapters(), agent.handle), host_network, trees,
        _comparison(agent, settings, replicator))


def _comparison(agent: Agent, settings: Settings, replicator: Replicator) -> TreeComparison:
    loop, copies = asyncio.get_running_loop(), SiteCopies(replicator, tree_comparison.TABLE)
    replicator.subscribe(tree_comparison.TABLE, copies.changed)

    def publish(told: Mapping[str, Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(copies.publish, told)

    made = TreeComparison(
        paths.TREES, settings.service_probes.tree_folders, publish=publish, told=copies.of,
        alive=lambda: tuple(name for name, peer in agent.state.peers.items() if peer.alive),
    )
    agent.alarms.add_source(made.alarm_conditions)
    agent.trees = made.view
    return made
