"""Asks the LAN who has a virtual address: carries out SendArpProbe, hands the answers to the loop.

Runs on the loop's thread, with non-blocking sockets: answers are received even while the kernel keeps the
address thread waiting. A socket is open only while probes are sent; a LAN carries much ARP traffic.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from typing import Protocol

from twinboot.core.effects import SendArpProbe
from twinboot.core.events import ArpProbeAnswered, ArpProbeFailed, Event
from twinboot.core.vip import claim_probing
from twinboot.errors import ResourceError
from twinboot.wire.net import arp

from ..settings import Vip

SOCKET_LINGER_S = claim_probing.HEARD_FOR_S + 0.7
"""After the last probe; with time for a loop that is late."""


class ArpProber(Protocol):
    """adapters.lan.arp.ArpProber, or a stand-in."""

    @property
    def mac(self) -> bytes: ...
    def fileno(self) -> int: ...
    def probe(self, address: IPv4Address) -> None: ...
    def receive(self) -> list[arp.ArpPacket]: ...
    def close(self) -> None: ...


class ArpProbes:
    """handle: called on the loop with each event, never from within carry_out()."""

    def __init__(self, vips: Mapping[str, Vip], open_prober: Callable[[str], ArpProber],
                 handle: Callable[[Event], None]) -> None:
        self._vips = vips
        self._open_prober = open_prober
        self._handle = handle
        self._probers: dict[str, ArpProber] = {}
        self._closing: asyncio.TimerHandle | None = None

    def carry_out(self, effect: SendArpProbe) -> None:
        loop = asyncio.get_running_loop()
        vip = self._vips[effect.group]
        try:
            self._prober(vip.interface, loop).probe(vip.address)
        except ResourceError as exc:
            self._drop(vip.interface)
            loop.call_soon(self._handle, ArpProbeFailed(effect.group, str(exc)))
        if self._closing is not None:
            self._closing.cancel()
        self._closing = loop.call_later(SOCKET_LINGER_S, self.close)

    def close(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
        for interface in tuple(self._probers):
            self._drop(interface)

    def _prober(self, interface: str, loop: asyncio.AbstractEventLoop) -> ArpProber:
        prober = self._probers.get(interface)
        if prober is None:
            prober = self._probers[interface] = self._open_prober(interface)
            loop.add_reader(prober.fileno(), self._readable, interface)
        return prober

    def _readable(self, interface: str) -> None:
        prober = self._probers.get(interface)
        if prober is None:
            return
        try:
            packets = prober.receive()
        except ResourceError:
            self._drop(interface)  # the next probe reopens it, or reports the fault
            return
        answers = {
            ArpProbeAnswered(group, packet.sender_mac.hex(":"), simultaneous_probe=packet.probe)
            for packet in packets for group, vip in self._vips.items()
            if vip.interface == interface and arp.conflicts(packet, vip.address, prober.mac)
        }
        for answer in answers:
            self._handle(answer)

    def _drop(self, interface: str) -> None:
        prober = self._probers.pop(interface, None)
        if prober is not None:
            asyncio.get_running_loop().remove_reader(prober.fileno())
            prober.close()
