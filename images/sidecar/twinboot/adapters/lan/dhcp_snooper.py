"""Hears the DHCP talk on one interface's LAN, and asks there which servers answer. Never waits."""

from __future__ import annotations

import os
from ipaddress import IPv4Address

from twinboot.errors import ResourceError
from twinboot.kernel.packet_socket import ETH_P_IP, ReceiveBuffer, hardware_address, open_packet_socket
from twinboot.wire.net import dhcp, dhcpinform

_FRAMES_AT_ONCE = 64
_BUFFER = ReceiveBuffer(1 << 18)


class DhcpListener:
    """A packet socket. Frames that this server sends itself are not among those it hears."""

    def __init__(self, interface: str) -> None:
        self._resource = f"DHCP on {interface}"
        try:
            self._socket = open_packet_socket(
                interface, protocol=ETH_P_IP, program=dhcp.dhcp_filter(), buffer=_BUFFER)
        except OSError as exc:
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
        mac = hardware_address(self._socket)
        try:
            self._socket.send(dhcp.discover(mac=mac, xid=os.urandom(4)))
        except OSError as exc:
            raise ResourceError(self._resource, str(exc)) from exc

    def inform(self, address: IPv4Address) -> None:
        """Ask once, as the host with this address, who serves here; our own dhcpd is told to ignore a
        discover(), and answers this."""
        mac = hardware_address(self._socket)
        try:
            self._socket.send(dhcpinform.broadcast(address=address, mac=mac, xid=os.urandom(4)))
        except OSError as exc:
            raise ResourceError(self._resource, str(exc)) from exc

    def close(self) -> None:
        self._socket.close()
