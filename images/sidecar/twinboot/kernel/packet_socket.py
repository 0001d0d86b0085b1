"""Packet sockets (packet(7)): opened here alone, with a filter that holds from the first frame on.

None of them waits. What is in the frames is wire.net's and takeover.logic's.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from twinboot.errors import ResourceError
from twinboot.kernel.socket_options import attach_filter, force_receive_buffer

SEND_ONLY = 0
"""As a protocol: no frame is ever queued to the socket."""
ETH_P_ALL = 0x0003
"""Also what this server itself sends; a socket for one protocol does not see that."""
ETH_P_IP = 0x0800
_ARPHRD_ETHER = 1
_SOL_PACKET = 263
_ADD_MEMBERSHIP, _DROP_MEMBERSHIP = 1, 2
_MR_UNICAST = 3
_MEMBERSHIP = struct.Struct("=iHH8s")
"""struct packet_mreq: interface, what for, length of the address, address."""


@dataclass(frozen=True, slots=True)
class ReceiveBuffer:
    """force: beyond what the machine allows everybody, where this process may."""

    size: int
    force: bool = False


def open_packet_socket(
    interface: str, *, protocol: int = SEND_ONLY, program: bytes = b"", buffer: ReceiveBuffer | None = None,
    link_header: bool = True,
) -> socket.socket:
    """A non-blocking socket that gets what the program lets through; all, without one. OSError.

    link_header: frames begin with their Ethernet header; else with what is behind it.
    """
    kind = socket.SOCK_RAW if link_header else socket.SOCK_DGRAM
    sock = socket.socket(socket.AF_PACKET, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, SEND_ONLY)
    try:
        if buffer is not None and buffer.force:
            force_receive_buffer(sock, buffer.size)
        elif buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer.size)
        # The filter first: until it is bound to a protocol, the socket gets nothing.
        if program:
            attach_filter(sock, program)
        sock.bind((interface, protocol))
    except OSError:
        sock.close()
        raise
    return sock


def open_capture_socket(interface: str, protocol: int, program: bytes, buffer_bytes: int) -> socket.socket:
    """One that shall lose little: its buffer is forced. ResourceError when refused."""
    buffer = ReceiveBuffer(buffer_bytes, force=True)
    try:
        return open_packet_socket(interface, protocol=protocol, program=program, buffer=buffer)
    except OSError as exc:
        raise ResourceError(f"packet socket on {interface}", str(exc)) from exc


def hardware_address(sock: socket.socket) -> bytes:
    """Returns the hardware address of the bound interface, as it is now (getsockname asks the device)."""
    address: bytes = sock.getsockname()[4]
    return address


def ethernet_address(sock: socket.socket) -> bytes:
    """The same; OSError when it is not that of an Ethernet interface."""
    interface, _protocol, _kind, hardware, mac = sock.getsockname()
    if hardware != _ARPHRD_ETHER or len(mac) != 6:
        raise OSError(f"{interface} is not an Ethernet interface")
    return bytes(mac)


def receive_frames_for(sock: socket.socket, index: int, mac: bytes, *, on: bool) -> None:
    """The interface of this number takes in frames to a foreign hardware address, too (PACKET_MR_UNICAST),
    until told otherwise or the socket is closed. The kernel's own protocols drop them still. OSError."""
    what = _ADD_MEMBERSHIP if on else _DROP_MEMBERSHIP
    sock.setsockopt(_SOL_PACKET, what, _MEMBERSHIP.pack(index, _MR_UNICAST, len(mac), mac))
