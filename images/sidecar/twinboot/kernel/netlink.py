"""Netlink (netlink(7)): its sockets, messages in a datagram, attributes in a message.

What the messages of one family mean is rtnetlink's, sock_diag's and nflog's.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from enum import IntEnum

REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
ERROR, DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_TYPE_MASK = 0x3FFF
"""The bits of an attribute's kind; the rest are flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER)."""


class Family(IntEnum):
    """linux/netlink.h."""

    ROUTE = 0
    SOCK_DIAG = 4
    NETFILTER = 12


def open_socket(family: Family, *, groups: int = 0, blocking: bool = True) -> socket.socket:
    """groups: of which the socket gets the news. OSError when this kernel or container has no such family."""
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | (0 if blocking else socket.SOCK_NONBLOCK)
    sock = socket.socket(socket.AF_NETLINK, kind, family)
    try:
        sock.bind((0, groups))
    except OSError:
        sock.close()
        raise
    return sock


def message(kind: int, flags: int, seq: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, seq, 0) + body


def attribute(kind: int, value: bytes) -> bytes:
    raw = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value
    return raw.ljust(_aligned(len(raw)), b"\0")


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Kind, sequence number and body of each message; what is cut off or broken ends them."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, _flags, seq, _pid = _HEADER.unpack_from(data, at)
        if length < _HEADER.size or at + length > len(data):
            return
        yield kind, seq, data[at + _HEADER.size:at + length]
        at += _aligned(length)


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and value of each attribute; what is cut off or broken ends them."""
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size or at + length > len(data):
            return
        yield kind & _TYPE_MASK, data[at + _ATTRIBUTE.size:at + length]
        at += _aligned(length)


def error_code(body: bytes) -> int:
    """The errno in an ERROR message; 0: done as asked."""
    return -int(struct.unpack_from("=i", body)[0]) if len(body) >= 4 else 0


def raise_for_error(body: bytes) -> None:
    """OSError when an ERROR message tells of one."""
    code = error_code(body)
    if code:
        raise OSError(code, os.strerror(code))


def _aligned(length: int) -> int:
    return (length + 3) & ~3
