"""Clients' input is held until the peers acknowledge, in bounds."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from twinboot.takeover.logic.input_hold import (
    CROWD_LIMIT_S,
    HOLD_LIMIT_S,
    MAX_HELD_PACKETS,
    UNDELIVERED_REPEATS,
    UNDELIVERED_S,
    HeldInput,
)
from twinboot.takeover.logic.record import ConnectionKey

KEY = ConnectionKey(IPv4Address("192.168.0.128"), 40000, IPv4Address("192.168.0.253"), 80)
OTHER = replace(KEY, client_port=40001, server=IPv4Address("192.168.0.254"))


def test_a_word_goes_when_the_peers_know_of_it_and_not_before() -> None:
    held = HeldInput()
    assert held.hold(KEY, 1, b"one", 0.0)
    first = held.close_batch(0.0)
    assert held.hold(KEY, 4, b"two", 0.0)
    assert held.hold(OTHER, 9, b"three", 0.0)
    second = held.close_batch(0.01)
    assert (first, second, held.close_batch(0.02)) == (1, 2, None)
    assert held.replicated(1, 0.0) == [b"one"]
    assert len(held) == 2
    assert held.replicated(1, 0.0) == []
    assert held.replicated(2, 0.0) == [b"two", b"three"]
    assert len(held) == 0


def test_word_of_a_later_batch_is_word_of_those_before() -> None:
    held = HeldInput()
    for number in range(3):
        held.hold(KEY, number, bytes((number,)), 0.0)
        held.close_batch(0.0)
    assert held.replicated(3, 0.0) == [b"\0", b"\1", b"\2"]


def test_nobody_waits_for_ever() -> None:
    held = HeldInput()
    held.hold(KEY, 1, b"one", 0.0)
    held.close_batch(1.0)
    held.hold(KEY, 2, b"two", 0.0)
    held.close_batch(1.05)
    assert held.deadline() == pytest.approx(1.0 + HOLD_LIMIT_S)
    assert held.release_overdue(1.0 + HOLD_LIMIT_S / 2) == []
    assert held.release_overdue(1.0 + HOLD_LIMIT_S) == [b"one"]
    assert held.overdue_packets == 1
    assert held.deadline() == pytest.approx(1.05 + HOLD_LIMIT_S)
    assert held.replicated(2, 0.0) == [b"two"]
    assert held.deadline() is None


def test_the_same_again_is_held_once() -> None:
    held = HeldInput()
    assert held.hold(KEY, 1, b"one", 0.0)
    assert held.hold(KEY, 1, b"one", 0.0)
    held.close_batch(0.0)
    assert held.hold(KEY, 1, b"one", 0.0)
    assert held.close_batch(0.0) is None
    assert held.replicated(1, 0.0) == [b"one"]


def test_what_was_let_go_once_is_not_held_again() -> None:
    held = HeldInput()
    held.hold(KEY, 1, b"one", 0.0)
    held.close_batch(0.0)
    held.replicated(1, 0.0)
    assert not held.hold(KEY, 1, b"one", 0.0)
    assert held.hold(OTHER, 1, b"one", 0.0), "another connection's"


def test_harm_is_seen_when_nothing_is_ever_answered() -> None:
    held = HeldInput()
    for number in range(UNDELIVERED_REPEATS):
        held.hold(KEY, number, b"x", 0.0)
    held.close_batch(0.0)
    held.replicated(1, 0.0)
    for number in range(UNDELIVERED_REPEATS - 1):
        held.hold(KEY, number, b"x", 1.0)
        assert not held.undelivered(9.0)
    held.delivered()
    held.hold(KEY, 1, b"x", 10.0)
    assert not held.undelivered(19.0), "somebody was answered meanwhile"
    for number in range(UNDELIVERED_REPEATS):
        held.hold(KEY, number, b"x", 20.0)
    assert not held.undelivered(10.0 + UNDELIVERED_S - 0.1), "it may be out of breath"
    assert held.undelivered(10.0 + UNDELIVERED_S)


def test_an_address_that_leaves_takes_its_words_along() -> None:
    held = HeldInput()
    held.hold(KEY, 1, b"one", 0.0)
    held.hold(OTHER, 1, b"other", 0.0)
    held.close_batch(0.0)
    held.hold(KEY, 2, b"two", 0.0)
    held.forget_address(KEY.server)
    assert held.close_batch(0.0) is None
    assert held.replicated(1, 0.0) == [b"other"]
    assert len(held) == 0


def test_a_packet_whose_record_was_not_sent_is_in_no_batch_yet() -> None:
    held, untold = HeldInput(), {KEY}
    held.hold(KEY, 1, b"untold", 0.0)
    held.hold(OTHER, 2, b"told", 0.0)
    assert held.close_batch(0.0, untold.__contains__) == 1
    assert held.replicated(1, 0.0) == [b"told"]
    assert held.close_batch(0.1, untold.__contains__) is None
    assert held.deadline() == CROWD_LIMIT_S
    held.hold(KEY, 3, b"more", 0.5)
    untold.clear()
    assert held.close_batch(0.6, untold.__contains__) == 2
    assert held.deadline() == pytest.approx(0.6 + HOLD_LIMIT_S)
    assert held.replicated(2, 0.0) == [b"untold", b"more"]


def test_nor_does_it_wait_for_ever() -> None:
    held = HeldInput()
    held.hold(KEY, 1, b"one", 0.0)
    held.hold(KEY, 2, b"two", 0.5)
    assert held.close_batch(0.5, lambda _key: True) is None
    assert held.release_overdue(CROWD_LIMIT_S - 0.1) == []
    assert held.release_overdue(CROWD_LIMIT_S) == [b"one"]
    assert held.overdue_packets == 1
    assert held.deadline() == CROWD_LIMIT_S + 0.5


def test_more_than_fits_is_not_held() -> None:
    held = HeldInput()
    assert all(held.hold(KEY, number, b"", 0.0) for number in range(MAX_HELD_PACKETS))
    assert not held.hold(KEY, MAX_HELD_PACKETS, b"", 0.0)
    held.close_batch(0.0)
    assert len(held.replicated(1, 0.0)) == MAX_HELD_PACKETS
    assert held.hold(KEY, MAX_HELD_PACKETS, b"", 0.0)


def test_peers_that_are_busy_and_not_gone_get_time() -> None:
    """Batch after batch is acknowledged, each later than one alone may wait."""
    held = HeldInput()
    for number in range(4):
        held.hold(KEY, number, bytes((number,)), 0.0)
        held.close_batch(0.0)
    step_s = HOLD_LIMIT_S * 0.75
    for number in range(1, 4):
        assert held.release_overdue(number * step_s) == []
        assert held.replicated(number, number * step_s) == [bytes((number - 1,))]
    assert held.deadline() == pytest.approx(3 * step_s + HOLD_LIMIT_S)
    assert held.release_overdue(3 * step_s + HOLD_LIMIT_S) == [b"\3"], "now they say nothing more"


def test_but_no_more_than_a_crowd_may_have() -> None:
    held = HeldInput()
    for number in range(2):
        held.hold(KEY, number, b"", 0.0)
        held.close_batch(0.0)
    held.replicated(1, CROWD_LIMIT_S - 0.1)
    assert held.deadline() == CROWD_LIMIT_S
