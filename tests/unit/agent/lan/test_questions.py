"""Asking the LAN for a server: whom else, which answers are handed on, and a socket that goes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from agentfakes import until
from twinboot.adapters import clock
from twinboot.agent.lan import questions
from twinboot.agent.lan.questions import LanQuestions
from twinboot.agent.settings import LanSpec
from twinboot.core.effects import SendArpRequests
from twinboot.core.events import ArpRequestAnswered, Event
from twinboot.errors import ResourceError
from twinboot.wire.net import arp

NET = IPv4Network("192.168.0.0/24")
ME, OTHER = bytes.fromhex("525400000001"), bytes.fromhex("525400000002")
VIPS = {"first": NET[253], "second": NET[254]}
PEERS = {"server2": NET[252], "server3": NET[250]}
SPEC = LanSpec("eth0", NET[251], NET, (*PEERS.values(), NET[1]), (NET[128],), PEERS)


@dataclass
class FakeInterface:
    index: int = 2
    carrier: bool = True
    mac: bytes = ME


class FakeSocket:
    def __init__(self, world: FakeLan) -> None:
        self._world = world
        self._ours, self._theirs = socket.socketpair()
        self._answers: list[arp.ArpPacket] = []
        self.closed = False

    def fileno(self) -> int:
        return self._ours.fileno()

    def send_request(self, address: IPv4Address, mac: bytes | None) -> None:
        if self._world.fault:
            raise ResourceError("LAN on eth0", self._world.fault)
        self._world.asked.append(address)
        if address in self._world.answer:
            self._answers.append(arp.ArpPacket(arp.Operation.REPLY, OTHER, address, ME, NET[251]))
            self._theirs.send(b"!")

    def replies(self) -> list[arp.ArpPacket]:
        self._ours.recv(4096)
        answers, self._answers = self._answers, []
        return answers

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeLan:
    port: FakeInterface = field(default_factory=FakeInterface)
    answer: set[IPv4Address] = field(default_factory=set)
    asked: list[IPv4Address] = field(default_factory=list)
    neighbour: list[IPv4Address] = field(default_factory=list)
    sockets: list[FakeSocket] = field(default_factory=list)
    fault: str = ""

    def interface_state(self, interface: str) -> FakeInterface:
        return FakeInterface(self.port.index, self.port.carrier, self.port.mac)

    def open_listener(self, interface: str, mac: bytes, own: IPv4Address) -> FakeSocket:
        self.sockets.append(FakeSocket(self))
        return self.sockets[-1]

    def neighbours(self, interface: str) -> list[IPv4Address]:
        return self.neighbour


class Asked:
    def __init__(self) -> None:
        self.lan, self.told, self.now = FakeLan(), list[Event](), clock.now()
        self.questions = LanQuestions(SPEC, VIPS, self.lan, now=lambda: self.now, handle=self.told.append)

    def ask(self, server: str = "server2", *groups: str) -> list[IPv4Address]:
        self.now += 0.02
        self.lan.asked.clear()
        self.questions.carry_out(SendArpRequests(server, groups))
        return self.lan.asked


def scenario(act: Callable[[Asked], Awaitable[None]]) -> None:
    async def run() -> None:
        asked = Asked()
        asked.questions.start()
        try:
            await act(asked)
        finally:
            asked.questions.close()

    asyncio.run(run())


def test_the_server_its_addresses_and_other_hosts_are_asked() -> None:
    async def act(it: Asked) -> None:
        it.questions.answering = lambda: [NET[7]]
        it.lan.neighbour = [NET[9], NET[251], NET[254], IPv4Address("10.0.0.2"), NET[7]]
        assert it.ask("server2", "first") == [
            NET[252], NET[253], NET[7], NET[250], NET[1], NET[9], NET[128],
        ]  # fmt: skip

    scenario(act)


def test_not_more_hosts_than_needed_are_asked() -> None:
    async def act(it: Asked) -> None:
        it.lan.neighbour = [NET[at] for at in range(10, 100)]
        assert len(it.ask()) == 1 + questions.MAX_HOSTS

    scenario(act)


def test_two_servers_asked_for_at_once_ask_the_others_once() -> None:
    """A host's answers are counted: each request of a round must cost it one."""
    async def act(it: Asked) -> None:
        assert NET[1] in it.ask("server2")
        it.lan.asked.clear()
        it.questions.carry_out(SendArpRequests("server3"))
        assert it.lan.asked == [NET[250]]
        assert NET[1] in it.ask("server3")

    scenario(act)


def test_answers_tell_whose_they_are() -> None:
    async def act(it: Asked) -> None:
        it.lan.answer = {NET[252], NET[253], NET[1]}
        it.ask("server2", "first")
        await until(lambda: len(it.told) == 3, "answers")
        assert set(it.told) == {
            ArpRequestAnswered("192.168.0.252", OTHER, "server2"),
            ArpRequestAnswered("192.168.0.253", OTHER, "server2"),
            ArpRequestAnswered("192.168.0.1", OTHER),
        }

    scenario(act)


def test_answers_to_others_requests_are_not_handed_on() -> None:
    async def act(it: Asked) -> None:
        it.lan.answer = {NET[1]}
        it.ask()
        it.now += questions.ANSWERS_LIMIT_S + 0.1
        await asyncio.sleep(0.02)
        assert it.told == []

    scenario(act)


def test_another_interface_is_asked_through_another_socket() -> None:
    async def act(it: Asked) -> None:
        first = it.lan.sockets[0]
        it.ask()
        assert it.lan.sockets == [first]
        it.lan.port.index = 3
        it.ask()
        assert first.closed
        assert len(it.lan.sockets) == 2
        it.lan.port.index = 0
        assert it.ask() == []

    scenario(act)


def test_a_request_that_cannot_be_sent_is_one_without_an_answer() -> None:
    async def act(it: Asked) -> None:
        it.lan.fault = "network is down"
        it.ask()
        assert it.lan.sockets[0].closed
        it.lan.fault = ""
        assert NET[252] in it.ask()

    scenario(act)
