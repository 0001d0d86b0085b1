"""One heartbeat link over UDP: a socket on one interface and address, to every peer's address there.

Owns the life of its sockets: an interface or an address that is missing, now or later, is a warning
and a retry, never an error to the caller. Knows nothing of what is in the messages.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

from twinboot.core.effects import LogLevel
from twinboot.log import log_event

from . import sockets
from .listener import Listener
from .sockets import UdpSpec
from .unknown_servers import UnknownServers

log = logging.getLogger(__name__)

_RETRY_FIRST_S = 0.25
_RETRY_MAX_S = 2.0
_BROKEN = frozenset((errno.ENODEV, errno.ENXIO, errno.EINVAL, errno.EADDRNOTAVAIL, errno.EBADF))
"""Errors that mean: the interface or the address this socket was made for has gone."""


UNKNOWN_SERVERS_EVERY_S = 0.1
UNKNOWN_SENDERS_AT_ONCE = 8
"""Read at most so many at a time: a flood from unknown senders costs that, and no more."""


class UdpLink:
    """A link that is open, or trying to be."""

    def __init__(self, spec: UdpSpec, deliver: Callable[[str, bytes], object]) -> None:
        """deliver: returns something true when the datagram was a new message of the cluster."""
        self.spec = spec
        self.send_errors = 0
        self._deliver = deliver
        self._peers = frozenset(spec.peers.values())
        self._socket: socket.socket | None = None
        self._listeners: list[Listener] = []
        self._closed_counts = {"unknown_senders": 0, "stale": 0, "overflowed": 0}
        """Counts of sockets that are closed."""
        self._index = 0
        self._retry: asyncio.TimerHandle | None = None
        self._delay_s = _RETRY_FIRST_S
        self._fault = ""
        self._unknown_servers = UnknownServers()
        self._unknown_servers_timer: asyncio.TimerHandle | None = None

    @property
    def open(self) -> bool:
        return self._socket is not None

    @property
    def fault(self) -> str:
        """Why the link is not open, or empty."""
        return self._fault

    @property
    def unknown_senders(self) -> int:
        """Datagrams from an address or port that is no peer's; the kernel dropped them."""
        return self._closed_counts["unknown_senders"] + (sockets.dropped(self._socket) if self._socket else 0)

    @property
    def stale(self) -> int:
        """Datagrams that had lain in the buffer for too long."""
        return self._closed_counts["stale"] + sum(listener.stale for listener in self._listeners)

    @property
    def overflowed(self) -> int:
        """Datagrams from a peer's address for which there was no room."""
        return self._closed_counts["overflowed"] + sum(listener.overflowed for listener in self._listeners)

    def start(self) -> None:
        """Open the sockets, or begin to retry. Needs the running loop."""
        self._retry = None
        try:
            self._index = socket.if_nametoindex(self.spec.interface)
            self._socket = sockets.open_sender(self.spec)
            for address in sorted(self._peers):
                self._listeners.append(
                    Listener(sockets.open_listener(self.spec, address), self._received, self._listener_broken)
                )
        except OSError as exc:
            self._close_sockets()
            self._failed(exc)
            return
        if self._fault:
            log_event(log, LogLevel.INFO, "link-open", link=self.spec.name, interface=self.spec.interface)
        self._fault = ""
        if self.spec.message_start:
            self._unknown_servers_timer = asyncio.get_running_loop().call_later(UNKNOWN_SERVERS_EVERY_S,
                self._hear_unknown_servers)

    def close(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._close_sockets()

    def send(self, data: bytes) -> None:
        """Send to every peer. Never waits and never raises; what cannot be sent is counted."""
        for address in self._peers:
            self._send(address, data)
        for address in self._unknown_servers.addresses:
            self._send(address, data)

    def send_to(self, peer: str, data: bytes) -> bool:
        """Send to one peer by name; False when that is not possible by this link now."""
        address = self.spec.peers.get(peer)
        return address is not None and self._send(address, data)

    def check(self) -> None:
        """Once in a while: an interface made anew under the same name needs a new socket."""
        if self._socket is None:
            return
        try:
            same = socket.if_nametoindex(self.spec.interface) == self._index
        except OSError:
            same = False
        if not same:
            self._close_sockets()
            self._failed(OSError(errno.ENODEV, "interface went away"))

    def _send(self, address: str, data: bytes) -> bool:
        if self._socket is None:
            return False
        try:
            self._socket.sendto(data, (address, self.spec.port))
            self._delay_s = _RETRY_FIRST_S
        except OSError as exc:
            self.send_errors += 1
            if exc.errno in _BROKEN:
                self._close_sockets()
                self._failed(exc)
            return False
        return True

    def _hear_unknown_servers(self) -> None:
        """Read what has come from addresses that are no peer's; one that proves to be of the cluster is
        answered from now on, or neither server would believe the other."""
        self._unknown_servers_timer = None
        if self._socket is None:
            return
        now = asyncio.get_running_loop().time()
        for _ in range(UNKNOWN_SENDERS_AT_ONCE):
            try:
                data, address = sockets.receive_from_unknown(self._socket)
            except OSError:
                break
            if self._deliver(self.spec.name, data):
                self._unknown_servers.heard(address, now)
            if self._socket is None:
                return
        self._unknown_servers.forget(now)
        self._unknown_servers_timer = asyncio.get_running_loop().call_later(UNKNOWN_SERVERS_EVERY_S,
            self._hear_unknown_servers)

    def _received(self, data: bytes) -> None:
        self._deliver(self.spec.name, data)

    def _listener_broken(self, exc: OSError) -> None:
        if exc.errno in _BROKEN and self._socket is not None:
            self._close_sockets()
            self._failed(exc)

    def _failed(self, exc: OSError) -> None:
        reason = exc.strerror or str(exc)
        if not self._fault:
            log_event(
                log,
                LogLevel.WARNING,
                "link-closed",
                link=self.spec.name,
                interface=self.spec.interface,
                address=self.spec.address,
                reason=reason,
            )
        self._fault = reason
        self._retry = asyncio.get_running_loop().call_later(self._delay_s, self.start)
        self._delay_s = min(2 * self._delay_s, _RETRY_MAX_S)

    def _close_sockets(self) -> None:
        self._closed_counts = {
            "unknown_senders": self.unknown_senders,
            "stale": self.stale,
            "overflowed": self.overflowed,
        }
        if self._unknown_servers_timer is not None:
            self._unknown_servers_timer.cancel()
            self._unknown_servers_timer = None
        for listener in self._listeners:
            listener.close()
        self._listeners = []
        if self._socket is not None:
            self._socket.close()
            self._socket = None
