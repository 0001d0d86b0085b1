"""nf_tables over netlink (linux/netfilter/nf_tables.h): which parts a table has, and news that tables
changed.

The kernel gives every table, chain, rule and set a handle of its own, and a new one to what is made again
or replaced. So the parts with their handles tell whether anybody has changed a table, its elements excepted.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from . import netlink

GROUP_NFTABLES = 1 << 6
"""NFNLGRP_NFTABLES, the seventh group (linux/netfilter/nfnetlink.h), as a mask for bind()."""
_SUBSYSTEM = 10 << 8
_NEWTABLE, _GETTABLE, _DELTABLE = 0, 1, 2
_NEWCHAIN, _GETCHAIN, _DELCHAIN = 3, 4, 5
_NEWRULE, _GETRULE, _DELRULE = 6, 7, 8
_NEWSET, _GETSET, _DELSET = 9, 10, 11
_STRUCTURE = frozenset((_NEWTABLE, _DELTABLE, _NEWCHAIN, _DELCHAIN, _NEWRULE, _DELRULE, _NEWSET, _DELSET))
_TABLE_OF = 1
"""In every kind of message the first attribute names the table."""
_TABLE_FLAGS, _TABLE_HANDLE = 2, 4
_CHAIN_HANDLE, _CHAIN_NAME, _CHAIN_POLICY = 2, 3, 5
_RULE_CHAIN, _RULE_HANDLE = 2, 3
_SET_NAME, _SET_HANDLE = 2, 16
_NFGENMSG = struct.Struct(">BBH")
_RECEIVE_BYTES = 128 << 10
_TIMEOUT_S = 1.0
_AT_ONCE = 256
_ANONYMOUS = b"__set"
"""The kernel numbers sets without a name, in the order in which they are made."""


class TableFamily(IntEnum):
    """linux/netfilter.h, NFPROTO_*."""

    INET = 1
    IPV4 = 2
    ARP = 3
    NETDEV = 5
    BRIDGE = 7
    IPV6 = 10


@dataclass(frozen=True, slots=True)
class TablePart:
    """kind: table, chain, rule or set. name: of the chain for a rule. setting: a table's flags (dormant), a
    chain's policy. handle: the kernel's number of it."""

    kind: str
    name: bytes
    setting: bytes
    handle: bytes

    @property
    def shape(self) -> tuple[str, bytes, bytes]:
        """The shape of a part; the same for one that is made again from the same text."""
        return self.kind, _ANONYMOUS if self.name.startswith(_ANONYMOUS) else self.name, self.setting


def list_parts(family: TableFamily, table: str) -> frozenset[TablePart]:
    """All parts of the table; empty when there is none of this name. OSError."""
    name = table.encode() + b"\0"
    with netlink.open_socket(netlink.Family.NETFILTER) as sock:
        sock.settimeout(_TIMEOUT_S)
        found: list[TablePart] = []
        for seq, kind in enumerate((_GETTABLE, _GETCHAIN, _GETRULE, _GETSET), 1):
            # Without NLM_F_DUMP a table is asked for by its name; the others are filtered by it where the
            # kernel can, and here in any case.
            flags = netlink.REQUEST | (netlink.ACK if kind == _GETTABLE else netlink.DUMP)
            body = _NFGENMSG.pack(family, 0, 0) + netlink.attribute(_TABLE_OF, name)
            sock.send(netlink.message(_SUBSYSTEM | kind, flags, seq, body))
            for told, payload in _answers(sock, seq):
                part = _part(told, dict(netlink.attributes(payload[_NFGENMSG.size:])), name)
                if part is not None:
                    found.append(part)
            if kind == _GETTABLE and not found:
                break
    return frozenset(found)


def _answers(sock: socket.socket, seq: int) -> Iterator[tuple[int, bytes]]:
    while True:
        for kind, its_seq, body in netlink.messages(sock.recv(_RECEIVE_BYTES)):
            if its_seq != seq:
                continue
            if kind == netlink.DONE:
                return
            if kind == netlink.ERROR:
                code = netlink.error_code(body)
                if code not in (0, errno.ENOENT):
                    raise OSError(code, os.strerror(code))
                return
            yield kind & 0xFF, body


def _part(kind: int, said: dict[int, bytes], table: bytes) -> TablePart | None:
    if said.get(_TABLE_OF) != table:
        return None
    if kind == _NEWTABLE:
        return TablePart("table", table, said.get(_TABLE_FLAGS, b""), said.get(_TABLE_HANDLE, b""))
    if kind == _NEWCHAIN:
        return TablePart("chain", said[_CHAIN_NAME], said.get(_CHAIN_POLICY, b""), said[_CHAIN_HANDLE])
    if kind == _NEWRULE:
        return TablePart("rule", said[_RULE_CHAIN], b"", said[_RULE_HANDLE])
    if kind == _NEWSET:
        return TablePart("set", said[_SET_NAME], b"", said.get(_SET_HANDLE, b""))
    return None


class TableNotifications:
    """A socket that becomes readable when somebody, this process included, has changed a table.

    OSError when this kernel or container gives no such news (CAP_NET_ADMIN)."""

    def __init__(self) -> None:
        self._socket = netlink.open_socket(netlink.Family.NETFILTER, groups=GROUP_NFTABLES, blocking=False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def concerns(self, family: TableFamily, table: str) -> bool:
        """Read what has come since; whether a part of this table was made or removed. True also when
        news were lost (ENOBUFS). Never waits."""
        name, found = table.encode() + b"\0", False
        for _ in range(_AT_ONCE):
            try:
                data = self._socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                return found
            except OSError:
                found = True
                continue
            found = found or any(_concerns(*one, family, name) for one in netlink.messages(data))
        return True

    def close(self) -> None:
        self._socket.close()


def _concerns(kind: int, _seq: int, body: bytes, family: TableFamily, table: bytes) -> bool:
    if kind & 0xFF00 != _SUBSYSTEM or kind & 0xFF not in _STRUCTURE:
        return False
    if len(body) < _NFGENMSG.size or body[0] != family:
        return False
    return any(number == _TABLE_OF and value == table
               for number, value in netlink.attributes(body[_NFGENMSG.size:]))
