"""Compared with the kernel's list: what is gone, what was never seen to begin, how far each client is."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from segments import CLIENT, VIP, Conversation
from trackedconnections import GET, OK, http, key, record, tracker
from twinboot.takeover.logic.record import ConnectionKey
from twinboot.takeover.logic.tcp.segment import ACK, FIN
from twinboot.takeover.logic.tracker import PROGRESS_STEP, PROGRESS_TOLD_AT_ONCE


def test_the_kernel_counts_from_the_handshake_or_from_where_a_connection_was_rebuilt() -> None:
    one, talk = tracker(), Conversation(40000, 80)
    assert one.sequence_origin(key(talk)) is None
    for segment in (*talk.handshake(), *talk.ask(GET), *talk.answer(OK)):
        one.segment(segment)
    told = record(one, talk)
    assert one.sequence_origin(key(talk)) == (told.client_start, told.server_start)
    again = tracker()
    again.seed(told, (told.client_next, told.server_start + 1000))
    assert again.sequence_origin(key(talk)) == (told.client_next, told.server_start + 1000)


def test_progress_is_told_exactly_before_an_orderly_move() -> None:
    one, talk = tracker(), Conversation(40000, 80)
    for segment in (*talk.handshake(), *talk.ask(GET), *talk.answer(OK)):
        one.segment(segment)
    one.changes()
    one.reconcile({key(talk): PROGRESS_STEP - 1})
    assert one.changes() == [], "too little to tell of"
    one.note_progress({key(talk): PROGRESS_STEP - 1})
    assert [told.acked_bytes for _key, told in one.changes() if told] == [PROGRESS_STEP - 1]
    one.note_progress({key(talk): -1})
    assert one.changes() == []


def test_progress_is_counted_from_where_a_connection_was_rebuilt_and_without_a_syn() -> None:
    one, talk = tracker(), Conversation(40000, 80)
    for segment in (*talk.handshake(), *talk.ask(GET), *talk.answer(OK)):
        one.segment(segment)
    far = replace(record(one, talk), acked_bytes=(5 << 30) - 10)
    again = tracker()
    again.seed(far, (far.client_next, (far.server_start + (5 << 30)) % 2**32))
    assert record(again, talk).acked_bytes == 5 << 30
    again.note_progress({key(talk): 3 << 30})
    assert record(again, talk).acked_bytes == 8 << 30
    active = tracker()
    active.seed(replace(far, acked_bytes=0, opened_by_server=True))
    active.note_progress({key(talk): 101})
    assert record(active, talk).acked_bytes == 100
    assert active.sequence_origin(key(talk)) == (far.client_start, far.server_start - 1)


def test_progress_of_many_is_told_of_a_few_at_once() -> None:
    one = tracker(1000)
    talks = [Conversation(40000 + number, 80) for number in range(PROGRESS_TOLD_AT_ONCE + 5)]
    for talk in talks:
        for segment in (*talk.handshake(), *talk.ask(GET)):
            one.segment(segment)
    one.changes()
    progress = {key(talk): PROGRESS_STEP + number for number, talk in enumerate(talks)}
    one.reconcile(progress)
    assert [name for name, _record in one.changes()] == [key(talk) for talk in reversed(talks[5:])]
    one.reconcile(progress)
    assert {name for name, _record in one.changes()} == {key(talk) for talk in talks[:5]}


def test_compared_with_the_kernels_list() -> None:
    one = tracker()
    talk, foreign = http(one), ConnectionKey(CLIENT, 45000, VIP, 80)
    one.changes()
    one.reconcile({key(talk): 5 << 30, foreign: 0})
    assert record(one, talk).acked_bytes == 5 << 30
    assert not record(one, Conversation(45000, 80)).understood
    assert {name for name, _record in one.changes()} == {key(talk), foreign}
    one.reconcile({key(talk): (5 << 30) + PROGRESS_STEP - 1, foreign: 0})
    assert one.changes() == []
    one.reconcile({})
    assert len(one) == 2, "missing once is not yet gone"
    one.reconcile({key(talk): 5 << 30})
    assert len(one) == 1
    one.reconcile({})
    one.reconcile({})
    assert len(one) == 0


def test_what_exceeds_the_limit_drives_out_nobody_again_and_again() -> None:
    """The kernel lists those that were left out, too: none of them takes the place of one that is known."""
    one = tracker(limit=20)
    talks = [Conversation(port, 80, client=IPv4Address(port)) for port in range(40000, 40030)]
    for talk in talks:
        for segment in (*talk.handshake(), *talk.ask(GET)):
            one.segment(segment)
    for _ in range(3):
        one.reconcile({key(talk): 0 for talk in talks})
    assert one.evicted == 10, "each was left out once"
    assert sum(found.understood for found in one.records()) == 20


def test_what_the_server_says_to_itself_is_nobody_s_connection() -> None:
    """The takeover process asks the HTTP service on the same address; the kernel lists both ends."""
    one = tracker()
    one.reconcile({ConnectionKey(VIP, 45000, VIP, 80): 0, ConnectionKey(VIP, 80, VIP, 45000): 0})
    assert len(one) == 0
    assert one.changes() == []


def test_one_that_the_client_has_closed_is_not_taken_for_one_never_seen() -> None:
    """The kernel still lists it for a moment, as it is closing."""
    one = tracker()
    talk = http(one)
    one.changes()
    one.segment(talk.up(ACK | FIN))
    assert one.changes() == [(key(talk), None)]
    one.reconcile({key(talk): 100})
    assert one.record(key(talk)) is None
    assert key(talk) in one
    assert one.changes() == []
    one.reconcile({})
    one.reconcile({})
    assert key(talk) not in one
    again = Conversation(40000, 80, client_isn=77777)
    one.segment(talk.up(ACK | FIN))
    for segment in again.handshake():
        one.segment(segment)
    assert record(one, again).client_start == 77778, "the same ports, a new connection"
