"""The LAN monitor among stand-ins: what it tells the core, and when."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from agentfakes import until
from twinboot import daemons
from twinboot.adapters import clock
from twinboot.agent.lan.monitor import CONFLICT_PAUSE_S, LanMonitor
from twinboot.agent.settings import LanSpec, settings_for
from twinboot.core.events import AddressConflict, Event, LanObserved
from twinboot.errors import ResourceError
from twinboot.site import loads
from twinboot.wire.net import arp

EXAMPLE = Path(__file__).parents[4] / "config" / "examples" / "parity.yaml"
NET = IPv4Network("192.168.0.0/24")
ME, OTHER = bytes.fromhex("525400000001"), bytes.fromhex("525400000002")
VIPS = {"first": NET[253], "second": NET[254]}
SPEC = LanSpec("eth0", NET[251], NET, (NET[252],))
DEADTIME_S = 0.2


@dataclass
class FakeInterfaceState:
    index: int = 2
    carrier: bool = True
    mac: bytes = ME


class Bell:
    """Something that becomes readable."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self.closed = False

    def fileno(self) -> int:
        return self._ours.fileno()

    def ring(self) -> None:
        self._theirs.send(b"!")

    def drain(self) -> None:
        self._ours.recv(4096)

    def close(self) -> None:
        self.closed = True


class FakeConflictListener(Bell):
    def __init__(self) -> None:
        super().__init__()
        self.packets: list[arp.ArpPacket] = []
        self.reads = 0

    def receive(self) -> list[arp.ArpPacket]:
        self.reads += 1
        self.drain()
        return self.packets


class FakeLanAccess:
    """One interface, one peer that answers or not."""

    def __init__(self) -> None:
        self.port = FakeInterfaceState()
        self.bell = Bell()
        self.listeners: list[FakeLanListener] = []
        self.conflict_listeners: list[FakeConflictListener] = []
        self.peer_answers = True
        self.fault = ""

    def open_link_changes(self) -> Bell:
        return self.bell

    def interface_state(self, interface: str) -> FakeInterfaceState:
        return FakeInterfaceState(self.port.index, self.port.carrier, self.port.mac)

    def open_listener(self, interface: str, mac: bytes, own: IPv4Address) -> FakeLanListener:
        if self.fault:
            raise ResourceError("LAN on eth0", self.fault)
        self.listeners.append(FakeLanListener(self))
        return self.listeners[-1]

    def open_conflict_listener(
        self, interface: str, mac: bytes, addresses: Iterable[IPv4Address]
    ) -> FakeConflictListener:
        self.conflict_listeners.append(FakeConflictListener())
        return self.conflict_listeners[-1]


class FakeLanListener:
    def __init__(self, world: FakeLanAccess) -> None:
        self._world = world
        self._answers: list[arp.ArpPacket] = []
        self.listening = False
        self.closed = False

    def send_request(self, address: IPv4Address, mac: bytes | None) -> None:
        if self._world.peer_answers:
            self._answers.append(arp.ArpPacket(arp.Operation.REPLY, OTHER, address, ME, NET[251]))

    def replies(self) -> list[arp.ArpPacket]:
        answers, self._answers = self._answers, []
        return answers

    def overhear(self, on: bool) -> None:
        self.listening = on

    def overheard(self) -> Iterable[FakeSender]:
        return []

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeSender:
    address: IPv4Address | None


class Watched:
    """A LanMonitor and what it told."""

    def __init__(self, deadtime_s: float = DEADTIME_S) -> None:
        self.world = FakeLanAccess()
        self.told: list[Event] = []
        self.held = {"first"}
        self.monitor = LanMonitor(
            SPEC, VIPS, self.world, deadtime_s=deadtime_s, now=clock.now, handle=self.told.append,
            holds=lambda group: group in self.held)

    @property
    def last(self) -> LanObserved:
        return [event for event in self.told if isinstance(event, LanObserved)][-1]


def lan(scenario: Callable[[Watched], Awaitable[None]], deadtime_s: float = DEADTIME_S) -> None:
    async def run() -> None:
        watched = Watched(deadtime_s)
        watched.monitor.start()
        try:
            await scenario(watched)
        finally:
            watched.monitor.close()
        assert all(listener.closed for listener in watched.world.listeners)
        assert all(claims.closed for claims in watched.world.conflict_listeners)

    asyncio.run(run())


