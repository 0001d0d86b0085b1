"""Sends ARP frames on an interface. What is in them is wire.arp's business."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import IPv4Address

from twinboot.errors import ResourceError
from twinboot.wire import arp

_ARPHRD_ETHER = 1


class ArpSender:
    """One packet socket per interface, opened when first needed and again when it has died."""

    def __init__(self) -> None:
        self._sockets: dict[str, socket.socket] = {}

    def announce(self, interface: str, address: IPv4Address) -> None:
        """One gratuitous ARP, in both forms (see wire.arp)."""
        self._send(interface, lambda mac: [
            arp.announcement(address, mac, operation) for operation in arp.Operation
        ])

    def close(self) -> None:
        for sock in self._sockets.values():
            sock.close()
        self._sockets.clear()

    def _send(self, interface: str, frames: Callable[[bytes], list[bytes]]) -> None:
        """A socket kept from before may belong to an interface that went: then once more anew."""
        for attempt in (1, 2):
            fresh = interface not in self._sockets
            try:
                sock = self._open(interface)
                for frame in frames(_mac(sock, interface)):
                    sock.send(frame)
                return
            except OSError as exc:
                stale = self._sockets.pop(interface, None)
                if stale is not None:
                    stale.close()
                if fresh or attempt == 2:
                    raise ResourceError(f"ARP on {interface}", str(exc)) from exc

    def _open(self, interface: str) -> socket.socket:
        if interface not in self._sockets:
            # Protocol 0: this socket only sends; no frame is ever queued to it.
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
            self._sockets[interface] = sock
            sock.setblocking(False)
            sock.bind((interface, 0))
        return self._sockets[interface]


def _mac(sock: socket.socket, interface: str) -> bytes:
    """The interface's MAC address as it is now (getsockname asks the device; packet(7))."""
    _name, _protocol, _kind, hardware, mac = sock.getsockname()
    if hardware != _ARPHRD_ETHER or len(mac) != 6:
        raise OSError(f"{interface} is not an Ethernet interface")
    return bytes(mac)
