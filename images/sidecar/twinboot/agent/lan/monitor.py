"""Watches the LAN for the core: carrier, reachability and foreign owners of our addresses, as events.

Runs on the loop's thread, with non-blocking sockets and a bounded number of frames a turn, so that a
broadcast storm may fill the sockets but never blocks the loop. Reachability is judged in reachability.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address
from typing import Protocol

from twinboot.core.effects import LogLevel
from twinboot.core.events import AddressConflict, Event, LanObserved
from twinboot.errors import ResourceError
from twinboot.log import log_event
from twinboot.wire.net import arp

from ..settings import LanSpec
from .reachability import LanReachability

log = logging.getLogger(__name__)

REPEAT_EVERY_S = 1.0
CONFLICT_PAUSE_S = 0.2
"""Between two reads of the conflict socket: bounds the cost of a host that sends without pause."""


class InterfaceState(Protocol):
    """adapters.lan.port.InterfaceState, or a stand-in."""

    @property
    def index(self) -> int: ...
    @property
    def carrier(self) -> bool: ...
    @property
    def mac(self) -> bytes: ...


class OverheardSender(Protocol):
    @property
    def address(self) -> IPv4Address | None: ...


class LanListener(Protocol):
    """adapters.lan.port.LanListener, or a stand-in."""

    def send_request(self, address: IPv4Address, mac: bytes | None) -> None: ...
    def replies(self) -> list[arp.ArpPacket]: ...
    def overhear(self, on: bool) -> None: ...
    def overheard(self) -> Iterable[OverheardSender]: ...
    def close(self) -> None: ...


class ConflictListener(Protocol):
    """adapters.lan.port.ConflictListener, or a stand-in."""

    def fileno(self) -> int: ...
    def receive(self) -> list[arp.ArpPacket]: ...
    def close(self) -> None: ...


class LinkChanges(Protocol):
    """adapters.lan.port.LinkChanges, or a stand-in."""

    def fileno(self) -> int: ...
    def drain(self) -> None: ...
    def close(self) -> None: ...


class LanAccess(Protocol):
    """Opens the monitor's sockets and reads the interface's state (adapters.lan.port)."""

    def open_link_changes(self) -> LinkChanges: ...
    def interface_state(self, interface: str) -> InterfaceState: ...
    def open_listener(self, interface: str, mac: bytes, own: IPv4Address) -> LanListener: ...
    def open_conflict_listener(
        self, interface: str, mac: bytes, addresses: Iterable[IPv4Address]
    ) -> ConflictListener: ...


class LanMonitor:
    """handle: called on the loop with each event. holds: whether this server holds the group now."""

    def __init__(
        self,
        spec: LanSpec,
        vips: Mapping[str, IPv4Address],
        access: LanAccess,
        *,
        deadtime_s: float,
        now: Callable[[], float],
        handle: Callable[[Event], None],
        holds: Callable[[str], bool],
    ) -> None:
        self._spec, self._vips, self._access = spec, vips, access
        self._tick_s = deadtime_s / 4
        self._now, self._handle, self._holds = now, handle, holds
        self._reachability = LanReachability(
            own=spec.address, network=spec.network, initial=(*spec.arp_targets, *spec.hosts),
            excluded=frozenset(vips.values()), deadtime_s=deadtime_s, now=now())
        self._interface: InterfaceState | None = None
        self._listener: LanListener | None = None
        self._conflicts: ConflictListener | None = None
        self._held_groups: frozenset[str] = frozenset()
        """Groups that were held before the frames that are read next were sent."""
        self._link_changes: LinkChanges | None = None
        self._last_event: LanObserved | None = None
        self._last_event_at = self._ticked_at = now()
        self._fault = ""
        self._timers: dict[str, asyncio.TimerHandle] = {}

    @property
    def reachable(self) -> bool:
        """By the last event: there is a carrier, and the LAN is neither rx-dead nor tx-dead."""
        return self._last_event is not None and self._last_event.carrier and self._last_event.reachable

    def answering(self) -> tuple[IPv4Address, ...]:
        """Hosts that have answered our requests, the last one first."""
        return self._reachability.answering

    def start(self) -> None:
        """Needs the running loop."""
        try:
            self._link_changes = self._access.open_link_changes()
        except ResourceError as exc:
            log_event(log, LogLevel.WARNING, "link-changes-failed", reason=str(exc))
        else:
            asyncio.get_running_loop().add_reader(self._link_changes.fileno(), self._link_changed)
        self._tick()

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._close_listeners()
        if self._link_changes is not None:
            asyncio.get_running_loop().remove_reader(self._link_changes.fileno())
            self._link_changes.close()
            self._link_changes = None

    # The interface ------------------------------------------------------------------------------

    def _link_changed(self) -> None:
        assert self._link_changes is not None
        self._link_changes.drain()
        self._poll(self._now())

    def _tick(self) -> None:
        now = self._now()
        if now - self._ticked_at > 4 * self._tick_s:
            self._reachability.reset(now)  # the process was suspended and sent no requests meanwhile
        self._ticked_at = now
        self._discard_old_conflicts()
        self._poll(now)
        self._timers["tick"] = asyncio.get_running_loop().call_later(self._tick_s, self._tick)

    def _poll(self, now: float) -> None:
        port = self._access.interface_state(self._spec.interface)
        before, self._interface = self._interface, port
        if before is None or (port.index, port.mac) != (before.index, before.mac):
            self._close_listeners()
        if port.carrier and (before is None or not before.carrier):
            self._reachability.reset(now)
        if port.index and port.mac:
            try:
                self._listen(port, now)
                self._log_fault("")
            except ResourceError as exc:
                self._close_listeners()
                self._log_fault(str(exc))
        self._emit(
            LanObserved(port.carrier, port.carrier and self._reachability.reachable(now), port.mac), now
        )

    def _log_fault(self, fault: str) -> None:
        if fault and not self._fault:
            log_event(
                log, LogLevel.WARNING, "lan-monitor-failed", interface=self._spec.interface, reason=fault
            )
        elif self._fault and not fault:
            log_event(log, LogLevel.INFO, "lan-monitor-works-again", interface=self._spec.interface)
        self._fault = fault

    def _listen(self, port: InterfaceState, now: float) -> None:
        if self._listener is None:
            self._listener = self._access.open_listener(self._spec.interface, port.mac, self._spec.address)
        if self._conflicts is None:
            self._conflicts = self._access.open_conflict_listener(
                self._spec.interface, port.mac, self._vips.values()
            )
            asyncio.get_running_loop().add_reader(self._conflicts.fileno(), self._conflicts_readable)
        for packet in self._listener.replies():
            self._reachability.answered(packet.sender, packet.sender_mac, now)
        for sender in self._listener.overheard():
            self._reachability.overheard(sender.address, now)
        if port.carrier:
            for address, mac in self._reachability.requests_due(now):
                self._listener.send_request(address, mac)
        self._listener.overhear(port.carrier and self._reachability.unanswered(now))

    def _emit(self, seen: LanObserved, now: float) -> None:
        if seen == self._last_event and now < self._last_event_at + REPEAT_EVERY_S:
            return
        self._last_event, self._last_event_at = seen, now
        self._handle(seen)

    # Conflicts ----------------------------------------------------------------------------------

    def _conflicts_readable(self) -> None:
        """Read and report, then stop reading for CONFLICT_PAUSE_S."""
        if self._conflicts is None:
            return
        loop = asyncio.get_running_loop()
        try:
            packets = self._conflicts.receive()
        except ResourceError:
            self._close_listeners()  # the next tick reopens them
            return
        loop.remove_reader(self._conflicts.fileno())
        self._timers["claims"] = loop.call_later(CONFLICT_PAUSE_S, self._resume_listening)
        claims = {(packet.sender, packet.sender_mac) for packet in packets}
        before, self._held_groups = self._held_groups, self._groups_held_now()
        for group, address in self._vips.items():
            mac = next((mac for sender, mac in claims if sender == address), None)
            if mac is not None and group in before & self._held_groups:
                self._handle(AddressConflict(group, mac))

    def _groups_held_now(self) -> frozenset[str]:
        return frozenset(group for group in self._vips if self._holds(group))

    def _discard_old_conflicts(self) -> None:
        """When a group was claimed: packets that its last holder sent before that are no conflict."""
        now = self._groups_held_now()
        if self._conflicts is not None and now - self._held_groups:
            with contextlib.suppress(ResourceError):  # the next tick reopens it
                self._conflicts.receive()
        self._held_groups = now

    def _resume_listening(self) -> None:
        if self._conflicts is not None:
            asyncio.get_running_loop().add_reader(self._conflicts.fileno(), self._conflicts_readable)

    def _close_listeners(self) -> None:
        if self._conflicts is not None:
            with contextlib.suppress(RuntimeError):
                asyncio.get_running_loop().remove_reader(self._conflicts.fileno())
            self._conflicts.close()
            self._conflicts = None
        if self._listener is not None:
            self._listener.close()
            self._listener = None