def test_a_lan_that_goes_quiet_and_comes_back_is_told() -> None:
    async def scenario(it: Watched) -> None:
        assert it.last == LanObserved(carrier=True, reachable=True, mac=ME)
        it.world.peer_answers = False
        await until(lambda: not it.last.reachable, "deaf")
        assert it.world.listeners[0].listening, "everybody is listened to then"
        assert it.last.carrier
        it.world.peer_answers = True
        await until(lambda: it.last.reachable, "heard again")
        await until(lambda: not it.world.listeners[0].listening, "and it is left off again")

    lan(scenario)


def test_a_pulled_cable_is_told_with_the_news_of_it() -> None:
    async def scenario(it: Watched) -> None:
        it.world.port.carrier = False
        it.world.bell.ring()
        await asyncio.sleep(0)
        await until(lambda: not it.last.carrier, "no carrier")
        assert it.last == LanObserved(carrier=False, reachable=False, mac=ME)
        it.world.port.carrier = True
        it.world.bell.ring()
        await until(lambda: it.last.carrier, "plugged in")
        assert it.last.reachable, "time to answer, first"

    lan(scenario, deadtime_s=60)


def test_an_interface_that_goes_and_comes_anew_is_opened_anew() -> None:
    async def scenario(it: Watched) -> None:
        it.world.port = FakeInterfaceState(0, False, b"")
        await until(lambda: not it.last.carrier, "gone")
        assert it.world.listeners[0].closed
        it.world.port = FakeInterfaceState(7, True, OTHER)
        await until(lambda: it.last == LanObserved(carrier=True, reachable=True, mac=OTHER), "back")
        assert len(it.world.listeners) == len(it.world.conflict_listeners) == 2

    lan(scenario)


def test_what_cannot_be_opened_is_tried_again() -> None:
    async def scenario(it: Watched) -> None:
        it.world.fault = "not permitted"
        it.world.port.index = 8
        await until(lambda: bool(it.world.listeners) and it.world.listeners[0].closed, "closed")
        it.world.fault = ""
        await until(lambda: len(it.world.listeners) == 2, "opened again")

    lan(scenario)


def test_a_foreign_owner_of_a_held_address_is_told_now_and_then() -> None:
    async def scenario(it: Watched) -> None:
        (claims,) = it.world.conflict_listeners
        claims.packets = [
            arp.ArpPacket(arp.Operation.REPLY, OTHER, VIPS[group], OTHER, VIPS[group]) for group in VIPS
        ] * 30
        claims.ring()
        await until(lambda: AddressConflict("first", OTHER) in it.told, "told")
        assert AddressConflict("second", OTHER) not in it.told, "that one is held by another, rightly"
        began = time.monotonic()
        for _ in range(50):
            claims.ring()
            await asyncio.sleep(0.001)
        assert claims.reads <= 2 + (time.monotonic() - began) / CONFLICT_PAUSE_S
        await until(lambda: claims.reads > 1, "heard again after a pause")

    lan(scenario)


def test_what_the_last_holder_said_before_the_address_came_here_is_no_conflict() -> None:
    async def scenario(it: Watched) -> None:
        (claims,) = it.world.conflict_listeners
        it.held.add("second")
        claims.packets = [arp.ArpPacket(arp.Operation.REPLY, OTHER, VIPS["second"], OTHER, VIPS["second"])]
        claims.ring()
        await until(lambda: claims.reads > 0, "read")
        assert AddressConflict("second", OTHER) not in it.told
        claims.ring()
        await until(lambda: AddressConflict("second", OTHER) in it.told, "told when it goes on saying so")

    lan(scenario)


def test_what_is_asked_is_of_the_site() -> None:
    site = loads(EXAMPLE.read_text())
    settings = settings_for(site, "server1")
    assert settings.cluster.daemons == daemons.names(daemons.EVERYWHERE)
    peers = {"server2": NET[252]}
    assert settings.lan == LanSpec("eth0", NET[251], NET, (NET[252], NET[1]), peers=peers)
    assert settings.cluster.lan_links == ("lan",)
    assert settings.lan.hosts == (NET[128], NET[129])
    assert settings.service_probes.tftp_file == "pxelinux.cfg/default"
    assert settings.service_probes.http_path == "boot/pxelinux.cfg/default"
    assert settings.service_probes.dns_name == "ftp.example.lan"
