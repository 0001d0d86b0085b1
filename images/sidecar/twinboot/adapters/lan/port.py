"""The LAN as this server's interface shows it: carrier, hardware address, and what other hosts send.

LinkChanges tells that some interface changed, interface_state() how ours is. LanListener asks hosts by ARP
and hears their answers, and, only while told to, everybody else. ConflictListener hears those who say that
they have an address of ours. None of them waits; what an interface that went takes along is opened anew by
the caller. What it all means is agent.lan.reachability's business.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from twinboot.errors import ResourceError
from twinboot.kernel import netlink, rtnetlink
from twinboot.kernel.bpf import MATCH_NOTHING, NotMac, frame_filter
from twinboot.kernel.interface import has_carrier, interface_index, interface_mac
from twinboot.kernel.packet_socket import ETH_P_IP, ReceiveBuffer, open_packet_socket
from twinboot.kernel.socket_options import attach_filter
from twinboot.wire.net import arp

_FRAMES_AT_ONCE = 64
_BUFFER = ReceiveBuffer(1 << 16)
_IP_SOURCE_OFFSET = 14 + 12
_ATF_COM = 0x2
"""linux/if_arp.h: a complete entry."""
_SEND_FAILED = (errno.ENOBUFS, errno.EAGAIN, errno.ENETDOWN)
"""The question was thrown away on this side of the wire. A LAN that takes none gives no answer either."""


@dataclass(frozen=True, slots=True)
class InterfaceState:
    """The interface at this moment. index 0: there is none of this name."""

    index: int
    carrier: bool
    mac: bytes


@dataclass(frozen=True, slots=True)
class OverheardSender:
    """A frame of another host. address: whose it says it is, None when it does not say."""

    address: IPv4Address | None


def interface_state(interface: str) -> InterfaceState:
    """How the interface is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            return InterfaceState(
                interface_index(sock, interface), has_carrier(sock, interface), interface_mac(sock, interface)
            )
        except OSError:
            return InterfaceState(0, False, b"")


def neighbours(interface: str) -> list[IPv4Address]:
    """Hosts whose hardware address the kernel knows on this interface (proc_net(5), arp(7))."""
    try:
        lines = Path("/proc/net/arp").read_text(encoding="ascii").splitlines()[1:]
    except (OSError, UnicodeDecodeError):
        return []
    rows = [line.split() for line in lines]
    return [
        IPv4Address(row[0]) for row in rows
        if len(row) == 6 and row[5] == interface and int(row[2], 16) & _ATF_COM
    ]


class LinkChanges:
    """A socket that becomes readable when an interface appeared, changed or went."""

    def __init__(self) -> None:
        try:
            self._socket = netlink.open_socket(
                netlink.Family.ROUTE, groups=rtnetlink.GROUP_LINK, blocking=False)
        except OSError as exc:
            raise ResourceError("netlink changes of links", str(exc)) from exc

    def fileno(self) -> int:
        return self._socket.fileno()

    def drain(self) -> None:
        """Read what there is. What it says does not matter: look() knows."""
        try:
            for _ in range(_FRAMES_AT_ONCE):
                self._socket.recv(1 << 16)
        except OSError:
            pass  # nothing more, or news were lost; the look that follows sees it all the same

    def close(self) -> None:
        self._socket.close()


class LanListener:
    """Asks and hears on one interface with one hardware address."""

    def __init__(self, interface: str, mac: bytes, own: IPv4Address) -> None:
        self._interface, self._mac, self._own = interface, mac, own
        self._replies = _open(interface, arp.ETH_P_ARP, arp.reply_filter(mac))
        self._others: list[socket.socket] = []
        self._overhearing = False

    def fileno(self) -> int:
        """Readable when there are replies."""
        return self._replies.fileno()

    def send_request(self, address: IPv4Address, mac: bytes | None) -> None:
        """Ask for a host's hardware address; the host alone when it was `mac` before."""
        frame = arp.request(address, sender=self._own, mac=self._mac, to=mac or arp.BROADCAST)
        try:
            self._replies.send(frame)
        except OSError as exc:
            if exc.errno not in _SEND_FAILED:
                raise ResourceError(f"ARP on {self._interface}", str(exc)) from exc

    def replies(self) -> list[arp.ArpPacket]:
        """Answers since the last call."""
        found = (arp.parse(frame) for frame in self._read(self._replies))
        return [packet for packet in found if packet is not None]

    def overhear(self, on: bool) -> None:
        """Hear all ARP and IP of other hosts from now on, or no longer. It costs: not for every day.

        The sockets stay open with a filter that lets nothing through: the kernel takes a filter at once,
        but to close a packet socket it waits until no processor uses it any more.
        """
        if on == self._overhearing:
            return
        self._overhearing = on
        program = frame_filter(NotMac(6, self._mac) if on else MATCH_NOTHING)
        try:
            if not self._others:
                for protocol in (arp.ETH_P_ARP, ETH_P_IP):
                    self._others.append(_open(self._interface, protocol, program))
            for sock in self._others:
                attach_filter(sock, program)
        except OSError as exc:
            raise ResourceError(f"LAN on {self._interface}", str(exc)) from exc

    def overheard(self) -> list[OverheardSender]:
        """Who spoke since the last call, a bounded number of them."""
        return [OverheardSender(_sender(frame)) for sock in self._others for frame in self._read(sock)]

    def close(self) -> None:
        for sock in (self._replies, *self._others):
            sock.close()

    def _read(self, sock: socket.socket) -> Iterable[bytes]:
        return _read(sock, f"LAN on {self._interface}")


class ConflictListener:
    """Hears other hosts that say they have one of the addresses."""

    def __init__(self, interface: str, mac: bytes, addresses: Iterable[IPv4Address]) -> None:
        self._interface = interface
        self._socket = _open(interface, arp.ETH_P_ARP, arp.foreign_claim_filter(tuple(addresses), mac))

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> list[arp.ArpPacket]:
        """What they said since the last call, a bounded number of it."""
        found = (arp.parse(frame) for frame in _read(self._socket, f"ARP on {self._interface}"))
        return [packet for packet in found if packet is not None]

    def close(self) -> None:
        self._socket.close()


def _sender(frame: bytes) -> IPv4Address | None:
    packet = arp.parse(frame)
    if packet is not None:
        return None if packet.probe else packet.sender
    if len(frame) >= _IP_SOURCE_OFFSET + 4 and frame[12:14] == ETH_P_IP.to_bytes(2, "big"):
        source = IPv4Address(frame[_IP_SOURCE_OFFSET:_IP_SOURCE_OFFSET + 4])
        return None if source == IPv4Address(0) else source
    return None


def _read(sock: socket.socket, resource: str) -> Iterable[bytes]:
    frames: list[bytes] = []
    try:
        for _ in range(_FRAMES_AT_ONCE):
            frames.append(sock.recv(2048))
    except BlockingIOError:
        pass
    except OSError as exc:
        raise ResourceError(resource, str(exc)) from exc
    return frames


def _open(interface: str, protocol: int, program: bytes) -> socket.socket:
    """A packet socket. It sees no frame of our own: those go to sockets of every protocol alone."""
    try:
        return open_packet_socket(interface, protocol=protocol, program=program, buffer=_BUFFER)
    except OSError as exc:
        raise ResourceError(f"LAN on {interface}", str(exc)) from exc
