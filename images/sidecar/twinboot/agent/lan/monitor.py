"""Watches the LAN for the core: carrier, deafness and foreign owners of our addresses, as events.

All on the loop's own thread, with sockets that never wait, and a bounded number of frames a turn: a storm
on the LAN may fill the sockets, it may not take the loop. Judging is lan_sense's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address
from typing import Protocol

from twinboot.core.effects import Level
from twinboot.core.events import AddressConflict, Event, LanObserved
from twinboot.errors import ResourceError
from twinboot.log import say
from twinboot.wire.net import arp

from ..settings import LanSpec
from .reachability import LanSense

log = logging.getLogger(__name__)

POST_EVERY_S = 1.0
CONFLICT_PAUSE_S = 0.2
"""Between two reports of conflicts: a host that shouts must not keep us busy."""


class Port(Protocol):
    """adapters.lan.Port."""

    @property
    def index(self) -> int: ...
    @property
    def carrier(self) -> bool: ...
    @property
    def mac(self) -> bytes: ...


class Speaker(Protocol):
    @property
    def address(self) -> IPv4Address | None: ...


class Ear(Protocol):
    """adapters.lan.LanEar, or a stand-in."""

    def ask(self, address: IPv4Address, mac: bytes | None) -> None: ...
    def answers(self) -> list[arp.ArpPacket]: ...
    def overhear(self, on: bool) -> None: ...
    def overheard(self) -> Iterable[Speaker]: ...
    def close(self) -> None: ...


class Claims(Protocol):
    """adapters.lan.ConflictEar, or a stand-in."""

    def fileno(self) -> int: ...
    def heard(self) -> list[arp.ArpPacket]: ...
    def close(self) -> None: ...


class News(Protocol):
    """adapters.lan.LinkNews, or a stand-in."""

    def fileno(self) -> int: ...
    def drain(self) -> None: ...
    def close(self) -> None: ...


class World(Protocol):
    """Opens what this watch looks through (adapters.lan.port)."""

    def news(self) -> News: ...
    def look(self, interface: str) -> Port: ...
    def ear(self, interface: str, mac: bytes, own: IPv4Address) -> Ear: ...
    def claims(self, interface: str, mac: bytes, addresses: Iterable[IPv4Address]) -> Claims: ...


class LanWatch:
    """handle: called on the loop with each event. held: is this group held here just now?"""

    def __init__(self, spec: LanSpec, vips: Mapping[str, IPv4Address], world: World, *, deadtime_s: float,
                 now: Callable[[], float], handle: Callable[[Event], None],
                 held: Callable[[str], bool]) -> None:
        self._spec, self._vips, self._world = spec, vips, world
        self._tick_s = deadtime_s / 4
        self._now, self._handle, self._held = now, handle, held
        self._sense = LanSense(
            own=spec.address, network=spec.network, first=(*spec.ask, *spec.hosts),
            never=frozenset(vips.values()), deadtime_s=deadtime_s, now=now())
        self._port: Port | None = None
        self._ear: Ear | None = None
        self._claims: Claims | None = None
        self._holding: frozenset[str] = frozenset()
        """Groups held since before the frames that are read next were sent."""
        self._news: News | None = None
        self._told: LanObserved | None = None
        self._told_at = self._ticked_at = now()
        self._fault = ""
        self._timers: dict[str, asyncio.TimerHandle] = {}

    @property
    def hears(self) -> bool:
        """The last look: carrier, and somebody is there."""
        return self._told is not None and self._told.carrier and self._told.hears

    def start(self) -> None:
        """Needs the running loop."""
        try:
            self._news = self._world.news()
        except ResourceError as exc:
            say(log, Level.WARNING, "link-news-failed", reason=str(exc))
        else:
            asyncio.get_running_loop().add_reader(self._news.fileno(), self._link_changed)
        self._tick()

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._shut()
        if self._news is not None:
            asyncio.get_running_loop().remove_reader(self._news.fileno())
            self._news.close()
            self._news = None

    # The interface ------------------------------------------------------------------------------

    def _link_changed(self) -> None:
        assert self._news is not None
        self._news.drain()
        self._look(self._now())

    def _tick(self) -> None:
        now = self._now()
        if now - self._ticked_at > 4 * self._tick_s:
            self._sense.begin(now)  # we slept, and nobody was asked meanwhile
        self._ticked_at = now
        self._forget_old_claims()
        self._look(now)
        self._timers["tick"] = asyncio.get_running_loop().call_later(self._tick_s, self._tick)

    def _look(self, now: float) -> None:
        port = self._world.look(self._spec.interface)
        before, self._port = self._port, port
        if before is None or (port.index, port.mac) != (before.index, before.mac):
            self._shut()
        if port.carrier and (before is None or not before.carrier):
            self._sense.begin(now)
        if port.index and port.mac:
            try:
                self._hear(port, now)
                self._say_fault("")
            except ResourceError as exc:
                self._shut()
                self._say_fault(str(exc))
        self._tell(LanObserved(port.carrier, port.carrier and self._sense.hears(now), port.mac), now)

    def _say_fault(self, fault: str) -> None:
        if fault and not self._fault:
            say(log, Level.WARNING, "lan-watch-failed", interface=self._spec.interface, reason=fault)
        elif self._fault and not fault:
            say(log, Level.INFO, "lan-watch-works-again", interface=self._spec.interface)
        self._fault = fault

    def _hear(self, port: Port, now: float) -> None:
        if self._ear is None:
            self._ear = self._world.ear(self._spec.interface, port.mac, self._spec.address)
        if self._claims is None:
            self._claims = self._world.claims(self._spec.interface, port.mac, self._vips.values())
            asyncio.get_running_loop().add_reader(self._claims.fileno(), self._claimed)
        for packet in self._ear.answers():
            self._sense.answered(packet.sender, packet.sender_mac, now)
        for speaker in self._ear.overheard():
            self._sense.overheard(speaker.address, now)
        if port.carrier:
            for address, mac in self._sense.questions(now):
                self._ear.ask(address, mac)
        self._ear.overhear(port.carrier and self._sense.quiet(now))

    def _tell(self, seen: LanObserved, now: float) -> None:
        if seen == self._told and now < self._told_at + POST_EVERY_S:
            return
        self._told, self._told_at = seen, now
        self._handle(seen)

    # Conflicts ----------------------------------------------------------------------------------

    def _claimed(self) -> None:
        """Read, report, and then look away for a moment."""
        if self._claims is None:
            return
        loop = asyncio.get_running_loop()
        try:
            packets = self._claims.heard()
        except ResourceError:
            self._shut()  # the next tick opens it anew
            return
        loop.remove_reader(self._claims.fileno())
        self._timers["claims"] = loop.call_later(CONFLICT_PAUSE_S, self._listen_again)
        claims = {(packet.sender, packet.sender_mac) for packet in packets}
        before, self._holding = self._holding, self._all_held()
        for group, address in self._vips.items():
            mac = next((mac for sender, mac in claims if sender == address), None)
            if mac is not None and group in before & self._holding:
                self._handle(AddressConflict(group, mac))

    def _all_held(self) -> frozenset[str]:
        return frozenset(group for group in self._vips if self._held(group))

    def _forget_old_claims(self) -> None:
        """A group has come here: what its last holder said until then is no conflict."""
        now = self._all_held()
        if self._claims is not None and now - self._holding:
            with contextlib.suppress(ResourceError):  # the next tick opens it anew
                self._claims.heard()
        self._holding = now

    def _listen_again(self) -> None:
        if self._claims is not None:
            asyncio.get_running_loop().add_reader(self._claims.fileno(), self._claimed)

    def _shut(self) -> None:
        if self._claims is not None:
            with contextlib.suppress(RuntimeError):
                asyncio.get_running_loop().remove_reader(self._claims.fileno())
            self._claims.close()
            self._claims = None
        if self._ear is not None:
            self._ear.close()
            self._ear = None
