"""Replication packets: what goes in comes out, and nothing else comes in."""

from __future__ import annotations

import contextlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twinboot.core.model import Heartbeat
from twinboot.wire.cluster.heartbeat import MAX_SIZE, DecodeError, EncodeError, HeartbeatCodec, Refusal
from twinboot.wire.cluster.replication import (
    MAX_PACKET,
    MAX_VALUE,
    Ack,
    Data,
    ReplicationCodec,
    Row,
    is_replication_packet,
    packet_capacity,
)

KEY, OTHER = bytes(range(32)), bytes(32)
CODEC = ReplicationCodec("rack1", [KEY])
U64 = st.integers(1, 2**64 - 1)
ADDRESS = {"sender": st.text(max_size=10), "boot": U64, "to_boot": U64, "session": st.integers(0, 2**32 - 1),
           "table_name": st.text(max_size=10)}
ACKS = st.builds(Ack, **ADDRESS, upto=U64, beyond=st.lists(st.tuples(U64, U64), max_size=32).map(tuple))


@st.composite
def data(draw: st.DrawFn) -> Data:
    after = draw(st.integers(0, 1000))
    entries = draw(st.lists(st.builds(
        Row, st.integers(after + 1, after + 50), st.binary(max_size=64), st.none() | st.binary(max_size=99),
    ), max_size=5))
    parts = {name: draw(strategy) for name, strategy in ADDRESS.items()}
    return Data(**parts, after=after, upto=after + 50, head=after + draw(st.integers(50, 99)),
                rows=tuple(entries))


@settings(max_examples=100)
@given(packet=st.one_of(data(), ACKS))
def test_what_goes_in_comes_out(packet: Data | Ack) -> None:
    assert CODEC.decode(CODEC.encode(packet)) == packet


@settings(max_examples=150)
@given(junk=st.binary(max_size=100), packet=st.one_of(data(), ACKS), cut=st.integers(0, 2000))
def test_nothing_else_raises_anything_but_its_refusal(junk: bytes, packet: Data | Ack, cut: int) -> None:
    whole = CODEC.encode(packet)
    for raw in (junk, b"TwnS" + junk, whole[:cut], whole + junk, whole[:13] + junk):
        for signed in (raw, raw + hmac.digest(KEY, raw, "sha256")):
            if signed == whole:
                continue
            with contextlib.suppress(DecodeError):
                CODEC.decode(signed)


ONE = Data("server1", 1, 2, 3, "leases", 0, 5, 7, (Row(4, b"k", b"v"), Row(5, b"l", None)))


@pytest.mark.parametrize(("raw", "kind"), [
    (ReplicationCodec("rack1", [OTHER]).encode(ONE), Refusal.FORGED),
    (ReplicationCodec("rack2", [KEY]).encode(ONE), Refusal.FOREIGN),
    (CODEC.encode(ONE)[:-1] + b"\x00", Refusal.FORGED),
    (CODEC.encode(ONE).replace(b"TwnS\x02", b"TwnS\x01"), Refusal.VERSION),
    (HeartbeatCodec("rack1", [KEY]).encode(Heartbeat("rack1", "server1", 1, 1)), Refusal.MALFORMED),
    (b"TwnS" + bytes(MAX_PACKET), Refusal.OVERSIZED),
    (b"", Refusal.MALFORMED),
])
def test_refused(raw: bytes, kind: Refusal) -> None:
    with pytest.raises(DecodeError) as caught:
        CODEC.decode(raw)
    assert caught.value.refusal is kind


def test_a_heartbeat_codec_refuses_the_stream() -> None:
    with pytest.raises(DecodeError):
        HeartbeatCodec("rack1", [KEY]).decode(CODEC.encode(ONE))
    assert is_replication_packet(CODEC.encode(ONE))
    assert not is_replication_packet(
        HeartbeatCodec("rack1", [KEY]).encode(Heartbeat("rack1", "server1", 1, 1))
    )


def test_an_old_key_is_accepted_and_the_first_one_signs() -> None:
    assert ReplicationCodec("rack1", [OTHER, KEY]).decode(CODEC.encode(ONE)) == ONE
    with pytest.raises(DecodeError):
        CODEC.decode(ReplicationCodec("rack1", [OTHER, KEY]).encode(ONE))


def test_the_largest_entry_fits_and_a_larger_one_is_an_error() -> None:
    name, table_name = "s" * 63, "t" * 32
    largest = Row(4, b"k" * 64, b"v" * MAX_VALUE)
    full = Data(name, 1, 2, 3, table_name, 0, 5, 7, (largest,))
    assert len(CODEC.encode(full)) <= MAX_PACKET
    assert CODEC.decode(CODEC.encode(full)) == full
    small = Row(
        5, b"k", b"v" * (packet_capacity(name, table_name) - Row(1, b"kk", b"").size - Row(1, b"k", b"").size)
    )
    two = replace(full, rows=(Row(4, b"kk", b""), small))
    assert len(CODEC.encode(two)) == MAX_SIZE
    with pytest.raises(EncodeError):
        CODEC.encode(replace(full, rows=(largest, Row(5, b"k", b""))))
    with pytest.raises(EncodeError):
        CODEC.encode(Data("s", 1, 2, 3, "t", 0, 5, 7, (Row(4, b"k", b"v" * (MAX_VALUE + 1)),)))
