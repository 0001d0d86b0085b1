"""rtnetlink messages: requests byte for byte, answers as the kernel lays them out."""

from __future__ import annotations

import errno
import struct
import sys
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.kernel import rtnetlink
from twinboot.kernel.rtnetlink import AddressEntry, AddressRemoved, LinkChanged, RequestDone, RouteFound

VIP = IPv4Address("192.168.0.253")
pytestmark = pytest.mark.skipif(sys.byteorder != "little", reason="samples are of a little-endian machine")

NEW = bytes.fromhex(
    "48000000" "1400" "0200" "07000000" "00000000"  # RTM_NEWADDR, multi, seq 7
    "02" "20" "00" "00" "03000000"  # AF_INET /32 global, interface 3
    "0800" "0100" "c0a800fd" "0800" "0200" "c0a800fd"
    "0900" "0300" "6574683000" "000000"  # label eth0
    "1400" "0600" "03000000" "02000000" "00000000" "00000000"  # preferred 3 s, valid 2 s
)


def test_put_asks_for_a_lifetime() -> None:
    assert rtnetlink.set_address(seq=9, index=3, address=VIP, lifetime_s=3).hex() == (
        "3c000000" "1400" "0505" "09000000" "00000000" "02200000" "03000000"
        "08000200" "c0a800fd" "08000100" "c0a800fd" "14000600" "03000000" "03000000" "00000000" "00000000"
    )


def test_take_names_the_prefix() -> None:
    assert rtnetlink.delete_address(seq=1, index=3, address=VIP, prefix_length=24).hex() == (
        "28000000" "1500" "0500" "01000000" "00000000" "02180000" "03000000"
        "08000200" "c0a800fd" "08000100" "c0a800fd"
    )


def test_a_route_is_asked_for_and_put() -> None:
    assert rtnetlink.get_route(seq=1, target=VIP).hex() == (
        "24000000" "1a00" "0500" "01000000" "00000000" "0220000000000000" "00000000" "08000100" "c0a800fd"
    )
    put = rtnetlink.put_link_route(
        seq=2, index=3, network=IPv4Network("192.168.0.0/24"), source=IPv4Address("192.168.0.251"))
    assert put.hex() == (
        "34000000" "1800" "0506" "02000000" "00000000" "02180000" "fe02fd01" "00000000"
        "08000100" "c0a80000" "08000700" "c0a800fb" "08000400" "03000000"
    )


@pytest.mark.parametrize(("by", "direct"), [("", True), ("08000500" "c0a80001", False)])
def test_a_route_that_was_found_is_direct_or_by_a_router(by: str, direct: bool) -> None:
    body = "02200000" "fe000001" "00000000" "08000100" "c0a800fd" "08000400" "03000000" + by
    head = struct.pack("=IHHII", 16 + len(body) // 2, 24, 0, 5, 0)
    assert list(rtnetlink.parse(head + bytes.fromhex(body))) == [RouteFound(5, 3, direct)]


def test_entry_with_lifetime() -> None:
    assert list(rtnetlink.parse(NEW)) == [AddressEntry(7, 3, VIP, 32, 2)]


def test_entry_without_lifetime_stays_for_ever() -> None:
    forever = NEW[:-16] + b"\xff" * 8 + NEW[-8:]
    assert list(rtnetlink.parse(forever)) == [AddressEntry(7, 3, VIP, 32, None)]


def test_several_messages_in_one_datagram() -> None:
    removed = NEW[:4] + b"\x15\x00" + NEW[6:]
    done = bytes.fromhex("14000000" "0300" "0200" "07000000" "00000000" "00000000")
    assert list(rtnetlink.parse(NEW + removed + done)) == [
        AddressEntry(7, 3, VIP, 32, 2), AddressRemoved(3, VIP), RequestDone(7, 0),
    ]


def test_error_carries_its_errno() -> None:
    answer = struct.pack("=IHHII", 36, 2, 0, 5, 0) + struct.pack("=i", -errno.EADDRNOTAVAIL) + bytes(16)
    assert list(rtnetlink.parse(answer)) == [RequestDone(5, errno.EADDRNOTAVAIL)]


def test_link_news() -> None:
    news = struct.pack("=IHHII", 32, 17, 0, 0, 0) + struct.pack("=BxHiII", 0, 1, 4, 0, 0)
    assert list(rtnetlink.parse(news)) == [LinkChanged(4)]


@given(st.binary(max_size=200))
def test_noise_never_raises(data: bytes) -> None:
    list(rtnetlink.parse(data))


@given(st.integers(0, len(NEW)), st.binary(max_size=8))
def test_a_cut_answer_never_raises(end: int, tail: bytes) -> None:
    list(rtnetlink.parse(NEW[:end] + tail))
