"""The senses of one server's agent: puts together what watches its services and its LAN."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address

from twinboot.adapters.lan import port
from twinboot.adapters.probes import clients, dhcp
from twinboot.core.model import GroupState, ServiceState
from twinboot.load_aware_timeout import patiently

from ..lan.monitor import LanWatch
from ..loop import Agent
from ..settings import DAEMONS, Settings
from .checks import HealthWatch


@dataclass(frozen=True, slots=True)
class Senses:
    """Both watches. They speak to the agent from its start on."""

    health: HealthWatch
    lan: LanWatch

    def start(self) -> None:
        """Needs the running loop and a started agent."""
        self.lan.start()
        self.health.start()

    def close(self) -> None:
        self.health.close()
        self.lan.close()


class World:
    """adapters.lan as agent.lan.monitor wants it."""

    def news(self) -> port.LinkNews:
        return port.LinkNews()

    def look(self, interface: str) -> port.Port:
        return port.look(interface)

    def ear(self, interface: str, mac: bytes, own: IPv4Address) -> port.LanEar:
        return port.LanEar(interface, mac, own)

    def claims(self, interface: str, mac: bytes, addresses: Iterable[IPv4Address]) -> port.ConflictEar:
        return port.ConflictEar(interface, mac, addresses)


def senses_of(agent: Agent, settings: Settings, now: Callable[[], float]) -> Senses:
    addresses = {name: vip.address for name, vip in settings.vips.items()}

    def held(group: str) -> bool:
        return agent.state.groups[group].state is GroupState.HELD

    watch = LanWatch(
        settings.lan, addresses, World(), deadtime_s=settings.cluster.timers.deadtime_s, now=now,
        handle=agent.handle, held=held)

    def wanted(service: str) -> bool:
        """A managed service serves where its group is held; when the LAN is away it cannot even be asked."""
        group = next((group for group in settings.cluster.groups if service in group.services), None)
        if group is None:
            return True
        seen = agent.state.services[service].observed
        may_run = seen in (ServiceState.RUNNING, ServiceState.UNKNOWN)  # unknown: the engine does not answer
        return held(group.name) and may_run and watch.hears

    return Senses(HealthWatch(_probes(settings), wanted=wanted, handle=agent.handle), watch)


def _probes(settings: Settings) -> dict[str, Callable[[], str]]:
    asked, spec = settings.probes, settings.lan
    vips = tuple(vip.address for vip in settings.vips.values())
    probes: dict[str, Callable[[], str]] = dict(zip(DAEMONS, (
        partial(clients.serves_tftp, asked.tftp_file), clients.serves_ftp,
        partial(clients.serves_http, asked.http_path), partial(clients.serves_dns, asked.dns_name, vips),
    ), strict=True))
    for group in settings.cluster.groups:
        if "dhcpd" in group.services:
            address = settings.vips[group.name].address
            probes["dhcpd"] = partial(dhcp.serves_dhcp, spec.interface, address)
    return {name: partial(patiently, probe) for name, probe in probes.items()}
