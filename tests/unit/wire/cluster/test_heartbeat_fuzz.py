"""The heartbeat decoder against all who cut, shuffle, or even have the key: only DecodeError, and soon.

Single flipped bits, noise and the kinds of refusal are in test_heartbeat.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import struct
import sys
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twinboot.core.model import (
    GroupReport,
    GroupState,
    Health,
    Heartbeat,
    Lack,
    LackKind,
    LanHealth,
    LastHeard,
    ServiceState,
    SiteId,
    Timers,
)
from twinboot.wire.cluster.heartbeat import MAX_SIZE, DecodeError, HeartbeatCodec, boot_and_seq, key_id

KEY = bytes(range(32))
CODEC = HeartbeatCodec("rack1", [KEY])
WHOLE = Heartbeat(
    cluster="rack1", sender="server1", boot_id=11, seq=12,
    groups={"first": GroupReport(GroupState.HELD, {"dhcpd": ServiceState.RUNNING}),
            "second": GroupReport(GroupState.IDLE, {})},
    eligible=("first", "second"),
    heard={"server2": LastHeard(3, 4, ("lan", "crossover")), "server3": LastHeard(5, 6, ())},
    lan=LanHealth.GOOD, mac=bytes(6), daemons={"tftp": Health.GOOD, "bind": Health.BROKEN},
    address=IPv4Address("192.168.0.11"),
    site=SiteId(7, bytes(range(8)), {"heartbeat": bytes(3), "rack": bytes(3)}),
    timers=Timers(), unanswered=("server3",),
    lacks=(Lack("", LackKind.TREES), Lack("dhcpd", LackKind.CONTAINER)), version="0.12.0",
    time_of_day=1_795_000_000.125,
)
MESSAGE = CODEC.encode(WHOLE)
HEADER, MAC = 13, 32
BODY = MESSAGE[HEADER:-MAC]
settings.register_profile("decoder", max_examples=200, deadline=None)
quickly = settings(settings.get_profile("decoder"))


def signed(body: bytes) -> bytes:
    """Any body as if somebody with the key had sent it."""
    message = MESSAGE[:HEADER] + body
    return message + hmac.digest(KEY, message, "sha256")


def sections(body: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(body):
        tag, size = struct.unpack_from(">BH", body, at)
        found.append((tag, body[at + 3:at + 3 + size]))
        at += 3 + size
    return found


def joined(parts: list[tuple[int, bytes]]) -> bytes:
    return b"".join(struct.pack(">BH", tag, len(body)) + body for tag, body in parts)


def decoded(data: bytes) -> Heartbeat | None:
    """None for a message that was refused; any other error fails the test."""
    try:
        return CODEC.decode(data)
    except DecodeError:
        return None


def test_the_parts_used_here_are_the_message() -> None:
    assert signed(BODY) == MESSAGE
    assert joined(sections(BODY)) == BODY
    assert MESSAGE[:4] == b"TwnB"
    assert MESSAGE[9:13] == key_id(KEY)
    assert MESSAGE[5:9] == hashlib.sha256(b"cluster\0rack1").digest()[:4]
    assert decoded(MESSAGE) == WHOLE


def test_every_truncation_is_refused_signed_or_not() -> None:
    for size in range(len(MESSAGE)):
        assert decoded(MESSAGE[:size]) is None
    known = sections(BODY)
    for size in range(len(BODY)):
        short = decoded(signed(BODY[:size]))
        # Sections that older servers do not know may be missing at the end, and nothing else.
        assert short is None or BODY[:size] in [joined(known[:count]) for count in range(4, len(known))]


@quickly
@given(st.binary(max_size=MAX_SIZE))
def test_signed_noise_is_refused_or_a_heartbeat(body: bytes) -> None:
    decoded(signed(body))
    boot_and_seq(body)


@quickly
@given(st.data())
def test_signed_messages_with_broken_bytes(data: st.DataObject) -> None:
    """Somebody has the key and means harm: flips, insertions, deletions behind a right signature."""
    body = bytearray(BODY)
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(body) - 1))
        change = data.draw(st.sampled_from(("flip", "insert", "delete", "max", "zero")))
        if change == "flip":
            body[at] ^= 1 << data.draw(st.integers(0, 7))
        elif change == "insert":
            body[at:at] = data.draw(st.binary(min_size=1, max_size=40))
        elif change == "delete" and len(body) > 20:
            del body[at:at + data.draw(st.integers(1, 10))]
        else:
            body[at] = 255 if change == "max" else 0
    found = decoded(signed(bytes(body)))
    if found is not None:
        assert found.cluster == "rack1"
        with contextlib.suppress(ValueError):  # what it says may not fit a message of ours
            assert CODEC.decode(CODEC.encode(found)) == found


@quickly
@given(st.permutations(sections(BODY)), st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=60)),
                                                 max_size=4))
def test_sections_in_any_order_and_unknown_ones_between(
    parts: list[tuple[int, bytes]], more: list[tuple[int, bytes]]
) -> None:
    known = {tag for tag, _ in parts}
    unknown = [(tag, body) for tag, body in more if tag not in known]
    data = signed(joined([*unknown, *parts]))
    if len({tag for tag, _ in unknown}) == len(unknown):
        assert decoded(data) == WHOLE
    else:
        assert decoded(data) is None, "a section twice"
    assert decoded(signed(joined([*parts, parts[0]]))) is None


@pytest.mark.parametrize("fill", [b"\0", b"\1", b"\xff"])
@pytest.mark.parametrize("tag", [1, 2, 3, 4, 5, 7])
def test_the_fullest_section_is_soon_done(tag: int, fill: bytes) -> None:
    """Counts that promise more than there is: every turn of every loop uses up a byte."""
    others = [part for part in sections(BODY) if part[0] != tag]
    room = MAX_SIZE - HEADER - MAC - len(joined(others)) - 3
    reads = 0

    def counted(frame: object, event: str, _: object) -> None:
        nonlocal reads
        reads += event == "call"

    sys.setprofile(counted)
    try:
        decoded(signed(joined([*others, (tag, fill * room)])))
    finally:
        sys.setprofile(None)
    assert reads < 20 * MAX_SIZE
