"""The table of connections is bounded, and nobody's connections drive out the others'."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from segments import VIP, Conversation
from trackedconnections import GET, http, key, record, tracker
from twinboot.takeover.logic.record import ConnectionKey
from twinboot.takeover.logic.tracker import ConnectionTracker
from twinboot.takeover.logic.tracker import tracker as tracker_module


def test_the_table_is_bounded() -> None:
    one = tracker(limit=20)
    for port in range(40000, 40030):
        talk = Conversation(port, 80, client=IPv4Address(port))
        for segment in (*talk.handshake(), *talk.ask(GET)):
            one.segment(segment)
    assert len(one) == 20
    assert one.evicted == 10
    assert one.record(ConnectionKey(IPv4Address(40009), 40009, VIP, 80)) is None
    assert one.record(ConnectionKey(IPv4Address(40010), 40010, VIP, 80)) is not None


def test_many_machines_behind_one_address_are_all_followed() -> None:
    """Until others need the room: then the oldest of the address go that has more than a quarter."""
    one, nat = tracker(limit=20), IPv4Address("192.168.0.77")
    for port in range(40000, 40020):
        talk = Conversation(port, 80, client=nat)
        for segment in (*talk.handshake(), *talk.ask(GET)):
            one.segment(segment)
    assert (len(one), one.evicted) == (20, 0)
    for number in range(1, 16):
        talk = Conversation(40000, 80, client=IPv4Address(number))
        for segment in (*talk.handshake(), *talk.ask(GET)):
            one.segment(segment)
    of_nat = [found.key.client_port for found in one.records() if found.key.client == nat]
    assert sorted(of_nat) == list(range(40015, 40020)), "its quarter stays"
    assert len(one) == 20


def test_neither_a_flood_of_syns_nor_a_greedy_client_drives_out_the_others() -> None:
    one = tracker(limit=20)
    talk = http(one)
    one.changes()
    for port in range(1000, 2000):
        for segment in Conversation(port, 80, client=IPv4Address(port)).handshake():
            one.segment(segment)
    assert record(one, talk).understood
    assert len(one) == 1 + 20
    assert one.urgent == 0, "a flood has to wait"
    for segment in talk.ask(GET):
        one.segment(segment)
    assert [name for name, _record in one.changes(1)] == [key(talk)]
    for port in range(1000, 2000):
        greedy = Conversation(port, 80, client=IPv4Address("192.168.0.66"))
        for segment in (*greedy.handshake(), *greedy.ask(GET)):
            one.segment(segment)
    assert record(one, talk).understood
    assert len(one) <= 20 + 20


def crowd(one: ConnectionTracker, ports: range) -> list[Conversation]:
    """Clients that connect, and have not spoken yet."""
    found = [Conversation(port, 80) for port in ports]
    for talk in found:
        for segment in talk.handshake():
            one.segment(segment)
    return found


def test_a_crowd_that_connects_at_once_is_known_up_to_the_limit() -> None:
    """Before any of it speaks, and when it does."""
    one = tracker(limit=500)
    talks = crowd(one, range(20_000, 20_500))
    one.reconcile({key(talk): 0 for talk in talks})
    assert one.evicted == 0
    assert all(record(one, talk).understood for talk in talks)
    for talk in talks:
        for segment in talk.ask(GET):
            one.segment(segment)
    assert one.evicted == 0
    assert all(record(one, talk).unanswered == GET for talk in talks)


def test_a_flood_of_syns_does_not_drive_out_who_has_connected() -> None:
    """The kernel lists those whose handshake is complete, though they have not spoken."""
    one = tracker(limit=20)
    talks = crowd(one, range(20_000, 20_010))
    one.reconcile({key(talk): 0 for talk in talks})
    crowd(one, range(1000, 2000))
    assert all(record(one, talk).understood for talk in talks)


def test_what_a_client_waits_for_is_told_before_a_flood() -> None:
    one = tracker(limit=20)
    talks = crowd(one, range(20_000, 20_010))
    one.hurry(key(talks[7]))
    assert one.is_waiting(key(talks[7]))
    assert [name for name, _record in one.changes(1)] == [key(talks[7])]
    assert not one.is_waiting(key(talks[7]))


def test_clients_that_ask_ahead_without_end_cost_no_memory_without_end(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker_module, "PENDING_REQUESTS_LIMIT", 5 * len(GET))
    one = tracker()
    talks = [Conversation(40000 + number, 80) for number in range(3)]
    for talk, asked in zip(talks, (1, 4, 2), strict=True):
        for segment in (*talk.handshake(), *talk.ask(GET * asked)):
            one.segment(segment)
    one.reconcile({key(talk): 0 for talk in talks})
    assert [record(one, talk).understood for talk in talks] == [True, False, True]
