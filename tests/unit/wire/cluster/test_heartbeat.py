"""The heartbeat codec: what is sent is read back, and nothing else gets through."""

from __future__ import annotations

import hmac
import struct
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twinboot import daemons
from twinboot.core.model import (
    GroupReport,
    GroupState,
    Health,
    Heartbeat,
    LanHealth,
    LastHeard,
    ServiceState,
    SiteId,
    Timers,
)
from twinboot.site import Site
from twinboot.wire.cluster.heartbeat import (
    MAX_SIZE,
    DecodeError,
    EncodeError,
    HeartbeatCodec,
    Refusal,
    key_id,
    max_heartbeat_bytes,
)

KEY = bytes(range(32))
OLD = bytes(range(32, 64))
CODEC = HeartbeatCodec("rack1", [KEY])

names = st.text(min_size=1, max_size=12)
u64 = st.integers(0, 2**64 - 1)
reports = st.builds(
    GroupReport,
    st.sampled_from(GroupState),
    st.dictionaries(names, st.sampled_from(ServiceState), max_size=2),
    st.sampled_from(("", "192.168.0.253")),
)
ticks = st.integers(1, 60_000_000).map(lambda microseconds: microseconds / 1e6)
heartbeats = st.builds(
    Heartbeat,
    cluster=st.just("rack1"),
    sender=names,
    boot_id=u64,
    seq=u64,
    groups=st.dictionaries(names, reports, max_size=4),
    eligible=st.lists(names, max_size=4).map(tuple),
    standby=st.booleans(),
    leaving=st.booleans(),
    starting=st.booleans(),
    heard=st.dictionaries(
        names, st.builds(LastHeard, u64, u64, st.lists(names, max_size=3).map(tuple)), max_size=4
    ),
    lan=st.sampled_from(LanHealth),
    daemons=st.dictionaries(names, st.sampled_from(Health), max_size=5),
    mac=st.sampled_from((b"", bytes.fromhex("525400000001"))),
    address=st.sampled_from((None, IPv4Address("192.168.0.11"))),
    site=st.none() | st.builds(
        SiteId, u64, st.binary(max_size=8),
        st.dictionaries(names | st.sampled_from(tuple(Site.model_fields)), st.binary(max_size=4), max_size=4),
    ),
    timers=st.none() | st.builds(
        Timers, interval_s=ticks, warntime_s=ticks, deadtime_s=ticks, suspect_s=ticks,
        address_lifetime_s=ticks
    ),
).flatmap(lambda one: st.builds(
    replace, st.just(one), unanswered=st.lists(st.sampled_from(tuple(one.heard) or ("",)), unique=True).map(
        lambda some: tuple(name for name in one.heard if name in some))
))

TYPICAL = Heartbeat(
    cluster="rack1", sender="server1", boot_id=2**63 + 5, seq=17,
    groups={
        "first": GroupReport(GroupState.HELD, {"dhcpd": ServiceState.RUNNING}),
        "second": GroupReport(GroupState.IDLE),
    },
    eligible=("first", "second"),
    heard={"server2": LastHeard(99, 4, ("crossover", "lan"))},
    lan=LanHealth.GOOD, daemons={"tftp": Health.GOOD, "vsftpd": Health.BROKEN},
    mac=bytes.fromhex("525400000001"),
)


def refusal(codec: HeartbeatCodec, data: bytes) -> Refusal:
    with pytest.raises(DecodeError) as caught:
        codec.decode(data)
    return caught.value.refusal


def outcome(data: bytes) -> Refusal | None:
    """None when accepted; anything but a DecodeError passes through and fails the test."""
    try:
        CODEC.decode(data)
    except DecodeError as exc:
        return exc.refusal
    return None


def signed(codec_bytes: bytes, key: bytes = KEY) -> bytes:
    """The message with its signature made anew, as a holder of the key could."""
    body = codec_bytes[:-32]
    return body + hmac.digest(key, body, "sha256")


