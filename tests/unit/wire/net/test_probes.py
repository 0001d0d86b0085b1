"""What the probes say and understand: TFTP, DNS, DHCPINFORM and the kernel's packet filters."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.kernel.bpf import MATCH_NOTHING, IsMac, NotMac, OneOf, frame_filter
from twinboot.wire.net import arp, dhcpinform, dns, tftp

ME, OTHER = bytes.fromhex("525400000001"), bytes.fromhex("525400000002")
VIP, ELSE = IPv4Address("192.168.0.253"), IPv4Address("192.168.0.7")


def accepts(what: bytes, frame: bytes) -> bool:
    """The kernel's machine for classic BPF, as far as these programs use it."""
    steps = [struct.unpack_from("@HBBI", what, at) for at in range(0, len(what), 8)]
    at = number = 0
    while True:
        code, yes, no, value = steps[at]
        at += 1
        if code == 0x06:
            return bool(value)
        if code == 0x15:
            at += yes if number == value else no
            continue
        size = {0x30: 1, 0x28: 2, 0x20: 4}[code]
        if value + size > len(frame):
            return False  # a load beyond the end ends the program with 0
        number = int.from_bytes(frame[value:value + size], "big")


def test_foreign_claims_are_heard_and_nothing_else() -> None:
    addresses = (IPv4Address("192.168.0.254"), VIP)
    what = arp.foreign_claim_filter(addresses, ME)
    for address in addresses:
        for operation in arp.Operation:
            assert accepts(what, arp.announcement(address, OTHER, operation))
            assert not accepts(what, arp.announcement(address, ME, operation)), "our own announcement"
    for near in (ME[:5] + b"\x09", b"\x56" + ME[1:]):
        assert accepts(what, arp.announcement(VIP, near, arp.Operation.REPLY)), "half of a MAC is another MAC"
    assert not accepts(what, arp.announcement(ELSE, OTHER, arp.Operation.REPLY))
    assert not accepts(what, arp.probe(VIP, OTHER)), "who asks does not say that it has it"
    assert not accepts(what, arp.request(VIP, sender=ELSE, mac=OTHER))


def test_answers_are_those_to_us() -> None:
    what = arp.reply_filter(ME)
    reply = arp.ArpPacket(arp.Operation.REPLY, OTHER, ELSE, ME, VIP)
    assert accepts(what, arp.frame(reply, ME))
    assert not accepts(what, arp.frame(reply, OTHER))
    assert not accepts(what, arp.frame(reply))
    assert not accepts(what, arp.request(VIP, sender=ELSE, mac=OTHER, to=ME))


def test_every_clause_counts() -> None:
    what = frame_filter(OneOf(0, 1, [7, 8]), OneOf(1, 2, [0x0102]), NotMac(3, ME), IsMac(9, OTHER))
    good = b"\x08\x01\x02" + OTHER + OTHER
    assert accepts(what, good)
    assert not accepts(what, good[:-1])
    assert not accepts(what, b"\x09" + good[1:])
    assert not accepts(what, good[:2] + b"\x03" + good[3:])
    assert not accepts(what, good[:3] + ME + OTHER)
    assert not accepts(what, good[:9] + ME)
    assert not accepts(frame_filter(MATCH_NOTHING), good)
    with pytest.raises(ValueError, match="nothing"):
        frame_filter(OneOf(0, 1, []))
    with pytest.raises(ValueError, match="too long"):
        frame_filter(OneOf(0, 1, range(250)))


def test_an_inform_is_a_whole_packet_to_ourselves() -> None:
    frame = dhcpinform.frame(address=VIP, mac=ME, xid=b"abcd")
    assert frame[:6] == frame[6:12] == ME
    assert _sums_to_zero(frame[14:34])
    udp = frame[34:]
    assert _sums_to_zero(VIP.packed * 2 + struct.pack(">BBH", 0, 17, len(udp)) + udp)
    assert struct.unpack_from(">HHH", udp) == (68, 67, len(udp))
    assert udp[8 + 12:8 + 16] == VIP.packed, "ciaddr: an INFORM is of one who has an address"
    assert udp[8 + 236:8 + 243] == bytes.fromhex("63825363") + bytes([53, 1, 8])
    assert len(udp) - 8 >= 300


def _sums_to_zero(data: bytes) -> bool:
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total == 0xFFFF


def reply(*, xid: bytes = b"abcd", kind: int = 5, op: int = 2, port: int = 68) -> bytes:
    """An IP packet with a DHCP message, as the answer comes by lo."""
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, 17, 0, VIP.packed, VIP.packed)
    options = bytes([0, 54, 4]) + VIP.packed + bytes([53, 1, kind, 255])
    message = bytes([op, 1, 6, 0]) + xid + bytes(228) + bytes.fromhex("63825363") + options
    return head + struct.pack(">HHHH", 67, port, 8 + len(message), 0) + message


def test_only_an_ack_to_our_question_is_an_answer() -> None:
    assert dhcpinform.is_ack(reply(), b"abcd")
    assert not dhcpinform.is_ack(reply(xid=b"abce"), b"abcd")
    assert not dhcpinform.is_ack(reply(kind=6), b"abcd"), "a NAK"
    assert not dhcpinform.is_ack(reply(op=1), b"abcd"), "a client's message"
    assert accepts(dhcpinform.ack_filter(VIP), reply())
    assert not accepts(dhcpinform.ack_filter(ELSE), reply())
    assert not accepts(dhcpinform.ack_filter(VIP), reply(port=67))
    assert accepts(dhcpinform.server_traffic_filter(), reply())
    assert not accepts(
        dhcpinform.server_traffic_filter(), dhcpinform.frame(address=VIP, mac=ME, xid=b"abcd")[14:]
    )


@given(st.binary(max_size=400))
def test_no_packet_upsets_the_parsers(packet: bytes) -> None:
    dhcpinform.is_ack(packet, packet[4:8])
    dhcpinform.is_ack(reply()[:268] + packet, b"abcd")
    tftp.parse(packet)
    dns.parse(packet, dns.query(1, "ftp.example.lan"))


def test_tftp_data_errors_and_noise() -> None:
    assert tftp.read_request("a/b") == b"\0\1a/b\0octet\0"
    assert tftp.parse(b"\0\3\0\1hello") == tftp.Block(1, b"hello")
    assert tftp.parse(b"\0\5\0\1File not found\0") == tftp.TftpError(1, "File not found")
    assert tftp.parse(b"\0\4\0\1") is None
    assert tftp.parse(tftp.abort_packet()) == tftp.TftpError(0, "enough")


def test_dns_answers_to_what_was_asked() -> None:
    asked = dns.query(0x1234, "ftp.example.lan")
    assert asked[12:] == b"\3ftp\7example\3lan\0\0\1\0\1"

    def answer(flags: int, records: int = 2, number: int = 0x1234) -> bytes:
        return struct.pack(">HHHHHH", number, flags, 1, records, 0, 0) + asked[12:].upper()

    assert dns.parse(answer(0x8400), asked) == dns.DnsReply("", 2)
    assert dns.parse(answer(0x8402, 0), asked) == dns.DnsReply("SERVFAIL", 0)
    assert dns.parse(answer(0x840B, 0), asked) == dns.DnsReply("code 11", 0)
    assert dns.parse(answer(0x8400, number=0x1235), asked) is None, "another question's"
    assert dns.parse(asked, asked) is None, "our own words"
    other = dns.query(0x1234, "ftp.example.net")
    assert dns.parse(answer(0x8400), other) is None
