"""The numbers of probes: outside the client's window, inside a packet filter's, and none of them counts."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from twinboot.takeover.logic.plan import ClientPosition
from twinboot.takeover.logic.probe import UNSENT_LIMIT_BYTES, Probe, ProbeWay, probe_of
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions
from twinboot.takeover.logic.tcp.segment import ACK, RST, SYN, Options, Segment, parse_segment, tcp_packet

VIP, CLIENT = IPv4Address("192.168.0.253"), IPv4Address("192.168.0.9")
KEY = ConnectionKey(CLIENT, 40000, VIP, 80)
OFFER = SynOptions(1460, 7, sack=True, timestamps=True)
RECORD = ConnectionRecord(KEY, ConnectionKind.HTTP, 1000, 5000, 1100, OFFER, OFFER, acked_bytes=300)
AT = ClientPosition(seq=1100, ack=9000, window=500, timestamps=(77, 66))


def wire(probe: Probe) -> Segment:
    """As the client's kernel parses it."""
    packet = tcp_packet(VIP, 80, CLIENT, 40000, flags=probe.flags, seq=probe.seq, ack=probe.ack,
                        options=probe.options, payload=probe.payload)
    found = parse_segment(bytes(12) + b"\x08\0" + packet)
    assert found is not None
    return found


def test_the_first_keepalive_is_bare_and_just_below_what_is_known_to_be_acknowledged() -> None:
    one = probe_of(RECORD, ProbeWay.KEEPALIVE)
    assert one == Probe(ProbeWay.KEEPALIVE, ACK, 5000 + 300 - 1, 1100)


def test_the_next_keepalive_has_bytes_and_a_time_stamp() -> None:
    one = wire(probe_of(RECORD, ProbeWay.KEEPALIVE, again=True))
    assert (one.seq, one.payload_bytes, one.ack) == (5000 + 300 - 3, 2, 1100)
    assert one.options.timestamps == (0, 0)
    plain = replace(RECORD, client_syn_options=replace(OFFER, timestamps=False))
    assert wire(probe_of(plain, ProbeWay.KEEPALIVE, again=True)).options.timestamps is None


@pytest.mark.parametrize("way", ProbeWay)
def test_a_client_that_has_answered_is_asked_with_its_own_numbers(way: ProbeWay) -> None:
    one = wire(probe_of(RECORD, way, AT))
    assert (one.flags, one.seq, one.payload_bytes, one.ack) == (ACK, 9000 - 3, 2, 1100)
    assert one.options.timestamps == (67, 77)


def test_what_a_client_holds_beyond_a_hole_is_asked_for_without_bytes() -> None:
    one = probe_of(RECORD, ProbeWay.KEEPALIVE, replace(AT, sack_blocks=((9100, 9200),)))
    assert (one.seq, one.payload) == (9000 - 1, b"")


def test_what_the_server_lacks_is_not_acknowledged() -> None:
    ahead = replace(AT, seq=1150)
    assert probe_of(RECORD, ProbeWay.KEEPALIVE, ahead).ack == 1100
    assert probe_of(replace(RECORD, understood=False), ProbeWay.KEEPALIVE, ahead).ack == 1150


def test_the_handshake_is_the_servers_part_of_it_once_more() -> None:
    one = wire(probe_of(RECORD, ProbeWay.HANDSHAKE))
    assert (one.flags, one.seq, one.ack, one.payload_bytes) == (SYN | ACK, 4999, 1000, 0)
    assert one.options == Options(1460, 7, True, timestamps=(0, 0))
    few = replace(RECORD, client_syn_options=SynOptions(536))
    assert wire(probe_of(few, ProbeWay.HANDSHAKE)).options == Options(1460)


def test_of_a_connection_that_the_server_opened_it_is_the_syn() -> None:
    one = wire(probe_of(replace(RECORD, opened_by_server=True), ProbeWay.HANDSHAKE))
    assert (one.flags, one.seq, one.ack) == (SYN, 4999, 0)
    assert one.options == Options(1460, 7, True, timestamps=(0, 0))


@pytest.mark.parametrize(("acked", "scale", "way"), [
    (3 << 30, 7, ProbeWay.HANDSHAKE),
    ((4 << 30) - (256 << 20), 7, ProbeWay.KEEPALIVE),  # the SYN's number comes into the window soon
    ((3 << 30) - (1 << 20), 14, ProbeWay.KEEPALIVE),  # of a gigabyte
    ((4 << 30) + 1, 7, ProbeWay.HANDSHAKE),
    ((8 << 30) - 1, 7, ProbeWay.KEEPALIVE),
])
def test_no_syn_into_the_window(acked: int, scale: int, way: ProbeWay) -> None:
    offer = replace(OFFER, window_scale=scale)
    record = replace(RECORD, client_syn_options=offer, acked_bytes=acked)
    assert probe_of(record, ProbeWay.HANDSHAKE).way is way


@pytest.mark.parametrize("record", [replace(RECORD, server_start_known=False),
                                    replace(RECORD, understood=False, server_start=0)])
def test_a_handshake_that_was_not_seen_is_not_repeated(record: ConnectionRecord) -> None:
    assert probe_of(record, ProbeWay.HANDSHAKE).way is ProbeWay.KEEPALIVE


def test_the_bytes_of_a_closed_server_need_not_be_the_clients_yet() -> None:
    """A number beyond what the client has would put the probe's bytes into its data."""
    closed = replace(RECORD, server_closed=True, acked_bytes=UNSENT_LIMIT_BYTES + 50)
    assert probe_of(closed, ProbeWay.KEEPALIVE).seq == 5000 + 50 - 1
    assert probe_of(replace(closed, acked_bytes=7), ProbeWay.KEEPALIVE, again=True).seq == 5000 - 3


def reset(seq: int, ack: int = 0) -> Segment:
    flags = RST | ACK if ack else RST
    return Segment(CLIENT, VIP, 40000, 80, seq, ack, flags, 0, Options(), b"", 0)


def test_whose_reset_it_is() -> None:
    """RFC 9293 section 3.10.7.1."""
    keepalive, handshake = (probe_of(RECORD, way) for way in ProbeWay)
    syn = probe_of(replace(RECORD, opened_by_server=True), ProbeWay.HANDSHAKE)
    answers = [reset(1100), reset(1000), reset(0, 5000), reset(1101)]
    assert [[probe.refused_by(one) for one in answers] for probe in (keepalive, handshake, syn)] == [
        [True, False, False, False], [False, True, False, False], [False, False, True, False]]
    assert not keepalive.refused_by(replace(reset(1100), flags=ACK))
