"""Hears the DHCP talk on one interface's LAN, and asks there which servers answer. Never waits."""

from __future__ import annotations

import os
import socket

from twinboot.errors import ResourceError
from twinboot.kernel.bpf import SO_ATTACH_FILTER
from twinboot.wire.net import dhcp

_ETH_P_IP = 0x0800
_FRAMES_AT_ONCE = 64
_BUFFER_BYTES = 1 << 18


class DhcpListener:
    """A packet socket. Frames that this server sends itself are not among those it hears."""

    def __init__(self, interface: str) -> None:
        self._resource = f"DHCP on {interface}"
        try:
            self._socket = socket.socket(
                socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0)
        except OSError as exc:
            raise ResourceError(self._resource, str(exc)) from exc
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            # The filter first: until it is bound to a protocol, the socket gets nothing.
            what = dhcp.dhcp_filter()
            self._socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, what.option)
            self._socket.bind((interface, _ETH_P_IP))
        except OSError as exc:
            self._socket.close()
            raise ResourceError(self._resource, str(exc)) from exc

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> list[dhcp.DhcpMessage]:
        """Messages since the last call, a bounded number at once."""
        found: list[dhcp.DhcpMessage] = []
        try:
            for _ in range(_FRAMES_AT_ONCE):
                message = dhcp.parse(self._socket.recv(2048))
                if message is not None:
                    found.append(message)
        except BlockingIOError:
            pass
        except OSError as exc:
            raise ResourceError(self._resource, str(exc)) from exc
        return found

    def discover(self) -> None:
        """Ask once who is a DHCP server here; the answers are heard."""
        mac: bytes = self._socket.getsockname()[4]
        try:
            self._socket.send(dhcp.discover(mac=mac, xid=os.urandom(4)))
        except OSError as exc:
            raise ResourceError(self._resource, str(exc)) from exc

    def close(self) -> None:
        self._socket.close()
