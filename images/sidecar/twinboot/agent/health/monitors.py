"""The monitors of one server's agent: of its services, its LAN, its links' carriers and its own network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address

from twinboot import paths
from twinboot.adapters.lan import port, route
from twinboot.adapters.links.udp import UdpSpec
from twinboot.core.model import GroupState, ServiceState

from ..lan.carriers import CarrierWatch
from ..lan.monitor import LanMonitor
from ..loop import Agent
from ..settings import Settings
from .checks import HealthMonitor
from .host_network import HostNetworkMonitor
from .probes import service_probes
from .trees import TreeMonitor


@dataclass(frozen=True, slots=True)
class Monitors:
    """All monitors. They hand events to the agent from start() on."""

    health: HealthMonitor
    lan: LanMonitor
    carriers: CarrierWatch
    host_network: HostNetworkMonitor
    trees: TreeMonitor

    def start(self) -> None:
        """Needs the running loop and a started agent."""
        self.lan.start()
        self.carriers.start()
        self.health.start()
        self.host_network.start()
        self.trees.start()

    def close(self) -> None:
        self.health.close()
        self.carriers.close()
        self.lan.close()
        self.host_network.close()
        self.trees.close()


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


def build_monitors(agent: Agent, settings: Settings, now: Callable[[], float]) -> Monitors:
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
        health, lan_monitor, CarrierWatch(interfaces, LanAdapters(), agent.handle), host_network, trees)
