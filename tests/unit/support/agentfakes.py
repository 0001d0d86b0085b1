"""Stand-ins around the agent: a network in memory, a kernel's addresses, an engine's containers."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address

from twinboot.adapters import clock
from twinboot.agent.health.services import Services
from twinboot.agent.loop import Agent
from twinboot.agent.settings import Vip
from twinboot.agent.vip.arp_probes import ArpProbes
from twinboot.agent.vip.vips import Vips
from twinboot.core.model import ClusterConfig, GroupConfig, ServiceState, Timers
from twinboot.errors import ResourceError
from twinboot.wire.cluster.heartbeat import HeartbeatCodec
from twinboot.wire.net import arp

LIMIT_S = 60.0
"""What must come is waited for so long; only a case that fails takes it."""
KEY = bytes(range(32))
TIMERS = Timers(interval_s=0.02, warntime_s=0.1, deadtime_s=0.25, initdead_s=0.3, address_lifetime_s=2.0,
                failback_delay_s=0.05)
VIPS = {
    "first": Vip("eth0", IPv4Address("192.168.0.253")), "second": Vip("eth0", IPv4Address("192.168.0.254")),
}
GROUPS = (
    GroupConfig("first", ("server1", "server2"), ("dhcpd",), str(VIPS["first"].address)),
    GroupConfig("second", ("server2", "server1"), (), str(VIPS["second"].address)),
)


class FakeKernel:
    """The addresses of one server; every call is noted with what was announced, in order."""

    def __init__(self) -> None:
        self.here: set[IPv4Address] = set()
        self.done: list[tuple[str, IPv4Address]] = []
        self.refuses_claims = False

    def claim(self, interface: str, address: IPv4Address, *, lifetime_s: float, asked: float) -> None:
        if self.refuses_claims:
            raise ResourceError(f"interface {interface}", "is not there")
        self.here.add(address)
        self.done.append(("claim", address))

    def renew(self, interface: str, address: IPv4Address, *, lifetime_s: float, asked: float) -> bool:
        return address in self.here

    def drop(self, interface: str, address: IPv4Address) -> None:
        self.here.discard(address)
        self.done.append(("drop", address))

    def list_addresses(self, interface: str) -> frozenset[IPv4Address]:
        return frozenset(self.here)

    def announce(self, interface: str, address: IPv4Address) -> None:
        self.done.append(("announce", address))

    def holds(self, group: str) -> bool:
        return VIPS[group].address in self.here


class FakeArpSocket:
    """What one server's probes meet: `answers` holds the addresses that another host has."""

    mac = bytes.fromhex("525400000001")

    def __init__(self) -> None:
        self.answers: set[IPv4Address] = set()
        self.fault = ""
        self.probed: list[IPv4Address] = []
        self.closed = 0
        self._ours, self._theirs = socket.socketpair()
        self._heard: list[arp.ArpPacket] = []

    def open(self, interface: str) -> FakeArpSocket:
        return self

    def fileno(self) -> int:
        return self._ours.fileno()

    def probe(self, address: IPv4Address) -> None:
        if self.fault:
            raise ResourceError("ARP probe on eth0", self.fault)
        self.probed.append(address)
        if address in self.answers:
            self._heard.append(arp.ArpPacket(
                arp.Operation.REPLY, bytes.fromhex("525400000002"), address, self.mac, IPv4Address(0)))
            self._theirs.send(b"!")

    def receive(self) -> list[arp.ArpPacket]:
        self._ours.recv(4096)
        heard, self._heard = self._heard, []
        return heard

    def close(self) -> None:
        self.closed += 1


class FakeEngine:
    """One server's engine. `hangs` is an event that holds every call until it is set."""

    def __init__(self) -> None:
        self.states_now: dict[str, ServiceState] = {"dhcpd": ServiceState.STOPPED}
        self.hangs: threading.Event | None = None
        self.fault = ""
        self.restarted: list[str] = []

    def states(self, services: Iterable[str]) -> Mapping[str, ServiceState]:
        self._wait()
        return {name: self.states_now.get(name, ServiceState.RUNNING) for name in services}

    def start(self, service: str) -> None:
        self._wait()
        self.states_now[service] = ServiceState.RUNNING

    def stop(self, service: str) -> None:
        self._wait()
        self.states_now[service] = ServiceState.STOPPED

    def restart(self, service: str) -> None:
        self._wait()
        self.restarted.append(service)

    def _wait(self) -> None:
        if self.hangs is not None:
            self.hangs.wait(LIMIT_S)
        if self.fault:
            raise ResourceError("engine", self.fault)


class FakeLink:
    """One end of a link in memory."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.unknown_senders = self.stale = self.overflowed = 0
        self.send_errors = 0
        self.fault = ""
        self.sent = 0
        self.other: Callable[[str, bytes], None] | None = None

    def start(self) -> None: ...
    def close(self) -> None:
        self.other = None

    def check(self) -> None: ...

    def send(self, data: bytes) -> None:
        self.sent += 1
        if self.other is not None:
            asyncio.get_running_loop().call_soon(self.other, self.name, data)


class Server:
    """An agent among its stand-ins."""

    def __init__(self, name: str) -> None:
        config = ClusterConfig("rack1", name, ("server1", "server2"), GROUPS, ("lan",), TIMERS,
                               daemons=("vsftpd",))
        self.name = name
        self.kernel = FakeKernel()
        self.lan = FakeArpSocket()
        self.containers = FakeEngine()
        self.cable = FakeLink("lan")
        self.agent = Agent(config=config, boot=hash(name) & 0xFFFF | 1, codec=HeartbeatCodec("rack1", [KEY]),
                           now=clock.now)
        self.vips = Vips(VIPS, self.kernel, self.kernel, self.agent.post)
        self.vips.record_event = self.agent.record_event
        self.arp_probes = ArpProbes(VIPS, self.lan.open, self.agent.handle)
        self.services = Services(("dhcpd",), self.containers, self.agent.post)

    def start(self) -> None:
        self.agent.start(
            links={"lan": self.cable}, vips=self.vips, arp_probes=self.arp_probes, services=self.services)

    async def end(self) -> int:
        self.agent.leave("end of the test")
        return await self.agent.wait_closed()


def join(one: Server, two: Server) -> None:
    """Plug the cable in."""
    one.cable.other, two.cable.other = two.agent.deliver, one.agent.deliver


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that the agents' threads bring about. An agent that got no processor for longer than
    its deadtime gets its group back after ten seconds more."""
    end = asyncio.get_running_loop().time() + LIMIT_S
    while not condition():
        assert asyncio.get_running_loop().time() < end, f"never: {what}"
        await asyncio.sleep(0.01)
