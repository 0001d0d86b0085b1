"""The watch of the LAN among stand-ins: what it tells the core, and when."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from agentfakes import until
from twinboot.adapters import clock
from twinboot.agent.lan.monitor import LanWatch
from twinboot.agent.settings import LanSpec, settings_of
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
class FakePort:
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


class FakeClaims(Bell):
    def __init__(self) -> None:
        super().__init__()
        self.packets: list[arp.ArpPacket] = []
        self.reads = 0

    def heard(self) -> list[arp.ArpPacket]:
        self.reads += 1
        self.drain()
        return self.packets


class FakeWorld:
    """One interface, one peer that answers or not."""

    def __init__(self) -> None:
        self.port = FakePort()
        self.bell = Bell()
        self.ears: list[FakeEar] = []
        self.all_claims: list[FakeClaims] = []
        self.peer_answers = True
        self.fault = ""

    def news(self) -> Bell:
        return self.bell

    def look(self, interface: str) -> FakePort:
        return FakePort(self.port.index, self.port.carrier, self.port.mac)

    def ear(self, interface: str, mac: bytes, own: IPv4Address) -> FakeEar:
        if self.fault:
            raise ResourceError("LAN on eth0", self.fault)
        self.ears.append(FakeEar(self))
        return self.ears[-1]

    def claims(self, interface: str, mac: bytes, addresses: Iterable[IPv4Address]) -> FakeClaims:
        self.all_claims.append(FakeClaims())
        return self.all_claims[-1]


class FakeEar:
    def __init__(self, world: FakeWorld) -> None:
        self._world = world
        self._answers: list[arp.ArpPacket] = []
        self.listening = False
        self.closed = False

    def ask(self, address: IPv4Address, mac: bytes | None) -> None:
        if self._world.peer_answers:
            self._answers.append(arp.ArpPacket(arp.Operation.REPLY, OTHER, address, ME, NET[251]))

    def answers(self) -> list[arp.ArpPacket]:
        answers, self._answers = self._answers, []
        return answers

    def overhear(self, on: bool) -> None:
        self.listening = on

    def overheard(self) -> Iterable[FakeSpeaker]:
        return []

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeSpeaker:
    address: IPv4Address | None


class Watched:
    """A LanWatch and what it told."""

    def __init__(self, deadtime_s: float = DEADTIME_S) -> None:
        self.world = FakeWorld()
        self.told: list[Event] = []
        self.held = {"first"}
        self.watch = LanWatch(
            SPEC, VIPS, self.world, deadtime_s=deadtime_s, now=clock.now, handle=self.told.append,
            held=lambda group: group in self.held)

    @property
    def last(self) -> LanObserved:
        return [event for event in self.told if isinstance(event, LanObserved)][-1]


def lan(story: Callable[[Watched], Awaitable[None]], deadtime_s: float = DEADTIME_S) -> None:
    async def run() -> None:
        watched = Watched(deadtime_s)
        watched.watch.start()
        try:
            await story(watched)
        finally:
            watched.watch.close()
        assert all(ear.closed for ear in watched.world.ears)
        assert all(claims.closed for claims in watched.world.all_claims)

    asyncio.run(run())


def test_a_lan_that_goes_quiet_and_comes_back_is_told() -> None:
    async def story(it: Watched) -> None:
        assert it.last == LanObserved(carrier=True, hears=True, mac=ME)
        it.world.peer_answers = False
        await until(lambda: not it.last.hears, "deaf")
        assert it.world.ears[0].listening, "everybody is listened to then"
        assert it.last.carrier
        it.world.peer_answers = True
        await until(lambda: it.last.hears, "heard again")
        await until(lambda: not it.world.ears[0].listening, "and it is left off again")

    lan(story)


def test_a_pulled_cable_is_told_with_the_news_of_it() -> None:
    async def story(it: Watched) -> None:
        it.world.port.carrier = False
        it.world.bell.ring()
        await asyncio.sleep(0)
        await until(lambda: not it.last.carrier, "no carrier")
        assert it.last == LanObserved(carrier=False, hears=False, mac=ME)
        it.world.port.carrier = True
        it.world.bell.ring()
        await until(lambda: it.last.carrier, "plugged in")
        assert it.last.hears, "time to answer, first"

    lan(story, deadtime_s=60)


def test_an_interface_that_goes_and_comes_anew_is_opened_anew() -> None:
    async def story(it: Watched) -> None:
        it.world.port = FakePort(0, False, b"")
        await until(lambda: not it.last.carrier, "gone")
        assert it.world.ears[0].closed
        it.world.port = FakePort(7, True, OTHER)
        await until(lambda: it.last == LanObserved(carrier=True, hears=True, mac=OTHER), "back")
        assert len(it.world.ears) == len(it.world.all_claims) == 2

    lan(story)


def test_what_cannot_be_opened_is_tried_again() -> None:
    async def story(it: Watched) -> None:
        it.world.fault = "not permitted"
        it.world.port.index = 8
        await until(lambda: bool(it.world.ears) and it.world.ears[0].closed, "closed")
        it.world.fault = ""
        await until(lambda: len(it.world.ears) == 2, "opened again")

    lan(story)


def test_a_foreign_owner_of_a_held_address_is_told_now_and_then() -> None:
    async def story(it: Watched) -> None:
        (claims,) = it.world.all_claims
        claims.packets = [
            arp.ArpPacket(arp.Operation.REPLY, OTHER, VIPS[group], OTHER, VIPS[group]) for group in VIPS
        ] * 30
        claims.ring()
        await until(lambda: AddressConflict("first", OTHER) in it.told, "told")
        assert AddressConflict("second", OTHER) not in it.told, "that one is held by another, rightly"
        for _ in range(50):
            claims.ring()
            await asyncio.sleep(0.001)
        assert claims.reads <= 2
        await until(lambda: claims.reads > 1, "heard again after a pause")

    lan(story)


def test_what_the_last_holder_said_before_the_address_came_here_is_no_conflict() -> None:
    async def story(it: Watched) -> None:
        (claims,) = it.world.all_claims
        it.held.add("second")
        claims.packets = [arp.ArpPacket(arp.Operation.REPLY, OTHER, VIPS["second"], OTHER, VIPS["second"])]
        claims.ring()
        await until(lambda: claims.reads > 0, "read")
        assert AddressConflict("second", OTHER) not in it.told
        claims.ring()
        await until(lambda: AddressConflict("second", OTHER) in it.told, "told when it goes on saying so")

    lan(story)


def test_what_is_asked_is_of_the_site() -> None:
    site = loads(EXAMPLE.read_text())
    settings = settings_of(site, "server1")
    assert settings.cluster.daemons == ("tftp", "vsftpd", "httpd", "bind")
    assert settings.lan == LanSpec("eth0", NET[251], NET, (NET[252], NET[1]))
    assert settings.lan.hosts == (NET[128], NET[129])
    assert settings.probes.tftp_file == "pxelinux.cfg/default"
    assert settings.probes.http_path == "ks/rh9-first.ks"
    assert settings.probes.dns_name == "ftp.example.lan"
