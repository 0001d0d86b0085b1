"""After an orderly move a taker trusts no client's answer while what was sent before still arrives; and after
none a single RST."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from twinboot.takeover.logic.plan import ClientPosition
from twinboot.takeover.logic.probe import ProbeWay
from twinboot.takeover.logic.record import ConnectionKey
from twinboot.takeover.logic.settle import SETTLE_LIMIT_S, SETTLED_AFTER_S, UNCONFIRMED_S, PositionSettler

VIP = IPv4Address("192.168.0.253")
ONE, TWO = (ConnectionKey(IPv4Address(f"192.168.0.{host}"), 40000, VIP, 80) for host in (11, 13))


def at(ack: int, *blocks: tuple[int, int]) -> ClientPosition:
    return ClientPosition(seq=100, ack=ack, window=1000, sack_blocks=blocks)


def test_after_a_death_everybody_is_believed_at_once() -> None:
    settler = PositionSettler(0.0, 10.0)
    settler.observe(ONE, at(1), 10.0)
    assert settler.settled(10.0) == [(ONE, at(1))]
    assert settler.settled(10.0) == [], "once"


def test_who_stands_still_is_believed_after_a_moment() -> None:
    settler = PositionSettler(SETTLED_AFTER_S, 10.0)
    settler.observe(ONE, at(1), 10.0)
    settler.observe(ONE, at(1), 10.04)
    assert settler.settled(10.04) == []
    assert settler.settled(10.05) == [(ONE, at(1))]


def test_who_was_heard_once_may_be_slow() -> None:
    """An emulated machine that looks at its network card every 55 ms: what it said came from before."""
    settler = PositionSettler(SETTLED_AFTER_S, 10.0)
    settler.observe(ONE, at(1), 10.0)
    assert settler.settled(10.0 + SETTLED_AFTER_S) == []
    settler.observe(ONE, at(500), 10.06)
    settler.observe(ONE, at(500), 10.061)
    assert settler.settled(10.1) == []
    assert settler.settled(10.12) == [(ONE, at(500))]
    settler.observe(TWO, at(1), 11.0)
    assert PositionSettler(SETTLED_AFTER_S, 10.0).settled(99.0) == []
    assert settler.settled(11.0 + UNCONFIRMED_S) == [(TWO, at(1))]


def test_bytes_that_came_twice_are_no_news_and_no_hole() -> None:
    """The answer to a keepalive says so in a first block (D-SACK, RFC 2883)."""
    settler = PositionSettler(SETTLED_AFTER_S, 10.0)
    settler.observe(ONE, at(10), 10.0)
    assert settler.latest(ONE) == at(10)
    settler.observe(ONE, at(10, (8, 10)), 10.04)
    assert settler.settled(10.05) == [(ONE, at(10))]
    assert settler.latest(ONE) is None


def test_a_block_that_a_report_of_bytes_that_came_twice_displaced_is_reckoned_with() -> None:
    """holdings.py takes a full option for one that may hide blocks."""
    settler = PositionSettler(0.0, 10.0)
    settler.observe(ONE, at(10, (8, 10), (20, 30), (40, 50)), 10.0)
    assert settler.settled(10.0) == [(ONE, at(10, (20, 30), (40, 50), (40, 50)))]


def test_what_fills_a_queue_behind_a_hole_is_news() -> None:
    settler = PositionSettler(SETTLED_AFTER_S, 10.0)
    settler.observe(ONE, at(10, (20, 30)), 10.0)
    settler.observe(ONE, at(10, (20, 40)), 10.04)
    assert settler.latest(ONE) == at(10, (20, 40))
    assert settler.settled(10.06) == []
    settler.observe(ONE, at(10, (20, 40)), 10.07)
    assert settler.settled(10.10) == [(ONE, at(10, (20, 40)))]


def test_nobody_is_believed_as_long_as_one_gets_further() -> None:
    settler = PositionSettler(SETTLED_AFTER_S, 10.0)
    settler.observe(ONE, at(1), 10.0)
    for step in range(5):
        now = 10.0 + step * 0.04
        settler.observe(ONE, at(1), now)
        settler.observe(TWO, at(step), now)
        assert settler.settled(now + 0.03) == []
    settler.observe(TWO, at(4), 10.17)
    assert sorted(settler.settled(10.22)) == sorted([(ONE, at(1)), (TWO, at(4))])


def test_what_never_ends_is_not_waited_for() -> None:
    settler = PositionSettler(SETTLED_AFTER_S, 10.0)
    settler.observe(ONE, at(1), 10.0)
    for step in range(50):
        settler.observe(TWO, at(step), 10.0 + step * 0.02)
    assert settler.settled(10.0 + SETTLE_LIMIT_S) == [(ONE, at(1))], "the other moved a moment ago"


A, B = ProbeWay.KEEPALIVE, ProbeWay.HANDSHAKE


@pytest.mark.parametrize(("resets", "at_once", "at_last"), [
    ([(A, 10.0)], False, False),  # one RST: a NAT box may have sent it
    ([(A, 10.0), (B, 10.06)], True, True),
    ([(B, 10.0), (A, 10.06)], True, True),
    ([(None, 10.0), (A, 10.06)], True, True),  # the client was killed, and then asked
    ([(A, 10.0), (B, 10.01)], False, False),  # too near to be independent
    ([(A, 10.0), (A, 10.3)], False, True),  # the other way's was dropped
    ([(A, 10.0), (A, 10.01)], False, False),  # sent twice
])
def test_two_resets_prove_that_a_client_has_gone(
    resets: list[tuple[ProbeWay | None, float]], at_once: bool, at_last: bool
) -> None:
    settler = PositionSettler(0.0, 10.0)
    for way, now in resets:
        settler.observe_reset(ONE, way, now)
    assert (settler.is_gone(ONE), settler.was_reset_repeatedly(ONE)) == (at_once, at_last)
    assert not settler.is_gone(TWO)
    assert settler.settled(12.0) == []


def test_an_acknowledgement_voids_all_resets() -> None:
    settler = PositionSettler(SETTLED_AFTER_S, 10.0)
    settler.observe_reset(ONE, A, 10.0)
    settler.observe(ONE, at(10), 10.03)
    settler.observe_reset(ONE, B, 10.06)
    assert not settler.is_gone(ONE), "one way after the acknowledgement, one before"
    assert not settler.was_reset_repeatedly(ONE)
    assert settler.settled(10.5) == [(ONE, at(10))]
    settler.observe_reset(ONE, A, 10.6)
    assert settler.is_gone(ONE), "it has closed since"
