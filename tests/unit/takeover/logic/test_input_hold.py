"""What clients say waits for the peers' word, in bounds."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from twinboot.takeover.logic.input_hold import LIMIT_S, MOST, UNHEEDED, UNHEEDED_S, Held
from twinboot.takeover.logic.record import Key

KEY = Key(IPv4Address("192.168.0.128"), 40000, IPv4Address("192.168.0.253"), 80)
OTHER = replace(KEY, client_port=40001, server=IPv4Address("192.168.0.254"))


def test_a_word_goes_when_the_peers_know_of_it_and_not_before() -> None:
    held = Held()
    assert held.take(KEY, 1, b"one", 0.0)
    first = held.seal(0.0)
    assert held.take(KEY, 4, b"two", 0.0)
    assert held.take(OTHER, 9, b"three", 0.0)
    second = held.seal(0.01)
    assert (first, second, held.seal(0.02)) == (1, 2, None)
    assert held.known(1) == [b"one"]
    assert len(held) == 2
    assert held.known(1) == []
    assert held.known(2) == [b"two", b"three"]
    assert len(held) == 0


def test_word_of_a_later_batch_is_word_of_those_before() -> None:
    held = Held()
    for number in range(3):
        held.take(KEY, number, bytes((number,)), 0.0)
        held.seal(0.0)
    assert held.known(3) == [b"\0", b"\1", b"\2"]


def test_nobody_waits_for_ever() -> None:
    held = Held()
    held.take(KEY, 1, b"one", 0.0)
    held.seal(1.0)
    held.take(KEY, 2, b"two", 0.0)
    held.seal(1.05)
    assert held.deadline() == pytest.approx(1.0 + LIMIT_S)
    assert held.late(1.0 + LIMIT_S / 2) == []
    assert held.late(1.0 + LIMIT_S) == [b"one"]
    assert held.overdue == 1
    assert held.deadline() == pytest.approx(1.05 + LIMIT_S)
    assert held.known(2) == [b"two"]
    assert held.deadline() is None


def test_the_same_again_is_held_once() -> None:
    held = Held()
    assert held.take(KEY, 1, b"one", 0.0)
    assert held.take(KEY, 1, b"one", 0.0)
    held.seal(0.0)
    assert held.take(KEY, 1, b"one", 0.0)
    assert held.seal(0.0) is None
    assert held.known(1) == [b"one"]


def test_what_was_let_go_once_is_not_held_again() -> None:
    held = Held()
    held.take(KEY, 1, b"one", 0.0)
    held.seal(0.0)
    held.known(1)
    assert not held.take(KEY, 1, b"one", 0.0)
    assert held.take(OTHER, 1, b"one", 0.0), "another connection's"


def test_harm_is_seen_when_nothing_is_ever_answered() -> None:
    held = Held()
    for number in range(UNHEEDED):
        held.take(KEY, number, b"x", 0.0)
    held.seal(0.0)
    held.known(1)
    for number in range(UNHEEDED - 1):
        held.take(KEY, number, b"x", 1.0)
        assert not held.unheeded(9.0)
    held.heeded()
    held.take(KEY, 1, b"x", 10.0)
    assert not held.unheeded(19.0), "somebody was answered meanwhile"
    for number in range(UNHEEDED):
        held.take(KEY, number, b"x", 20.0)
    assert not held.unheeded(10.0 + UNHEEDED_S - 0.1), "it may be out of breath"
    assert held.unheeded(10.0 + UNHEEDED_S)


def test_an_address_that_leaves_takes_its_words_along() -> None:
    held = Held()
    held.take(KEY, 1, b"one", 0.0)
    held.take(OTHER, 1, b"other", 0.0)
    held.seal(0.0)
    held.take(KEY, 2, b"two", 0.0)
    held.forget(KEY.server)
    assert held.seal(0.0) is None
    assert held.known(1) == [b"other"]
    assert len(held) == 0


def test_more_than_fits_is_not_held() -> None:
    held = Held()
    assert all(held.take(KEY, number, b"", 0.0) for number in range(MOST))
    assert not held.take(KEY, MOST, b"", 0.0)
    held.seal(0.0)
    assert len(held.known(1)) == MOST
    assert held.take(KEY, MOST, b"", 0.0)
