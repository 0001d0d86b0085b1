"""After an orderly move a taker trusts no client's answer while what was sent before still arrives."""

from __future__ import annotations

from ipaddress import IPv4Address

from twinboot.takeover.logic.plan import ClientPosition
from twinboot.takeover.logic.record import ConnectionKey
from twinboot.takeover.logic.settle import SETTLE_LIMIT_S, SETTLED_AFTER_S, UNCONFIRMED_S, PositionSettler

VIP = IPv4Address("192.168.0.253")
ONE, TWO = (ConnectionKey(IPv4Address(f"192.168.0.{host}"), 40000, VIP, 80) for host in (11, 13))


def at(ack: int, *blocks: tuple[int, int], gone: bool = False) -> ClientPosition:
    return ClientPosition(seq=100, ack=ack, window=1000, sack_blocks=blocks, gone=gone)


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
    assert settler.last_ack(ONE) == 10
    settler.observe(ONE, at(10, (8, 10)), 10.04)
    assert settler.settled(10.05) == [(ONE, at(10))]
    assert settler.last_ack(ONE) is None


def test_what_fills_a_queue_behind_a_hole_is_news() -> None:
    settler = PositionSettler(SETTLED_AFTER_S, 10.0)
    settler.observe(ONE, at(10, (20, 30)), 10.0)
    settler.observe(ONE, at(10, (20, 40)), 10.04)
    assert settler.last_ack(ONE) is None, "its blocks are needed"
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


def test_a_client_that_has_closed_is_not_waited_for() -> None:
    settler = PositionSettler(SETTLED_AFTER_S, 10.0)
    settler.observe(ONE, at(0, gone=True), 10.0)
    assert settler.settled(10.0) == [(ONE, at(0, gone=True))]
