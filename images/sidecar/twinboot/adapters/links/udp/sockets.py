"""Sockets of a link: how they are made and what the kernel says of them. Keeps nothing.

A link has one socket that sends and a listener for each peer, all bound to the same address and port. A
listener is connected, so the kernel gives it that peer's datagrams and no other's: a flood from elsewhere
ends in the sending socket, whose filter drops it before it takes any room, and the kernel counts it.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass

from twinboot.kernel.bpf import DROP_ALL, OneOf, frame_filter
from twinboot.kernel.socket_options import attach_filter, detach_filter, force_receive_buffer

RECEIVE_BUFFER_BYTES = 1 << 22
"""Receive buffer of each listener, which the kernel doubles: about 10,000 small datagrams, a second of 10,000
a second."""
UNKNOWN_SENDERS_BUFFER_BYTES = 8 << 10
_RECEIVE_BYTES = 20 << 10
_UDP_HEADER_BYTES = 8
_TIMEVAL = struct.Struct("@ll")
_STAMP_SPACE = socket.CMSG_SPACE(_TIMEVAL.size)
# Names of socket(7) that Python lacks; numbers of asm-generic/socket.h.
_SO_TIMESTAMP, _SO_MEMINFO = 29, 55
_MEMINFO_WORDS, _MEMINFO_DROPS = 9, 8
"""linux/sock_diag.h: SK_MEMINFO_VARS and SK_MEMINFO_DROPS."""
_NETWORK_CONTROL = 0xC0
"""IP precedence of network control traffic, DSCP CS6 (RFC 4594 section 3.1)."""
_PRIORITY = 6


@dataclass(frozen=True, slots=True)
class UdpSpec:
    """Where a link runs. peers: server name -> address on this link.

    message_start: what a message of the cluster begins with. One that does is let in from any address, as
    another server's site file may name one that ours does not. Empty: none is.
    """

    name: str
    interface: str
    address: str
    port: int
    peers: Mapping[str, str]
    message_start: bytes = b""


def in_use(spec: UdpSpec) -> bool:
    """Whether another process listens on the link's address and port."""
    try:
        with _socket(spec) as sock:
            sock.bind((spec.address, spec.port))  # without SO_REUSEADDR: refused beside any other
    except OSError as exc:
        return exc.errno == errno.EADDRINUSE
    return False


def open_sender(spec: UdpSpec) -> socket.socket:
    """The socket that sends. It gets what no listener is for, and lets in only what begins as a message does.

    There is room for a few of those: what a server says is said again.
    """
    sock = _socket(spec)
    try:
        attach_filter(sock, _beginning(spec.message_start) if spec.message_start else DROP_ALL)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UNKNOWN_SENDERS_BUFFER_BYTES)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _PRIORITY)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _NETWORK_CONTROL)
        sock.bind((spec.address, spec.port))
    except OSError:
        sock.close()
        raise
    return sock


def _beginning(start: bytes) -> bytes:
    """The filter for datagrams that begin so. It sees the header of UDP first (net/ipv4/udp.c)."""
    return frame_filter(*(
        OneOf(_UDP_HEADER_BYTES + place, 1, (byte,)) for place, byte in enumerate(start)
    ))


def receive_from_unknown(sock: socket.socket) -> tuple[bytes, str]:
    """One datagram of the sending socket, and the address that it came from."""
    data, (address, _) = sock.recvfrom(_RECEIVE_BYTES)
    return data, str(address)


def open_listener(spec: UdpSpec, peer: str) -> socket.socket:
    """The socket that hears one peer's address."""
    sock = _socket(spec)
    try:
        attach_filter(sock, DROP_ALL)  # between bind() and connect() it would be given anybody's
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMP, 1)
        force_receive_buffer(sock, RECEIVE_BUFFER_BYTES)
        sock.bind((spec.address, spec.port))
        sock.connect((peer, spec.port))
        detach_filter(sock)
    except OSError:
        sock.close()
        raise
    return sock


def receive(sock: socket.socket) -> tuple[bytes, float]:
    """One datagram, and for how many seconds it has lain there."""
    data, notes, _, _ = sock.recvmsg(_RECEIVE_BYTES, _STAMP_SPACE)
    return data, _age_s(notes)


def dropped(sock: socket.socket) -> int:
    """Datagrams that the kernel dropped at this socket: by its filter, or for want of room."""
    with contextlib.suppress(OSError, struct.error):
        raw = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 4 * _MEMINFO_WORDS)
        return int(struct.unpack(f"@{_MEMINFO_WORDS}I", raw)[_MEMINFO_DROPS])
    return 0


def _socket(spec: UdpSpec) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, spec.interface.encode() + b"\0")
    except OSError:
        sock.close()
        raise
    return sock


def _age_s(notes: list[tuple[int, int, bytes]]) -> float:
    """Seconds since a datagram arrived, 0 when the kernel did not say."""
    for level, kind, data in notes:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMP and len(data) >= _TIMEVAL.size:
            seconds, micros = _TIMEVAL.unpack_from(data)
            return time.time() - float(seconds) - float(micros) / 1e6
    return 0.0
