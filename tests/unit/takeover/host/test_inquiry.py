"""Which probe a client gets when, and which answers a claim believes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from typing import Any

import pytest
from twinboot.takeover.host.claim.inquiry import ClientInquiry
from twinboot.takeover.logic.probe import Probe, ProbeWay
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions
from twinboot.takeover.logic.settle import RESETS_APART_S
from twinboot.takeover.logic.tcp.segment import ACK, RST, Options, Segment

VIP, CLIENT = IPv4Address("192.168.0.253"), IPv4Address("192.168.0.9")
KEY = ConnectionKey(CLIENT, 40000, VIP, 80)
OFFER = SynOptions(1460, 7, sack=True, timestamps=True)
RECORD = ConnectionRecord(KEY, ConnectionKind.HTTP, 1000, 5000, 1100, OFFER, OFFER)
DATA = replace(RECORD, kind=ConnectionKind.FTP_DATA, client_next=1000)
"""Its client says nothing: the numbers of both ways are the same."""


@dataclass
class Wire:
    """Keeps what is sent instead of sending it."""

    sent: list[Probe] = field(default_factory=list)

    def probe(self, _key: ConnectionKey, probe: Probe) -> None:
        self.sent.append(probe)


class Asking:
    """An inquiry of one client, at a time that the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, record: ConnectionRecord) -> None:
        self.now = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        self.wire, self.record, self.number = Wire(), record, 0
        sender: Any = self.wire
        self.inquiry = ClientInquiry(sender, 0.0)

    def ask(self, *, last: bool = False) -> Probe | None:
        before = len(self.wire.sent)
        self.inquiry.ask({KEY: self.record}, self.number, last=last)
        self.number += 1
        return self.wire.sent[-1] if len(self.wire.sent) > before else None

    def hear(self, flags: int, seq: int, ack: int = 0, after_s: float = RESETS_APART_S) -> None:
        self.now += after_s
        self.inquiry.hear(self.record, Segment(CLIENT, VIP, 40000, 80, seq, ack, flags, 9, Options(), b"", 0))

    def decided(self) -> bool:
        return KEY in self.inquiry.decided({KEY: self.record})

    def gone_at_last(self) -> bool:
        return KEY in self.inquiry.gone_at_last({KEY: self.record})


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Asking:
    return Asking(monkeypatch, RECORD)


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> Asking:
    return Asking(monkeypatch, DATA)


def test_a_silent_client_is_asked_in_both_ways_by_turns(http: Asking) -> None:
    sent = [http.ask() for _ in range(4)]
    assert [one.way for one in sent if one] == [
        ProbeWay.KEEPALIVE, ProbeWay.HANDSHAKE, ProbeWay.KEEPALIVE, ProbeWay.HANDSHAKE]
    assert [len(one.payload) for one in sent if one] == [0, 0, 2, 0]


def test_a_client_in_its_handshake_is_asked_at_last(http: Asking) -> None:
    http.record = replace(RECORD, server_start_known=False)
    assert http.ask() is None
    assert http.ask(last=True) is not None


def test_the_reset_of_a_nat_box_ends_nothing(http: Asking) -> None:
    """It refuses the first way; the second reaches the client, which answers."""
    http.ask()
    http.hear(RST, 1100)
    assert not http.decided()
    http.ask()
    http.hear(ACK, 1100, 5300)
    assert http.decided()
    assert not http.gone_at_last()


def test_a_closed_data_connection_is_known_by_two_resets(data: Asking) -> None:
    data.ask()
    data.hear(RST, 1000)
    assert not data.decided()
    data.ask()
    data.hear(RST, 1000)
    assert data.decided()


def test_any_other_client_has_time_to_say_that_it_is_there(http: Asking) -> None:
    http.ask()
    http.hear(RST, 1100)
    http.ask()
    http.hear(RST, 1000)
    assert not http.decided()
    assert http.gone_at_last()
    http.hear(ACK, 1100, 5300)
    assert not http.gone_at_last()
    assert http.decided()


def test_where_the_other_ways_reset_is_dropped_the_same_way_twice_is_proof_at_last(data: Asking) -> None:
    """A NAT box takes a RST that answers the handshake's old numbers for invalid."""
    data.ask()
    data.hear(RST, 1000)
    data.ask()
    third = data.ask()
    assert third is not None
    assert third.way is ProbeWay.KEEPALIVE
    data.hear(RST, 1000)
    assert not data.decided()
    assert data.gone_at_last()


def test_one_reset_alone_is_no_proof_even_at_last(data: Asking) -> None:
    data.ask()
    data.hear(RST, 1000)
    data.hear(RST, 1000, after_s=0.001)  # the same, doubled on its way
    assert not data.decided()
    assert not data.gone_at_last()
