"""The socket by which a server asks its LAN by ARP: stays open, and is opened anew when the interface is.

To close a packet socket the kernel waits until no processor uses it any more, so it is not opened for each
question. Used on the loop's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address
from typing import Protocol

from twinboot.errors import ResourceError
from twinboot.wire.net import arp

from ..settings import LanSpec
from .monitor import InterfaceState


class RequestSocket(Protocol):
    """adapters.lan.port.LanListener, or a stand-in."""

    def fileno(self) -> int: ...
    def send_request(self, address: IPv4Address, mac: bytes | None) -> None: ...
    def replies(self) -> list[arp.ArpPacket]: ...
    def close(self) -> None: ...


class QuestionAccess(Protocol):
    """adapters.lan.port, or a stand-in."""

    def interface_state(self, interface: str) -> InterfaceState: ...
    def open_listener(self, interface: str, mac: bytes, own: IPv4Address) -> RequestSocket: ...
    def neighbours(self, interface: str) -> Iterable[IPv4Address]: ...


class KeptRequestSocket:
    """readable: called by the loop when there are replies; without it nobody waits for them."""

    def __init__(self, spec: LanSpec, access: QuestionAccess,
                 readable: Callable[[], None] | None = None) -> None:
        self._spec, self._access, self._readable = spec, access, readable
        self._interface: tuple[int, bytes] | None = None
        self._current: RequestSocket | None = None

    def opened(self) -> RequestSocket:
        """Returns a socket on the interface that is there now. ResourceError: there is none, or it cannot be
        opened."""
        port = self._access.interface_state(self._spec.interface)
        if (port.index, port.mac) != self._interface:
            self.close()
        if self._current is None:
            if not (port.index and port.mac):
                raise ResourceError(f"LAN on {self._spec.interface}", "no such interface")
            self._current = self._access.open_listener(self._spec.interface, port.mac, self._spec.address)
            self._interface = port.index, port.mac
            if self._readable is not None:
                asyncio.get_running_loop().add_reader(self._current.fileno(), self._readable)
        return self._current

    def replies(self) -> list[arp.ArpPacket]:
        """What has come since the last call; nothing from a closed socket. A fault closes it."""
        if self._current is None:
            return []
        try:
            return self._current.replies()
        except ResourceError:
            self.close()
            return []

    def close(self) -> None:
        current, self._current = self._current, None
        if current is None:
            return
        if self._readable is not None:
            with contextlib.suppress(RuntimeError):
                asyncio.get_running_loop().remove_reader(current.fileno())
        current.close()
