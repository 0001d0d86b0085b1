"""The tracker: fed with whole conversations, it says what a peer must know."""

from __future__ import annotations

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st
from segments import Conversation
from trackedconnections import FACTS, GET, OK, http, key, login, record, say, tracker
from twinboot.takeover.logic.file_facts import FileFacts
from twinboot.takeover.logic.record import ConnectionKind
from twinboot.takeover.logic.tcp import seq


@given(st.lists(st.integers(1, 40), max_size=5).map(tuple))
def test_a_file_by_http(cuts: tuple[int, ...]) -> None:
    one = tracker()
    talk = http(one, cuts)
    found = record(one, talk)
    assert (found.kind, found.understood, found.server_closed) == (ConnectionKind.HTTP, True, False)
    assert (found.client_start, found.server_start) == (1001, seq.add(0xFFFFFF00, 1))
    assert found.client_next == talk.client_seq
    assert found.client_syn_options == found.server_syn_options
    assert (found.client_syn_options.mss, found.client_syn_options.window_scale) == (1460, 7)
    assert (found.client_syn_options.sack, found.client_syn_options.timestamps) == (True, True)
    assert found.responses[0].target == b"/trees/rh9/big.bin"
    assert found.unanswered == b""


def test_a_request_that_waits_is_told_word_for_word() -> None:
    one = tracker()
    talk = http(one)
    for segment in talk.ask(GET + b"GET /half"):
        one.segment(segment)
    assert record(one, talk).unanswered == GET + b"GET /half"


def test_connections_that_are_none_of_ours_are_left_alone() -> None:
    one = tracker()
    for talk in (Conversation(40000, 22), Conversation(40000, 30001)):
        for segment in talk.handshake():
            one.segment(segment)
    one.addresses = {IPv4Address("192.168.0.254")}
    for segment in Conversation(40000, 80).handshake():
        one.segment(segment)
    assert len(one) == 0


def test_changes_are_told_once_and_ends_as_well() -> None:
    one = tracker()
    talk = http(one)
    assert [name for name, _record in one.changes()] == [key(talk)]
    assert one.changes() == []
    one.segment(talk.client_resets())
    assert one.changes() == [(key(talk), None)]


def test_what_a_request_asks_for_is_noted_as_it_is_then() -> None:
    one, talk = tracker(), Conversation(40000, 80)
    for segment in (*talk.handshake(), *talk.ask(GET + GET.replace(b"big", b"none"))):
        one.segment(segment)
    assert record(one, talk).requested_files == (FACTS[b"/trees/rh9/big.bin"], FileFacts(-1, -1))
    for segment in talk.answer(OK):
        one.segment(segment)
    assert record(one, talk).requested_files == (FileFacts(-1, -1),)
    again = tracker()
    again.seed(record(one, talk))
    assert record(again, talk).requested_files == (FileFacts(-1, -1),)


def test_a_session_in_other_words_than_a_takers_is_not_understood() -> None:
    """Another FTP server, or another release of it: what comes next is not guessed."""
    one, talk = tracker(), Conversation(40001, 21)
    login(one, talk)
    assert record(one, talk).understood
    say(one, talk, b"150 Opening data connection now.")
    assert not record(one, talk).understood
    say(one, talk, b"226 Transfer complete.")
    assert not record(one, talk).understood, "it does not come back"
