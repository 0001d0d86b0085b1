"""A connection that was taken over is followed on from its record."""

from __future__ import annotations

from dataclasses import replace

import pytest
from segments import VIP, Conversation
from trackedconnections import GET, OK, http, key, login, record, say, tracker
from twinboot.takeover.logic.file_facts import FileFacts
from twinboot.takeover.logic.record import SynOptions
from twinboot.takeover.logic.tracker import ConnectionTracker


@pytest.mark.parametrize("waiting", [b"", GET[:20], GET + GET[:5]])
def test_a_connection_taken_over_is_followed_on(waiting: bytes) -> None:
    first = tracker()
    talk = http(first)
    for segment in talk.ask(waiting):
        first.segment(segment)
    second = tracker()
    second.seed(record(first, talk))
    assert record(second, talk) == record(first, talk)
    for segment in (*talk.ask((GET + GET)[len(waiting):]), *talk.answer(OK, unseen=5)):
        first.segment(segment)
        second.segment(segment)
    assert record(second, talk) == record(first, talk)


def test_a_session_taken_over_is_followed_on() -> None:
    first, talk = tracker(), Conversation(40001, 21)
    login(first, talk)
    say(first, talk, b"150 Here comes the directory listing.")
    second = tracker()
    second.seed(record(first, talk))
    for one in (first, second):
        for segment in Conversation(40001, 21, client_isn=1000).handshake():
            one.segment(segment)  # the handshake once more, late: nothing changes
    lines = [*talk.answer(b"226 Transfer complete.\r\n"), *talk.ask(b"CWD trees\r\n"),
             *talk.answer(b"250 Directory successfully changed.\r\n")]
    for segment in lines:
        first.segment(segment)
        second.segment(segment)
    assert record(second, talk) == record(first, talk)
    session = record(second, talk).session
    assert session is not None
    assert session.directory == b"/trees"


@pytest.mark.parametrize("scale", [-1, 0, 14])
def test_options_are_the_same_after_each_move(scale: int) -> None:
    first, second, talk = tracker(), tracker(), http(tracker())
    mine, theirs = SynOptions(600, scale, sack=True), SynOptions(9000, 14, timestamps=True)
    for segment in (*talk.handshake(), *talk.ask(GET)):
        first.segment(segment)
    second.seed(replace(record(first, talk), client_syn_options=mine, server_syn_options=theirs))
    found = record(second, talk)
    assert (found.client_syn_options, found.server_syn_options) == (mine, theirs)


def test_an_answer_that_was_begun_untold_is_known_after_the_first_move() -> None:
    """So the connection can move again."""
    there, talk = tracker(), Conversation(40000, 80)
    for segment in (*talk.handshake(), *talk.ask(GET)):
        there.segment(segment)
    one = tracker()
    one.seed(record(there, talk))
    one.changes()
    one.server_sent(key(talk), talk.server_isn + 1, OK + b"\0" * 100)
    [response] = record(one, talk).responses
    assert (response.target, response.length) == (b"/trees/rh9/big.bin", 62914560)
    assert record(one, talk).unanswered == b""
    assert [told for told, _record in one.changes()] == [key(talk)]
    one.server_sent(key(Conversation(40009, 80)), 1, OK)  # of one that has ended meanwhile


def test_what_a_client_said_before_its_connection_was_taken_over_is_known() -> None:
    """The input hold has it, and delivers it to the kernel when the connection is there."""
    one, talk = tracker(), Conversation(40000, 80)
    for segment in talk.handshake():
        one.segment(segment)
    told, again = record(one, talk), tracker()
    for segment in talk.ask(GET):
        again.segment(segment)
    again.seed(told)
    assert (record(again, talk).unanswered, record(again, talk).client_next) == (GET, talk.client_seq)


@pytest.mark.parametrize(("content", "known"), [(b"c" * 16, b"c" * 16), (b"d" * 16, b""), (b"", b"")])
def test_a_pending_request_is_answered_from_here_and_so_with_the_time_here(
    content: bytes, known: bytes
) -> None:
    """A file of the same content and another time: the next taker can go on with it, too. content: of the
    dead server's file; with another one, or none known, the answer from here is not of the file asked for."""
    first, talk = tracker(), Conversation(40000, 80)
    for segment in (*talk.handshake(), *talk.ask(GET)):
        first.segment(segment)
    [asked] = record(first, talk).requested_files
    theirs = FileFacts(asked.size, asked.modified - 60, content)
    ours = FileFacts(asked.size, asked.modified, b"c" * 16)
    second = ConnectionTracker({b"/trees/rh9/big.bin": ours}.get)
    second.addresses = {VIP}
    second.seed(replace(record(first, talk), requested_files=(theirs,)))
    second.server_sent(key(talk), talk.server_isn + 1, OK)
    [response] = record(second, talk).responses
    assert response.content == known
