"""rtnetlink messages for IPv4 addresses and routes (rtnetlink(7), netlink(7)): bytes <-> values, no socket.

Only what an address with a lifetime needs: put with a lifetime, take, list, and the kernel's answers and
news; and what the route of a LAN needs: look up, put.
Written out here because pyroute2 0.7 silently ignores the lifetime of a replaced address
(pyroute2 0.9 does not): an address that stays for ever is the one fault this project must not have.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from . import netlink
from .netlink import ACK, DUMP, REQUEST, attribute, message

GROUP_LINK = 0x1
GROUP_IPV4_ADDRESS = 0x10
FOREVER = 0xFFFFFFFF

_IFADDR = struct.Struct("=BBBBI")
_CACHEINFO = struct.Struct("=IIII")

_RTM_NEWLINK, _RTM_DELLINK = 16, 17
_RTM_NEWADDR, _RTM_DELADDR, _RTM_GETADDR = 20, 21, 22
_RTM_NEWROUTE, _RTM_GETROUTE = 24, 26
_REPLACE, _EXCLUSIVE, _CREATE = 0x100, 0x200, 0x400
_IFA_ADDRESS, _IFA_LOCAL, _IFA_CACHEINFO = 1, 2, 6
_AF_INET = 2
_RTMSG = struct.Struct("=BBBBBBBBI")
"""linux/rtnetlink.h, struct rtmsg: family, length of target and source prefix, TOS, table, protocol, scope,
type, flags."""
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC, _RTA_VIA = 1, 4, 5, 7, 18
_TABLE_MAIN, _PROTOCOL_KERNEL, _SCOPE_LINK, _TYPE_UNICAST = 254, 2, 253, 1


@dataclass(frozen=True, slots=True)
class AddressEntry:
    """An address on an interface. lifetime_s: what the kernel gives it still; None is for ever."""

    seq: int
    index: int
    address: IPv4Address
    prefix_length: int
    lifetime_s: int | None


@dataclass(frozen=True, slots=True)
class AddressRemoved:
    """News: an address went from an interface."""

    index: int
    address: IPv4Address


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """News: an interface appeared, changed or went."""

    index: int


@dataclass(frozen=True, slots=True)
class RequestDone:
    """The kernel's answer to a request is complete. errno 0: done as asked."""

    seq: int
    errno: int


@dataclass(frozen=True, slots=True)
class RouteFound:
    """The kernel's route to a target. direct: the target is asked for on the link itself, not by a router."""

    seq: int
    index: int
    direct: bool


KernelMessage = AddressEntry | AddressRemoved | LinkChanged | RouteFound | RequestDone


def set_address(*, seq: int, index: int, address: IPv4Address, lifetime_s: int) -> bytes:
    """Put `address`/32 on the interface, or give it a new lifetime when it is there.

    /32, because taking away a primary address takes the secondaries of its subnet along.
    """
    lifetime = attribute(_IFA_CACHEINFO, _CACHEINFO.pack(lifetime_s, lifetime_s, 0, 0))
    body = _IFADDR.pack(_AF_INET, 32, 0, 0, index) + _addresses(address) + lifetime
    return message(_RTM_NEWADDR, REQUEST | ACK | _CREATE | _REPLACE, seq, body)


def delete_address(*, seq: int, index: int, address: IPv4Address, prefix_length: int) -> bytes:
    """Take the address away from the interface."""
    body = _IFADDR.pack(_AF_INET, prefix_length, 0, 0, index) + _addresses(address)
    return message(_RTM_DELADDR, REQUEST | ACK, seq, body)


def list_addresses(*, seq: int) -> bytes:
    """Ask for every IPv4 address of every interface."""
    return message(_RTM_GETADDR, REQUEST | DUMP, seq, _IFADDR.pack(_AF_INET, 0, 0, 0, 0))


def get_route(*, seq: int, target: IPv4Address) -> bytes:
    """Ask which way a packet to the target would go. ENETUNREACH: none."""
    body = _RTMSG.pack(_AF_INET, 32, 0, 0, 0, 0, 0, 0, 0) + attribute(_RTA_DST, target.packed)
    return message(_RTM_GETROUTE, REQUEST | ACK, seq, body)


def put_link_route(*, seq: int, index: int, network: IPv4Network, source: IPv4Address) -> bytes:
    """The route to the network on the interface itself, as the kernel makes it for an address. EEXIST: there
    is one."""
    body = _RTMSG.pack(_AF_INET, network.prefixlen, 0, 0, _TABLE_MAIN, _PROTOCOL_KERNEL, _SCOPE_LINK,
                       _TYPE_UNICAST, 0)
    body += attribute(_RTA_DST, network.network_address.packed) + attribute(_RTA_PREFSRC, source.packed)
    body += attribute(_RTA_OIF, struct.pack("=I", index))
    return message(_RTM_NEWROUTE, REQUEST | ACK | _CREATE | _EXCLUSIVE, seq, body)


def parse(data: bytes) -> Iterator[KernelMessage]:
    """The messages in one datagram from the kernel; kinds not known here are left out."""
    for kind, seq, body in netlink.messages(data):
        found = _parse_one(kind, seq, body)
        if found is not None:
            yield found


def _parse_one(kind: int, seq: int, body: bytes) -> KernelMessage | None:
    if kind == netlink.DONE:
        return RequestDone(seq, 0)
    if kind == netlink.ERROR and len(body) >= 4:
        return RequestDone(seq, netlink.error_code(body))
    if kind in (_RTM_NEWLINK, _RTM_DELLINK) and len(body) >= 8:
        return LinkChanged(int(struct.unpack_from("=i", body, 4)[0]))
    if kind == _RTM_NEWROUTE and len(body) >= _RTMSG.size:
        said = dict(netlink.attributes(body[_RTMSG.size:]))
        index = int.from_bytes(said.get(_RTA_OIF, b""), sys.byteorder)
        return RouteFound(seq, index, direct=_RTA_GATEWAY not in said and _RTA_VIA not in said)
    if kind in (_RTM_NEWADDR, _RTM_DELADDR) and len(body) >= _IFADDR.size:
        return _parse_address(kind, seq, body)
    return None


def _parse_address(kind: int, seq: int, body: bytes) -> KernelMessage | None:
    family, prefix_length, _flags, _scope, index = _IFADDR.unpack_from(body)
    attributes = dict(netlink.attributes(body[_IFADDR.size:]))
    raw = attributes.get(_IFA_LOCAL, attributes.get(_IFA_ADDRESS, b""))
    if family != _AF_INET or len(raw) != 4:
        return None
    address = IPv4Address(raw)
    if kind == _RTM_DELADDR:
        return AddressRemoved(index, address)
    lifetime = FOREVER
    if len(attributes.get(_IFA_CACHEINFO, b"")) >= _CACHEINFO.size:
        lifetime = _CACHEINFO.unpack_from(attributes[_IFA_CACHEINFO])[1]
    return AddressEntry(seq, index, address, prefix_length, None if lifetime == FOREVER else lifetime)


def _addresses(address: IPv4Address) -> bytes:
    return attribute(_IFA_LOCAL, address.packed) + attribute(_IFA_ADDRESS, address.packed)