@given(heartbeats)
def test_round_trip(heartbeat: Heartbeat) -> None:
    assert CODEC.decode(CODEC.encode(heartbeat)) == heartbeat


def test_every_truncation_is_refused() -> None:
    data = CODEC.encode(TYPICAL)
    for end in range(len(data)):
        assert refusal(CODEC, data[:end]) in (Refusal.MALFORMED, Refusal.FORGED)


def test_every_bit_flip_is_refused() -> None:
    data = CODEC.encode(TYPICAL)
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        refusal(CODEC, bytes(flipped))


def test_bytes_appended_are_refused() -> None:
    assert refusal(CODEC, CODEC.encode(TYPICAL) + b"\0") is Refusal.FORGED


@settings(max_examples=300)
@given(st.binary(max_size=MAX_SIZE + 50))
def test_noise_is_refused(data: bytes) -> None:
    refusal(CODEC, data)


@settings(max_examples=500)
@given(st.binary(max_size=400))
def test_a_signed_body_of_noise_raises_nothing_but_decode_error(body: bytes) -> None:
    data = signed(CODEC.encode(TYPICAL)[:13] + body + bytes(32))
    assert outcome(data) in (Refusal.MALFORMED, Refusal.FOREIGN)


@settings(max_examples=300)
@given(st.data())
def test_a_signed_message_with_bytes_changed_raises_nothing_but_decode_error(data: st.DataObject) -> None:
    raw = bytearray(CODEC.encode(TYPICAL))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(13, len(raw) - 33))] = data.draw(st.integers(0, 255))
    assert outcome(signed(bytes(raw))) in (None, Refusal.MALFORMED, Refusal.FOREIGN)


def test_kinds() -> None:
    data = CODEC.encode(TYPICAL)
    assert refusal(CODEC, b"hello, world" * 10) is Refusal.MALFORMED
    assert refusal(CODEC, data + bytes(MAX_SIZE)) is Refusal.OVERSIZED
    assert refusal(CODEC, signed(data[:4] + b"\x02" + data[5:])) is Refusal.VERSION
    assert refusal(HeartbeatCodec("rack2", [KEY]), data) is Refusal.FOREIGN
    assert refusal(HeartbeatCodec("rack1", [OLD]), data) is Refusal.FORGED


def test_right_key_id_with_wrong_key_is_forged() -> None:
    data = CODEC.encode(TYPICAL)
    assert refusal(CODEC, signed(data, OLD)) is Refusal.FORGED


def test_cluster_is_compared_in_full_not_by_its_tag_alone() -> None:
    foreign = Heartbeat(cluster="rack9", sender="server1", boot_id=1, seq=1)
    raw = HeartbeatCodec("rack9", [KEY]).encode(foreign)
    assert refusal(CODEC, signed(raw[:5] + CODEC.encode(TYPICAL)[5:9] + raw[9:])) is Refusal.FOREIGN


def test_rollover_signs_with_the_first_and_accepts_all() -> None:
    new = HeartbeatCodec("rack1", [KEY, OLD])
    old = HeartbeatCodec("rack1", [OLD, KEY])
    assert new.decode(old.encode(TYPICAL)) == TYPICAL
    assert old.decode(new.encode(TYPICAL)) == TYPICAL
    assert CODEC.decode(new.encode(TYPICAL)) == TYPICAL
    assert refusal(CODEC, old.encode(TYPICAL)) is Refusal.FORGED


def test_unknown_section_is_skipped() -> None:
    data = CODEC.encode(TYPICAL)
    assert CODEC.decode(signed(data[:-32] + struct.pack(">BH", 200, 3) + b"new" + bytes(32))) == TYPICAL


def test_a_message_without_health_comes_from_an_older_server() -> None:
    silent = replace(TYPICAL, lan=LanHealth.UNKNOWN, daemons={}, mac=b"")
    data = CODEC.encode(silent)
    without = data[:-32 - 6]  # the last section: tag, length 3, and three bytes of nothing known
    assert data[len(without):-32] == struct.pack(">BHBBB", 5, 3, 0, 0, 0)
    assert CODEC.decode(signed(without + bytes(32))) == silent


