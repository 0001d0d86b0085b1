"""ARP over Ethernet (RFC 826): announcements, probes and a parser. Frames as bytes, nothing sent.

Two forms of gratuitous ARP exist because neighbours differ in which one updates their cache:
RFC 5227 section 2.3 announces with a request (section 3 says why), older stacks and some switches listen to
replies (RFC 5944 section 4.6 allows both). An announcement is both.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address

from ...kernel.bpf import IsMac, NotMac, OneOf, frame_filter

BROADCAST = b"\xff" * 6
ETH_P_ARP = 0x0806
_NO_MAC = bytes(6)
_NO_ADDRESS = IPv4Address(0)
_ETHERNET = struct.Struct(">6s6sH")
_ARP = struct.Struct(">HHBBH6s4s6s4s")
_MIN_FRAME = 60
"""Bytes of the shortest Ethernet frame without its checksum (IEEE 802.3); shorter ones are padded."""
_MARK = b"twinboot"
"""Stands in the padding of our probes: of all who ask only another server means to take the address."""


class Operation(Enum):
    REQUEST = 1
    REPLY = 2


ANNOUNCEMENT_FORMS = (Operation.REQUEST, Operation.REPLY)
"""The forms of gratuitous ARP, in the order in which they are sent."""


@dataclass(frozen=True, slots=True)
class ArpPacket:
    """The fields of an ARP packet for IPv4 over Ethernet."""

    operation: Operation
    sender_mac: bytes
    sender: IPv4Address
    target_mac: bytes
    target: IPv4Address
    marked: bool = False
    """It is a probe of a server of ours (see conflicts)."""

    @property
    def gratuitous(self) -> bool:
        return self.sender == self.target and self.sender != _NO_ADDRESS

    @property
    def probe(self) -> bool:
        """RFC 5227 section 1.1: a request that gives no sender address."""
        return self.operation is Operation.REQUEST and self.sender == _NO_ADDRESS


def announcement(address: IPv4Address, mac: bytes, operation: Operation) -> bytes:
    """A broadcast gratuitous ARP frame: `address` is at `mac` from now on."""
    target_mac = mac if operation is Operation.REPLY else _NO_MAC
    return frame(ArpPacket(operation, mac, address, target_mac, address))


def probe(address: IPv4Address, mac: bytes) -> bytes:
    """A frame that asks who has `address` without claiming it (RFC 5227 section 2.1.1)."""
    return frame(ArpPacket(Operation.REQUEST, mac, _NO_ADDRESS, _NO_MAC, address, marked=True))


def request(address: IPv4Address, *, sender: IPv4Address, mac: bytes, to: bytes = BROADCAST) -> bytes:
    """A frame that asks for the hardware address of `address`; to one host alone when it is known
    (RFC 1122 section 2.3.2.1 (2))."""
    return frame(ArpPacket(Operation.REQUEST, mac, sender, _NO_MAC, address), to)


def reply_filter(mac: bytes) -> bytes:
    """Lets through ARP replies that another host sent to this hardware address."""
    return frame_filter(OneOf(12, 2, [ETH_P_ARP]), OneOf(20, 2, [Operation.REPLY.value]), IsMac(0, mac))


def foreign_claim_filter(addresses: Sequence[IPv4Address], mac: bytes) -> bytes:
    """Lets through ARP packets in which another host than `mac` says that it has one of the addresses."""
    return frame_filter(
        OneOf(12, 2, [ETH_P_ARP]), OneOf(28, 4, [int(address) for address in addresses]), NotMac(22, mac))


def conflicts(packet: ArpPacket, address: IPv4Address, mac: bytes) -> bool:
    """Does the packet keep a host with this MAC address, which probes for `address`, from taking it?

    RFC 5227 section 2.1.1 names two: a sender that has the address, and another host that probes for it,
    too. Were both of two probers to withdraw, none would ever have it; so the lower MAC address goes on.
    A probe without our mark is a tool that looks who has the address (arping -D, say), over and over
    perhaps; it must not keep the servers from serving.
    """
    if packet.sender_mac == mac:
        return False
    if packet.probe and packet.target == address:
        return packet.marked and packet.sender_mac < mac
    return packet.sender == address


def frame(packet: ArpPacket, destination: bytes = BROADCAST) -> bytes:
    """The Ethernet frame that carries `packet`."""
    raw = _ETHERNET.pack(destination, packet.sender_mac, ETH_P_ARP) + _ARP.pack(
        1, 0x0800, 6, 4, packet.operation.value,
        packet.sender_mac, packet.sender.packed, packet.target_mac, packet.target.packed,
    )
    return (raw + _MARK * packet.marked).ljust(_MIN_FRAME, b"\0")


def parse(data: bytes) -> ArpPacket | None:
    """The ARP packet in an Ethernet frame; None for everything that is not ARP for IPv4."""
    if len(data) < _ETHERNET.size + _ARP.size:
        return None
    if _ETHERNET.unpack_from(data)[2] != ETH_P_ARP:
        return None
    hardware, protocol, hlen, plen, code, smac, sender, tmac, target = _ARP.unpack_from(data, _ETHERNET.size)
    if (hardware, protocol, hlen, plen) != (1, 0x0800, 6, 4) or code not in (1, 2):
        return None
    marked = data.startswith(_MARK, _ETHERNET.size + _ARP.size)
    return ArpPacket(Operation(code), smac, IPv4Address(sender), tmac, IPv4Address(target), marked)
