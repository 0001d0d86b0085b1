"""Which connections may come here with an address: what is over, and what was told before, does not."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from twinboot.takeover.host.claim.known_records import KnownRecords
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions
from twinboot.takeover.logic.record_codec import encode

ADDRESS = IPv4Address("192.168.0.253")
KEY = ConnectionKey(IPv4Address("192.168.0.128"), 40000, ADDRESS, 80)
RECORD = ConnectionRecord(KEY, ConnectionKind.HTTP, 0xFFFFFFF0, 1, 0xFFFFFFFA, SynOptions(), SynOptions())
BEGUN_HERE = replace(RECORD, key=replace(KEY, client_port=40001))
FURTHER = replace(RECORD, client_next=5)


@pytest.fixture
def handed_over() -> KnownRecords:
    """Of a server that has just handed its address over, with one connection."""
    found = KnownRecords()
    found.release(ADDRESS, {KEY: RECORD})
    return found


@pytest.fixture
def taken_over() -> KnownRecords:
    """Of a server that has the address from server1, which is dead, and has told of its connection since."""
    found = KnownRecords()
    found.put("server1", KEY, encode(RECORD))
    assert found.of(ADDRESS, "server1") == {KEY: RECORD}
    found.told_here(KEY)
    return found


# Another server had it last ---------------------------------------------------------------------


@pytest.mark.parametrize("holder", ["server2", ""])
def test_a_connection_that_has_ended_at_its_next_server_does_not_come_back(
    handed_over: KnownRecords, holder: str
) -> None:
    handed_over.put("server2", KEY, encode(RECORD))
    assert handed_over.of(ADDRESS, holder) == {KEY: RECORD}
    handed_over.put("server2", KEY, None)
    assert handed_over.of(ADDRESS, holder) == {}


@pytest.mark.parametrize("holder", ["server2", "server3", ""])
def test_a_connection_comes_back_whose_next_server_has_told_nothing_of_it(
    handed_over: KnownRecords, holder: str
) -> None:
    handed_over.put("server2", KEY, None)  # of an earlier time that it had the address
    assert handed_over.of(ADDRESS, holder) == {KEY: RECORD}


def test_what_another_server_told_says_nothing_of_the_last_holder(handed_over: KnownRecords) -> None:
    handed_over.hear_of("server3")
    handed_over.put("server2", KEY, encode(RECORD))
    handed_over.put("server2", KEY, None)
    assert handed_over.of(ADDRESS, "server3") == {KEY: RECORD}
    assert handed_over.of(ADDRESS, "server2") == {}


def test_what_was_told_of_another_address_says_nothing(handed_over: KnownRecords) -> None:
    other = replace(RECORD, key=replace(KEY, server=IPv4Address("192.168.0.254")))
    handed_over.put("server2", other.key, encode(other))
    handed_over.put("server2", other.key, None)
    assert handed_over.of(ADDRESS, "server2") == {KEY: RECORD}


def test_each_time_the_address_leaves_counts_anew(handed_over: KnownRecords) -> None:
    handed_over.put("server2", KEY, encode(RECORD))
    handed_over.put("server2", KEY, None)
    handed_over.release(ADDRESS, {KEY: FURTHER})
    assert handed_over.of(ADDRESS, "server2") == {KEY: FURTHER}
    assert handed_over.of(ADDRESS, "server2") == {}, "it is here"


@pytest.mark.parametrize(("holder", "counts"), [("server2", False), ("", True)])
def test_what_left_here_long_ago_counts_when_nobody_is_known_to_have_had_it(
    holder: str, counts: bool
) -> None:
    known, left = KnownRecords(), {KEY: RECORD}
    known.release(ADDRESS, left)
    known.end_hand_over(left)
    assert known.of(ADDRESS, holder) == (left if counts else {})
    known.release(ADDRESS, left)
    known.forget_released(left)
    assert known.of(ADDRESS, holder) == {}


def test_the_last_holder_s_word_counts_though_it_was_here_before(taken_over: KnownRecords) -> None:
    taken_over.release(ADDRESS, {KEY: RECORD})
    assert taken_over.of(ADDRESS, "server1") == {KEY: RECORD}


# This server had it last itself -----------------------------------------------------------------


def test_what_a_dead_server_told_of_what_was_here_since_is_past(taken_over: KnownRecords) -> None:
    """For instance when the address vanished and was put back: the connections are still here."""
    assert taken_over.of_ours(ADDRESS) == {}


def test_what_left_here_comes_back_whole_and_as_it_was_here(taken_over: KnownRecords) -> None:
    left = {KEY: FURTHER, BEGUN_HERE.key: BEGUN_HERE}
    taken_over.release(ADDRESS, left)
    taken_over.end_hand_over(left)
    assert taken_over.of_ours(ADDRESS) == left


def test_of_what_left_here_comes_back_what_was_not_told_here_since(taken_over: KnownRecords) -> None:
    """For instance when the address vanishes again before the claim has decided of all."""
    taken_over.release(ADDRESS, {KEY: FURTHER, BEGUN_HERE.key: BEGUN_HERE})
    taken_over.told_here(KEY)
    assert taken_over.of_ours(ADDRESS) == {BEGUN_HERE.key: BEGUN_HERE}
    taken_over.told_here(BEGUN_HERE.key)
    assert taken_over.of_ours(ADDRESS) == {}


def test_what_the_claim_had_not_decided_is_asked_again(taken_over: KnownRecords) -> None:
    taken_over.put("server1", BEGUN_HERE.key, encode(BEGUN_HERE))
    assert taken_over.of_ours(ADDRESS) == {BEGUN_HERE.key: BEGUN_HERE}


def test_what_is_past_stays_so_when_a_new_agent_tells_it_again(taken_over: KnownRecords) -> None:
    taken_over.forget_peers()
    taken_over.put("server1", KEY, encode(RECORD))
    assert taken_over.of_ours(ADDRESS) == {}


def test_a_server_that_has_begun_anew_tells_what_counts(taken_over: KnownRecords) -> None:
    taken_over.forget_peer("server1")
    taken_over.put("server1", KEY, encode(RECORD))
    assert taken_over.of_ours(ADDRESS) == {KEY: RECORD}


def test_what_the_last_life_s_process_told_as_ended_is_past() -> None:
    known = KnownRecords()
    known.put("", KEY, None)
    known.put("server1", KEY, encode(RECORD))
    known.put("server1", BEGUN_HERE.key, encode(BEGUN_HERE))
    assert known.of_ours(ADDRESS) == {BEGUN_HERE.key: BEGUN_HERE}
