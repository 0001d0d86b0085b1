"""The kernel's own list of TCP connections, and an end to some of them: sock_diag(7), linux/inet_diag.h."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address

from twinboot.adopt.record import Key
from twinboot.errors import ResourceError
from twinboot.wire import netlink

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY, _SOCK_DESTROY = 20, 21
_INET_DIAG_INFO = 2
_ID = struct.Struct("=2s2s16s16sIII")
_REQUEST_BODY = struct.Struct("=BBBBI")
_REPLY = struct.Struct("=BBBB")
_REPLY_BYTES = 4 + _ID.size + 20
_ANY_COOKIE = 0xFFFFFFFF
_BYTES_ACKED_AT = 120
"""Offset of tcpi_bytes_acked in struct tcp_info (linux/tcp.h)."""
ESTABLISHED, FIN_WAIT_1, CLOSE_WAIT, LAST_ACK, CLOSING = 1, 4, 8, 9, 11
_ALIVE = sum(1 << state for state in (ESTABLISHED, FIN_WAIT_1, CLOSE_WAIT, LAST_ACK, CLOSING))
"""States in which a client may still lack something."""
FIN_WAIT_2 = 5
HAS_ALL = -1


def connections(addresses: frozenset[IPv4Address], *, ending: bool = False) -> dict[Key, int]:
    """Connections whose local address is one of these: bytes that the client has acknowledged.

    ending: also those whose client has all, and has not closed yet: HAS_ALL.
    """
    states = _ALIVE | ending << FIN_WAIT_2
    body = _REQUEST_BODY.pack(socket.AF_INET, socket.IPPROTO_TCP, 1 << (_INET_DIAG_INFO - 1), 0, states)
    request = body + _ID.pack(bytes(2), bytes(2), bytes(16), bytes(16), 0, _ANY_COOKIE, _ANY_COOKIE)
    found: dict[Key, int] = {}
    with _open() as sock:
        _send(sock, _SOCK_DIAG_BY_FAMILY, netlink.REQUEST | netlink.DUMP, request)
        for kind, payload in _messages(sock):
            if kind == netlink.DONE:
                break
            if kind == netlink.ERROR:
                raise ResourceError("list of connections", os.strerror(netlink.failure(payload)))
            key, acked = _read(payload)
            if key.server in addresses:
                found[key] = HAS_ALL if payload[1] == FIN_WAIT_2 else acked  # idiag_state
    return found


def destroy(key: Key) -> bool:
    """End a connection in this kernel, as `ss --kill` does. False: it was not there."""
    ports = key.server_port.to_bytes(2), key.client_port.to_bytes(2)
    identity = _ID.pack(*ports, key.server.packed.ljust(16, b"\0"), key.client.packed.ljust(16, b"\0"), 0,
                        _ANY_COOKIE, _ANY_COOKIE)
    body = _REQUEST_BODY.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF)
    with _open() as sock:
        _send(sock, _SOCK_DESTROY, netlink.REQUEST | netlink.ACK, body + identity)
        for kind, payload in _messages(sock):
            if kind == netlink.ERROR:
                return netlink.failure(payload) == 0
    return False


def _open() -> socket.socket:
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    try:
        sock = socket.socket(socket.AF_NETLINK, kind, _NETLINK_SOCK_DIAG)
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


def _read(payload: bytes) -> tuple[Key, int]:
    """struct inet_diag_msg and its attributes."""
    here, there, local, remote, _interface, _c1, _c2 = _ID.unpack_from(payload, _REPLY.size)
    key = Key(IPv4Address(remote[:4]), int.from_bytes(there), IPv4Address(local[:4]), int.from_bytes(here))
    for kind, value in netlink.attributes(payload[_REPLY_BYTES:]):
        if kind == _INET_DIAG_INFO and len(value) >= _BYTES_ACKED_AT + 8:
            return key, struct.unpack_from("=Q", value, _BYTES_ACKED_AT)[0]
    return key, 0
