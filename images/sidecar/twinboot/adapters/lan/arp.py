"""Sends ARP frames on an interface, and listens for answers. What is in them is wire.net.arp's business."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Collection
from ipaddress import IPv4Address

from twinboot.errors import ResourceError
from twinboot.kernel.interface import has_carrier
from twinboot.kernel.packet_socket import ethernet_address, open_packet_socket
from twinboot.wire.net import arp

_FRAMES_AT_ONCE = 64
_ROUNDS, _WAIT_S = 2, 0.4


class ArpSender:
    """One packet socket per interface, opened when first needed and again when it has died."""

    def __init__(self) -> None:
        self._sockets: dict[str, socket.socket] = {}

    def announce(self, interface: str, address: IPv4Address) -> None:
        """A gratuitous ARP, once in each of its forms (see wire.net.arp)."""
        self._send(interface, lambda mac: [
            arp.announcement(address, mac, form) for form in arp.ANNOUNCEMENT_FORMS
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
                for frame in frames(ethernet_address(sock)):
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
            self._sockets[interface] = open_packet_socket(interface)
        return self._sockets[interface]


class ArpProber:
    """Asks one interface's LAN who has an address, and hears what is said there. Never waits."""

    def __init__(self, interface: str) -> None:
        self.interface = interface
        self._resource = f"ARP probe on {interface}"
        try:
            self._socket = open_packet_socket(interface, protocol=arp.ETH_P_ARP)
        except OSError as exc:
            raise ResourceError(self._resource, str(exc)) from exc
        try:
            self.mac = ethernet_address(self._socket)
        except OSError as exc:
            self._socket.close()
            raise ResourceError(self._resource, str(exc)) from exc

    def fileno(self) -> int:
        return self._socket.fileno()

    def probe(self, address: IPv4Address) -> None:
        """Send one probe (RFC 5227 section 2.1.1)."""
        try:
            if not has_carrier(self._socket, self.interface):
                raise ResourceError(self._resource, "no carrier")
            self.mac = ethernet_address(self._socket)
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


def answering(interface: str, addresses: Collection[IPv4Address]) -> dict[IPv4Address, str]:
    """Who answers for these on the LAN: MACs by address (RFC 5227 section 2.1.1). Waits a second: used from
    threads. ResourceError where the LAN cannot be asked."""
    wanted = set(addresses)
    found: dict[IPv4Address, str] = {}
    if not wanted:
        return found
    prober = ArpProber(interface)
    try:
        for _ in range(_ROUNDS):
            for at, address in enumerate(sorted(wanted - set(found))):
                prober.probe(address)
                if at % _FRAMES_AT_ONCE == _FRAMES_AT_ONCE - 1:
                    _hear(prober, wanted, found, 0.01)
            _hear(prober, wanted, found, _WAIT_S)
    finally:
        prober.close()
    return found


def _hear(prober: ArpProber, wanted: Collection[IPv4Address], found: dict[IPv4Address, str], wait_s: float
          ) -> None:
    end = time.monotonic() + wait_s
    while (left := end - time.monotonic()) > 0 and select.select([prober], [], [], left)[0]:
        for packet in prober.receive():
            if packet.sender in wanted and packet.sender_mac != prober.mac:
                found[packet.sender] = packet.sender_mac.hex(":")
