"""One heartbeat link over UDP: a socket on one interface and address, to every peer's address there.

Owns the socket's life: an interface or an address that is missing, now or later, is a warning and a
retry, never an error to the caller. Knows nothing of what is in the messages.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from twinboot.core.effects import Level
from twinboot.story import say

log = logging.getLogger(__name__)

PER_TURN = 64
"""Messages read in one turn of the loop: a flood may fill a link, it may not starve the timer."""
STALE_S = 1.0
"""A message that lay in the buffer for longer is dropped: after a sleep it tells of a world that has gone."""
_RECEIVE_BYTES = 2048
_TIMEVAL = struct.Struct("@ll")
_SO_TIMESTAMP = 29
"""socket(7): time of arrival with every message, a struct timeval; Python has no name for it."""
_STAMP_SPACE = socket.CMSG_SPACE(_TIMEVAL.size)
_BUFFER_BYTES = 1 << 19
_RETRY_FIRST_S = 0.25
_RETRY_MOST_S = 2.0
_NETWORK_CONTROL = 0xC0
"""IP precedence of network control traffic, DSCP CS6 (RFC 4594 section 3.1)."""
_PRIORITY = 6
_BROKEN = frozenset((errno.ENODEV, errno.ENXIO, errno.EINVAL, errno.EADDRNOTAVAIL, errno.EBADF))
"""Errors of sending that mean: the interface or the address this socket was made for has gone."""


@dataclass(frozen=True, slots=True)
class UdpSpec:
    """Where a link runs. peers: server name -> address on this link."""

    name: str
    interface: str
    address: str
    port: int
    peers: Mapping[str, str]


class UdpLink:
    """A link that is open, or trying to be."""

    def __init__(self, spec: UdpSpec, deliver: Callable[[str, bytes], None]) -> None:
        self.spec = spec
        self.strangers = 0
        self.stale = 0
        self.send_errors = 0
        self._deliver = deliver
        self._peers = frozenset(spec.peers.values())
        self._socket: socket.socket | None = None
        self._index = 0
        self._retry: asyncio.TimerHandle | None = None
        self._delay_s = _RETRY_FIRST_S
        self._fault = ""

    @property
    def open(self) -> bool:
        return self._socket is not None

    @property
    def fault(self) -> str:
        """Why the link is not open, or empty."""
        return self._fault

    def start(self) -> None:
        """Open the socket, or begin to retry. Needs the running loop."""
        self._retry = None
        try:
            self._index = socket.if_nametoindex(self.spec.interface)
            self._socket = _open(self.spec)
        except OSError as exc:
            self._failed(exc)
            return
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._readable)
        if self._fault:
            say(log, Level.INFO, "link-open", link=self.spec.name, interface=self.spec.interface)
        self._fault = ""

    def close(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._shut()

    def send(self, data: bytes) -> None:
        """Send to every peer. Never waits and never raises; what cannot be sent is counted."""
        for address in self._peers:
            self._send(address, data)

    def send_to(self, peer: str, data: bytes) -> bool:
        """Send to one peer by name; False when that is not possible by this link now."""
        address = self.spec.peers.get(peer)
        return address is not None and self._send(address, data)

    def _send(self, address: str, data: bytes) -> bool:
        if self._socket is None:
            return False
        try:
            self._socket.sendto(data, (address, self.spec.port))
            self._delay_s = _RETRY_FIRST_S
        except OSError as exc:
            self.send_errors += 1
            if exc.errno in _BROKEN:
                self._shut()
                self._failed(exc)
            return False
        return True

    def check(self) -> None:
        """Once in a while: an interface made anew under the same name needs a new socket."""
        if self._socket is None:
            return
        try:
            same = socket.if_nametoindex(self.spec.interface) == self._index
        except OSError:
            same = False
        if not same:
            self._shut()
            self._failed(OSError(errno.ENODEV, "interface went away"))

    def _readable(self) -> None:
        for _ in range(PER_TURN):
            if self._socket is None:
                return
            try:
                data, notes, _, (source, _port) = self._socket.recvmsg(_RECEIVE_BYTES, _STAMP_SPACE)
            except BlockingIOError:
                return
            except OSError as exc:
                # For example ENETDOWN, reported once when the interface goes down.
                if exc.errno in _BROKEN:
                    self._shut()
                    self._failed(exc)
                return
            if source not in self._peers:
                self.strangers += 1
            elif _age_s(notes) > STALE_S:
                self.stale += 1
            else:
                self._deliver(self.spec.name, data)

    def _failed(self, exc: OSError) -> None:
        reason = exc.strerror or str(exc)
        if not self._fault:
            say(log, Level.WARNING, "link-closed", link=self.spec.name, interface=self.spec.interface,
                address=self.spec.address, reason=reason)
        self._fault = reason
        self._retry = asyncio.get_running_loop().call_later(self._delay_s, self.start)
        self._delay_s = min(2 * self._delay_s, _RETRY_MOST_S)

    def _shut(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None


def in_use(spec: UdpSpec) -> bool:
    """Whether another process listens on the link's address and port."""
    try:
        _open(spec).close()
    except OSError as exc:
        return exc.errno == errno.EADDRINUSE
    return False


def _age_s(notes: list[tuple[int, int, bytes]]) -> float:
    """Seconds since a message arrived, 0 when the kernel did not say."""
    for level, kind, data in notes:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMP and len(data) >= _TIMEVAL.size:
            seconds, micros = _TIMEVAL.unpack_from(data)
            return time.time() - float(seconds) - float(micros) / 1e6
    return 0.0


def _open(spec: UdpSpec) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, spec.interface.encode() + b"\0")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMP, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _PRIORITY)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _NETWORK_CONTROL)
        sock.bind((spec.address, spec.port))
    except OSError:
        sock.close()
        raise
    return sock
