"""The kernel's own list of TCP connections, and an end to some of them: sock_diag(7), linux/inet_diag.h."""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from twinboot.errors import ResourceError
from twinboot.kernel import netlink

_SOCK_DIAG_BY_FAMILY, _SOCK_DESTROY = 20, 21
_INET_DIAG_INFO = 2
_PERSIST = 4
"""idiag_timer: nothing is on its way, and what waits will be tried again."""
_ID = struct.Struct("=2s2s16s16sIII")
_REQUEST_BODY = struct.Struct("=BBBBI")
_REPLY = struct.Struct("=BBBB")
_REPLY_BYTES = 4 + _ID.size + 20
_ANY_COOKIE = 0xFFFFFFFF
_BYTES_ACKED = slice(120, 128)
"""Place of tcpi_bytes_acked in struct tcp_info (linux/tcp.h)."""
_TCP_INFO = struct.Struct("=6xB9xI100xQQ92xI")
"""Places in the same struct: tcpi_snd_wscale (and another half byte), tcpi_snd_mss, tcpi_bytes_acked,
tcpi_bytes_received, tcpi_snd_wnd."""
ESTABLISHED, FIN_WAIT_1, CLOSE_WAIT, LAST_ACK, LISTEN, CLOSING = 1, 4, 8, 9, 10, 11
_ALIVE = sum(1 << state for state in (ESTABLISHED, FIN_WAIT_1, CLOSE_WAIT, LAST_ACK, CLOSING))
"""States in which a peer may still lack something."""
FIN_WAIT_2, TIME_WAIT = 5, 6
SYN_SENT, SYN_RECEIVED = 2, 3
_BEGINNING = 1 << SYN_SENT | 1 << SYN_RECEIVED
ALL_ACKED, HALF_OPEN = -1, -2
_INSTEAD = {FIN_WAIT_2: ALL_ACKED, SYN_SENT: HALF_OPEN, SYN_RECEIVED: HALF_OPEN}


@dataclass(frozen=True, slots=True)
class FourTuple:
    """A connection's two ends; the local one is this kernel's."""

    local: IPv4Address
    local_port: int
    remote: IPv4Address
    remote_port: int


@dataclass(frozen=True, slots=True)
class StalledConnection:
    """Bytes of both directions since the connection began here, as the kernel counts them: with the SYN of
    a side that began the connection. window: the peer's as it wrote it last."""

    connection: FourTuple
    acked: int
    received: int
    window: int


def list_connections(addresses: frozenset[IPv4Address], *, ending: bool = False, beginning: bool = False
                     ) -> dict[FourTuple, int]:
    """Connections whose local address is one of these: bytes that the peer has acknowledged.

    ending: also those whose peer has all, and has not closed yet: ALL_ACKED. beginning: also those whose peer
    has not answered the SYN or SYN/ACK yet: HALF_OPEN.
    """
    found: dict[FourTuple, int] = {}
    for payload in _dump(_ALIVE | ending << FIN_WAIT_2 | (_BEGINNING if beginning else 0)):
        connection, info = _parse_message(payload)
        if connection.local in addresses:
            acked = int.from_bytes(info[_BYTES_ACKED], sys.byteorder)
            found[connection] = _INSTEAD.get(payload[1], acked)  # idiag_state
    return found


def stalled_connections(addresses: frozenset[IPv4Address]) -> list[StalledConnection]:
    """Those that have something to send, nothing on its way, and a client with room for it."""
    found: list[StalledConnection] = []
    for payload in _dump(_ALIVE):
        if payload[2] != _PERSIST:  # idiag_timer
            continue
        connection, info = _parse_message(payload)
        if connection.local not in addresses or len(info) < _TCP_INFO.size:
            continue
        scale, mss, acked, received, window = _TCP_INFO.unpack_from(info)
        if window >= mss:
            written = min(window >> (scale & 0x0F), 0xFFFF)
            found.append(StalledConnection(connection, acked, received, written))
    return found


def destroy_listeners(address: IPv4Address, ports: range) -> None:
    """End the sockets that listen on these ports of this very address: who waits there gets an error."""
    for payload in _dump(1 << LISTEN):
        one = _parse_message(payload)[0]
        if one.local == address and one.local_port in ports:
            destroy_connection(one)


def destroy_finished(one: FourTuple) -> bool:
    """End what is left of a connection that both sides have closed, and whose ends are kept for a minute, so
    that there is room for one between the same ends. False: there is none, or the kernel is too old to."""
    for payload in _dump(1 << TIME_WAIT):
        if _parse_message(payload)[0] == one:
            return destroy_connection(one)
    return False


def destroy_connection(one: FourTuple) -> bool:
    """End a connection in this kernel, as `ss --kill` does. False: it was not there."""
    ports = one.local_port.to_bytes(2), one.remote_port.to_bytes(2)
    identity = _ID.pack(*ports, one.local.packed.ljust(16, b"\0"), one.remote.packed.ljust(16, b"\0"), 0,
                        _ANY_COOKIE, _ANY_COOKIE)
    body = _REQUEST_BODY.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF)
    with _open() as sock:
        _send(sock, _SOCK_DESTROY, netlink.REQUEST | netlink.ACK, body + identity)
        for kind, payload in _messages(sock):
            if kind == netlink.ERROR:
                return netlink.error_code(payload) == 0
    return False


def _dump(states: int) -> Iterator[bytes]:
    """A struct inet_diag_msg with its attributes for every connection in one of these states."""
    body = _REQUEST_BODY.pack(socket.AF_INET, socket.IPPROTO_TCP, 1 << (_INET_DIAG_INFO - 1), 0, states)
    request = body + _ID.pack(bytes(2), bytes(2), bytes(16), bytes(16), 0, _ANY_COOKIE, _ANY_COOKIE)
    with _open() as sock:
        _send(sock, _SOCK_DIAG_BY_FAMILY, netlink.REQUEST | netlink.DUMP, request)
        for kind, payload in _messages(sock):
            if kind == netlink.DONE:
                break
            if kind == netlink.ERROR:
                raise ResourceError("list of connections", os.strerror(netlink.error_code(payload)))
            yield payload


def _open() -> socket.socket:
    try:
        sock = netlink.open_socket(netlink.Family.SOCK_DIAG)
    except OSError as exc:
        raise ResourceError("list of connections", str(exc)) from exc
    sock.settimeout(1.0)
    return sock


def _send(sock: socket.socket, kind: int, flags: int, body: bytes) -> None:
    sock.sendto(netlink.message(kind, flags, 1, body), (0, 0))


def _messages(sock: socket.socket) -> Iterator[tuple[int, bytes]]:
    """The messages of the answer, until the caller has enough."""
    while True:
        try:
            data = sock.recv(1 << 18)
        except OSError as exc:
            raise ResourceError("list of connections", str(exc)) from exc
        for kind, _seq, body in netlink.messages(data):
            yield kind, body


def _parse_message(payload: bytes) -> tuple[FourTuple, bytes]:
    """The connection of a message, and its struct tcp_info."""
    here, there, local, remote, _interface, _c1, _c2 = _ID.unpack_from(payload, _REPLY.size)
    connection = FourTuple(
        IPv4Address(local[:4]), int.from_bytes(here), IPv4Address(remote[:4]), int.from_bytes(there)
    )
    return connection, dict(netlink.attributes(payload[_REPLY_BYTES:])).get(_INET_DIAG_INFO, b"")