def test_an_older_server_names_neither_addresses_nor_its_site() -> None:
    first = GroupReport(GroupState.HELD, address="192.168.0.253")
    site = SiteId(3, b"digest", {"hosts": b"abc", "of a later release": b"def"})
    told = replace(TYPICAL, groups={"first": first}, address=IPv4Address("192.168.0.11"), site=site)
    data = CODEC.encode(told)
    assert CODEC.decode(data) == told
    unnamed = {"first": replace(first, address="")}
    older = CODEC.encode(replace(told, groups=unnamed, address=None, site=None))
    assert data.startswith(older[:-32])
    assert CODEC.decode(older).site is None


def test_what_a_server_says_of_its_timers_and_of_whom_it_reaches_comes_last() -> None:
    told = replace(TYPICAL, timers=Timers(interval_s=0.35), unanswered=("server2",))
    data = CODEC.encode(told)
    assert CODEC.decode(data) == told
    assert data.startswith(CODEC.encode(TYPICAL)[:-32])
    assert len(data) == len(CODEC.encode(TYPICAL)) + 3 + 5 * 4 + 3 + 1
    with pytest.raises(EncodeError):
        CODEC.encode(replace(told, timers=Timers(address_lifetime_s=5000.0)))


@pytest.mark.parametrize("size", [1, 5, 7, 255])
def test_a_hardware_address_of_a_wrong_size_is_malformed(size: int) -> None:
    data = CODEC.encode(replace(TYPICAL, lan=LanHealth.UNKNOWN, daemons={}, mac=b""))
    body = bytes((0, size)) + bytes(size) + b"\0"
    section = struct.pack(">BH", 5, len(body)) + body
    assert refusal(CODEC, signed(data[:-32 - 6] + section + bytes(32))) is Refusal.MALFORMED
    with pytest.raises(EncodeError, match="hardware address"):
        CODEC.encode(replace(TYPICAL, mac=bytes(size)))


def test_section_twice_or_missing_is_malformed() -> None:
    data = CODEC.encode(TYPICAL)
    length = struct.unpack_from(">H", data, 14)[0]
    identity = data[13:16 + length]
    assert refusal(CODEC, signed(data[:-32] + identity + bytes(32))) is Refusal.MALFORMED
    assert refusal(CODEC, signed(data[:13] + identity + bytes(32))) is Refusal.MALFORMED


def test_sixteen_servers_and_sixteen_groups_fit() -> None:
    size = max_heartbeat_bytes(
        CODEC, cluster="rack1",
        servers=[f"server{n:02}" for n in range(1, 17)], groups=[f"group{n:02}" for n in range(1, 17)],
        services=["dhcpd"], daemons=daemons.names(daemons.EVERYWHERE),
        links=["crossover", "lan", "serial"], parts=tuple(Site.model_fields),
    )
    assert size <= 1252  # an MTU of 1280 without the headers of IPv4 and UDP: no usual network cuts it in two


def test_a_message_too_large_is_not_made() -> None:
    many = tuple(f"a-rather-long-group-name-{n}" for n in range(100))
    with pytest.raises(EncodeError, match="1400 fit"):
        CODEC.encode(Heartbeat(cluster="rack1", sender="server1", boot_id=1, seq=1, eligible=many))
    with pytest.raises(EncodeError):
        CODEC.encode(Heartbeat(cluster="rack1", sender="s" * 256, boot_id=1, seq=1))
    with pytest.raises(EncodeError):
        CODEC.encode(Heartbeat(cluster="rack1", sender="server1", boot_id=2**64, seq=1))


def test_short_keys_and_no_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        HeartbeatCodec("rack1", [])
    with pytest.raises(ValueError, match="15 bytes"):
        HeartbeatCodec("rack1", [bytes(15)])


def test_key_id_does_not_depend_on_place_and_tells_keys_apart() -> None:
    assert key_id(KEY) != key_id(OLD)
    assert len(key_id(KEY)) == 4
