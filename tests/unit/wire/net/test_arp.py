"""ARP frames, byte for byte as RFC 826 and RFC 5227 lay them out."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.wire.net import arp

MAC = bytes.fromhex("525400000101")
VIP = IPv4Address("192.168.0.253")


def test_announcement_as_request() -> None:
    assert arp.announcement(VIP, MAC, arp.Operation.REQUEST).hex() == (
        "ffffffffffff" "525400000101" "0806"
        "0001" "0800" "06" "04" "0001" "525400000101" "c0a800fd" "000000000000" "c0a800fd"
    ) + "00" * 18


def test_announcement_as_reply() -> None:
    assert arp.announcement(VIP, MAC, arp.Operation.REPLY).hex() == (
        "ffffffffffff" "525400000101" "0806"
        "0001" "0800" "06" "04" "0002" "525400000101" "c0a800fd" "525400000101" "c0a800fd"
    ) + "00" * 18


def test_probe_claims_nothing() -> None:
    packet = arp.parse(arp.probe(VIP, MAC))
    assert packet is not None
    assert packet.probe
    assert packet.marked
    assert not packet.gratuitous
    assert packet.sender == IPv4Address(0)
    assert packet.target == VIP


@pytest.mark.parametrize("operation", arp.Operation)
def test_announcement_is_gratuitous(operation: arp.Operation) -> None:
    packet = arp.parse(arp.announcement(VIP, MAC, operation))
    assert packet is not None
    assert packet.gratuitous
    assert (packet.operation, packet.sender, packet.sender_mac) == (operation, VIP, MAC)


def test_other_frames_are_not_arp() -> None:
    good = arp.probe(VIP, MAC)
    assert arp.parse(good[:41]) is None
    assert arp.parse(good[:12] + b"\x08\x00" + good[14:]) is None
    assert arp.parse(good[:15] + b"\x06" + good[16:]) is None
    assert arp.parse(good[:21] + b"\x03" + good[22:]) is None


@given(st.binary(max_size=120))
def test_noise_never_raises(data: bytes) -> None:
    arp.parse(data)


@given(
    st.sampled_from(arp.Operation), st.binary(min_size=6, max_size=6), st.ip_addresses(v=4),
    st.binary(min_size=6, max_size=6), st.ip_addresses(v=4),
)
def test_round_trip(
    operation: arp.Operation, smac: bytes, sender: IPv4Address, tmac: bytes, target: IPv4Address
) -> None:
    packet = arp.ArpPacket(operation, smac, sender, tmac, target)
    assert arp.parse(arp.frame(packet)) == packet


OTHER = bytes.fromhex("525400000201")
LOWER = bytes.fromhex("525400000001")


@pytest.mark.parametrize(
    ("frame", "conflict"),
    [
        (arp.announcement(VIP, OTHER, arp.Operation.REQUEST), True),
        (arp.frame(arp.ArpPacket(arp.Operation.REPLY, OTHER, VIP, MAC, IPv4Address(0)), MAC), True),
        (arp.announcement(VIP, MAC, arp.Operation.REQUEST), False),
        (arp.announcement(VIP + 1, OTHER, arp.Operation.REQUEST), False),
        (arp.probe(VIP, LOWER), True),
        (arp.frame(arp.ArpPacket(arp.Operation.REQUEST, LOWER, IPv4Address(0), bytes(6), VIP)), False),
        (arp.probe(VIP, OTHER), False),
        (arp.probe(VIP + 1, LOWER), False),
        (arp.frame(arp.ArpPacket(arp.Operation.REQUEST, OTHER, VIP + 2, bytes(6), VIP)), False),
    ],
)
def test_what_keeps_a_prober_from_taking_the_address(frame: bytes, conflict: bool) -> None:
    packet = arp.parse(frame)
    assert packet is not None
    assert arp.conflicts(packet, VIP, MAC) is conflict
