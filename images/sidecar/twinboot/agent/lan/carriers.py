"""Watches the carrier of the heartbeat links' interfaces: a direct cable loses it with the peer's power.

The LAN's own interface is the LAN monitor's. Reports the loss alone: that a link works again, its heartbeats
tell.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from twinboot.core.effects import LogLevel
from twinboot.core.events import Event, LinkCarrierLost
from twinboot.errors import ResourceError
from twinboot.log import log_event

from .monitor import InterfaceState, LinkChanges

log = logging.getLogger(__name__)


class CarrierAccess(Protocol):
    """adapters.lan.port, or a stand-in."""

    def open_link_changes(self) -> LinkChanges: ...
    def interface_state(self, interface: str) -> InterfaceState: ...


class CarrierWatch:
    """interfaces: by link. handle: called on the loop with each event."""

    def __init__(
        self, interfaces: Mapping[str, str], access: CarrierAccess, handle: Callable[[Event], None]
    ) -> None:
        self._interfaces, self._access, self._handle = interfaces, access, handle
        self._changes: LinkChanges | None = None
        self._up: dict[str, bool] = {}

    def start(self) -> None:
        """Needs the running loop."""
        if not self._interfaces:
            return
        try:
            self._changes = self._access.open_link_changes()
        except ResourceError as exc:
            log_event(log, LogLevel.WARNING, "link-changes-failed", reason=str(exc))
            return
        asyncio.get_running_loop().add_reader(self._changes.fileno(), self._changed)
        self._look()

    def close(self) -> None:
        changes, self._changes = self._changes, None
        if changes is not None:
            asyncio.get_running_loop().remove_reader(changes.fileno())
            changes.close()

    def _changed(self) -> None:
        if self._changes is not None:
            self._changes.drain()
            self._look()

    def _look(self) -> None:
        for link, interface in self._interfaces.items():
            up = self._access.interface_state(interface).carrier
            before, self._up[link] = self._up.get(link, False), up
            if before and not up:
                self._handle(LinkCarrierLost(link))
