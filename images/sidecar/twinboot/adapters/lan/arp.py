"""Sends ARP frames on an interface, and listens for answers. What is in them is wire.net.arp's business."""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Callable
from ipaddress import IPv4Address

from twinboot.errors import ResourceError
from twinboot.wire.net import arp

_ARPHRD_ETHER = 1
_SIOCGIFFLAGS = 0x8913
_IFF_UP = 0x1
_IFF_RUNNING = 0x40
"""Up and with carrier (netdevice(7)); without it the kernel takes frames and throws them away."""

_FRAMES_AT_ONCE = 64


class ArpSender:
    """One packet socket per interface, opened when first needed and again when it has died."""

    def __init__(self) -> None:
        self._sockets: dict[str, socket.socket] = {}

    def announce(self, interface: str, address: IPv4Address) -> None:
        """One gratuitous ARP, in both forms (see wire.net.arp)."""
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


class ArpProber:
    """Asks one interface's LAN who has an address, and hears what is said there. Never waits."""

    def __init__(self, interface: str) -> None:
        self.interface = interface
        self._resource = f"ARP probe on {interface}"
        try:
            self._socket = socket.socket(
                socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0)
        except OSError as exc:
            raise ResourceError(self._resource, str(exc)) from exc
        try:
            # Protocol 0 until here: nothing of other interfaces was queued.
            self._socket.bind((interface, arp.ETH_P_ARP))
            self.mac = _mac(self._socket, interface)
        except OSError as exc:
            self._socket.close()
            raise ResourceError(self._resource, str(exc)) from exc

    def fileno(self) -> int:
        return self._socket.fileno()

    def probe(self, address: IPv4Address) -> None:
        """Send one probe (RFC 5227 section 2.1.1)."""
        try:
            if not _running(self._socket, self.interface):
                raise ResourceError(self._resource, "no carrier")
            self.mac = _mac(self._socket, self.interface)
            self._socket.send(arp.probe(address, self.mac))
        except OSError as exc:
            raise ResourceError(self._resource, str(exc)) from exc

    def receive(self) -> list[arp.ArpPacket]:
        """ARP packets of other hosts since the last call, a bounded number at once."""
        found: list[arp.ArpPacket] = []
        try:
            for _ in range(_FRAMES_AT_ONCE):
                data, source = self._socket.recvfrom(2048)
                packet = arp.parse(data)
                if packet is not None and source[2] != socket.PACKET_OUTGOING:
                    found.append(packet)
        except BlockingIOError:
            pass
        except OSError as exc:
            raise ResourceError(self._resource, str(exc)) from exc
        return found

    def close(self) -> None:
        self._socket.close()


def _running(sock: socket.socket, interface: str) -> bool:
    request = struct.pack("16sH14x", interface.encode(), 0)
    flags: int = struct.unpack_from("16xH", fcntl.ioctl(sock, _SIOCGIFFLAGS, request))[0]
    return flags & (_IFF_UP | _IFF_RUNNING) == _IFF_UP | _IFF_RUNNING


def _mac(sock: socket.socket, interface: str) -> bytes:
    """The interface's MAC address as it is now (getsockname asks the device; packet(7))."""
    _name, _protocol, _kind, hardware, mac = sock.getsockname()
    if hardware != _ARPHRD_ETHER or len(mac) != 6:
        raise OSError(f"{interface} is not an Ethernet interface")
    return bytes(mac)
