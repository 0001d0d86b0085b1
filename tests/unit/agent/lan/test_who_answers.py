"""Asking who answers for addresses: one round, one event, and nothing of other rounds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from agentfakes import until
from twinboot.agent.lan.who_answers import WhoAnswers
from twinboot.agent.settings import LanSpec
from twinboot.core.effects import AskWhoAnswers
from twinboot.core.events import AddressesAnswered, Event
from twinboot.errors import ResourceError
from twinboot.wire.net import arp

NET = IPv4Network("192.168.0.0/24")
ME, OTHER, THIRD = (bytes((0x52, 0x54, 0, 0, 0, last)) for last in (1, 2, 3))
SPEC = LanSpec("eth0", NET[251], NET, ())


@dataclass
class Port:
    index: int = 2
    carrier: bool = True
    mac: bytes = ME


@dataclass
class Lan:
    """Every host in `macs` answers for the addresses that it has there; it is its own socket, too."""

    macs: dict[IPv4Address, list[bytes]] = field(default_factory=dict)
    asked: list[IPv4Address] = field(default_factory=list)
    waiting: list[arp.ArpPacket] = field(default_factory=list)
    opened: int = 0
    fault: str = ""

    def interface_state(self, interface: str) -> Port:
        return Port()

    def open_listener(self, interface: str, mac: bytes, own: IPv4Address) -> Lan:
        self.opened += 1
        return self

    def neighbours(self, interface: str) -> list[IPv4Address]:
        return []

    def fileno(self) -> int:
        return -1

    def send_request(self, address: IPv4Address, mac: bytes | None) -> None:
        if self.fault:
            raise ResourceError("LAN on eth0", self.fault)
        assert mac is None, "by broadcast, as clients do"
        self.asked.append(address)
        for one in self.macs.get(address, ()):
            self.waiting.append(arp.ArpPacket(arp.Operation.REPLY, one, address, ME, NET[251]))

    def replies(self) -> list[arp.ArpPacket]:
        found, self.waiting = self.waiting, []
        return found

    def close(self) -> None:
        pass


def asking(scenario: Callable[[Lan, WhoAnswers, list[Event]], Awaitable[None]]) -> None:
    async def run() -> None:
        lan, told = Lan(), list[Event]()
        who = WhoAnswers(SPEC, lan, told.append)
        try:
            await scenario(lan, who, told)
        finally:
            who.close()

    asyncio.run(run())


def test_all_replies_of_a_round_are_one_event() -> None:
    async def scenario(lan: Lan, who: WhoAnswers, told: list[Event]) -> None:
        lan.macs = {NET[252]: [OTHER], NET[253]: [OTHER, THIRD]}
        lan.waiting.append(arp.ArpPacket(arp.Operation.REPLY, THIRD, NET[252], ME, NET[251]))
        who.carry_out(AskWhoAnswers(("192.168.0.253", "192.168.0.252", "192.168.0.254", "10.0.0.1")))
        lan.waiting.append(arp.ArpPacket(arp.Operation.REPLY, THIRD, NET[1], ME, NET[251]))
        assert not told, "not from within the core's own step"
        await until(lambda: bool(told), "an event")
        assert told == [AddressesAnswered(frozenset({
            ("192.168.0.252", OTHER), ("192.168.0.253", OTHER), ("192.168.0.253", THIRD),
        }))]
        assert lan.asked == [NET[252], NET[253], NET[254]], "an address of another network is not asked for"

    asking(scenario)


def test_a_socket_that_went_is_opened_anew() -> None:
    async def scenario(lan: Lan, who: WhoAnswers, told: list[Event]) -> None:
        lan.macs, lan.fault = {NET[252]: [OTHER]}, "No such device"
        who.carry_out(AskWhoAnswers(("192.168.0.252",)))
        lan.fault = ""
        who.carry_out(AskWhoAnswers(("192.168.0.252",)))
        await until(lambda: bool(told), "an event")
        assert lan.opened == 2

    asking(scenario)
