"""The kernel's connection tracking is told of a connection that it has not seen: nfnetlink_conntrack
(linux/netfilter/nfnetlink_conntrack.h).

A connection that comes from another machine in its middle is invalid for a kernel with
net.netfilter.nf_conntrack_tcp_loose=0, and new for others; if this kernel had it before, its old window is
wrong. An entry that says "established", without window checks, makes it what it is for every packet filter.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from twinboot.errors import ResourceError
from twinboot.kernel import netlink

SETTINGS = Path("/proc/sys/net/netfilter")
TIMEOUT_S = 300
"""Lifetime of an entry without packets; the first packet gives it the kernel's own time-out."""
_NEW, _GET = 1 << 8, 1 << 8 | 1
"""NFNL_SUBSYS_CTNETLINK with IPCTNL_MSG_CT_NEW and IPCTNL_MSG_CT_GET."""
_CREATE = 0x400
_NESTED = 0x8000
_ORIGINAL, _REPLY, _STATUS, _PROTOCOL_INFO, _TIMEOUT = 1, 2, 3, 4, 7
_SEEN_REPLY_ASSURED_CONFIRMED = 2 | 4 | 8
_TCP_STATE, _TCP_FLAGS_ORIGINAL, _TCP_FLAGS_REPLY = 1, 4, 5
_ESTABLISHED = 3
_BE_LIBERAL = bytes((0x08, 0x08))
"""struct nf_ct_tcp_flags: flags, mask."""
_AT_ONCE = 64
_NOWHERE = IPv4Address("192.0.2.1")
"""For documentation (RFC 5737): nobody has a connection with it."""


@dataclass(frozen=True, slots=True)
class TrackedConnection:
    """From the side that opened it."""

    source: IPv4Address
    source_port: int
    target: IPv4Address
    target_port: int


def in_use() -> bool:
    """Whether this kernel has connection tracking."""
    return SETTINGS.is_dir()


def picks_up_connections() -> bool:
    """Whether connection tracking takes up a connection that it sees in its middle (tcp_loose)."""
    try:
        return (SETTINGS / "nf_conntrack_tcp_loose").read_text().strip() != "0"
    except OSError:
        return True


def unavailable_reason() -> str:
    """Empty when this kernel lets us add entries; else why not."""
    nobody = TrackedConnection(_NOWHERE, 9, _NOWHERE, 9)
    try:
        code = _ask(_GET, netlink.REQUEST | netlink.ACK, [_tuple_of(nobody)])[0]
    except ResourceError as exc:
        return exc.reason
    return "" if code in (0, errno.ENOENT) else f"nfnetlink_conntrack: {os.strerror(code)}"


def establish(connections: Iterable[TrackedConnection]) -> None:
    """Make these connections established ones. ResourceError when the kernel does not take all."""
    if not in_use():
        return
    wanted = [entry_of(one) for one in connections]
    failed = next(filter(None, _ask(_NEW, netlink.REQUEST | netlink.ACK | _CREATE, wanted)), 0)
    if failed:
        raise ResourceError("connection tracking", os.strerror(failed))


def _ask(kind: int, flags: int, bodies: Sequence[bytes]) -> list[int]:
    """The errno of each message. ResourceError."""
    codes: list[int] = []
    try:
        with netlink.open_socket(netlink.Family.NETFILTER) as sock:
            sock.settimeout(0.5)
            for at in range(0, len(bodies), _AT_ONCE):
                some = bodies[at:at + _AT_ONCE]
                sock.sendto(b"".join(netlink.message(kind, flags, 1, body) for body in some), (0, 0))
                while len(codes) < at + len(some):
                    codes += [netlink.error_code(body) for answer, _seq, body in netlink.messages(
                        sock.recv(1 << 16)) if answer == netlink.ERROR]
    except OSError as exc:
        raise ResourceError("connection tracking", str(exc)) from exc
    return codes


def entry_of(one: TrackedConnection) -> bytes:
    """A struct nfgenmsg and the attributes of an established connection."""
    tcp = (netlink.attribute(_TCP_STATE, bytes((_ESTABLISHED,)))
           + netlink.attribute(_TCP_FLAGS_ORIGINAL, _BE_LIBERAL)
           + netlink.attribute(_TCP_FLAGS_REPLY, _BE_LIBERAL))
    return (_tuple_of(one)
            + _tuple(_REPLY, one.target, one.target_port, one.source, one.source_port)
            + netlink.attribute(_STATUS, struct.pack(">I", _SEEN_REPLY_ASSURED_CONFIRMED))
            + netlink.attribute(_TIMEOUT, struct.pack(">I", TIMEOUT_S))
            + netlink.attribute(_PROTOCOL_INFO | _NESTED, netlink.attribute(1 | _NESTED, tcp)))


def _tuple_of(one: TrackedConnection) -> bytes:
    """A struct nfgenmsg and the tuple of the first direction."""
    return struct.pack(">BBH", socket.AF_INET, 0, 0) + _tuple(
        _ORIGINAL, one.source, one.source_port, one.target, one.target_port)


def _tuple(
    kind: int, source: IPv4Address, source_port: int, target: IPv4Address, target_port: int
) -> bytes:
    addresses = netlink.attribute(1, source.packed) + netlink.attribute(2, target.packed)
    ports = (netlink.attribute(1, bytes((socket.IPPROTO_TCP,)))
             + netlink.attribute(2, source_port.to_bytes(2)) + netlink.attribute(3, target_port.to_bytes(2)))
    both = netlink.attribute(1 | _NESTED, addresses) + netlink.attribute(2 | _NESTED, ports)
    return netlink.attribute(kind | _NESTED, both)
