"""What the taker says next on an FTP control connection."""

from __future__ import annotations

from dataclasses import replace

import pytest
from takeoverrecords import ASKED, BEGUN, DATA, FTP, OPENING, SESSION, SIZE, START, TREE, at, rebuilt, reset
from twinboot.takeover.logic.pieces import FilePart
from twinboot.takeover.logic.plan import Rebuild, plan_takeover, speaks_here, with_server_start
from twinboot.takeover.logic.protocols.ftp import REPLY_TAIL_BYTES, Channel, Session
from twinboot.takeover.logic.protocols.vsftpd_replies import (
    GREETING,
    TRANSFER_COMPLETE,
    extended_passive_reply,
    reply_to,
)
from twinboot.takeover.logic.protocols.vsftpd_texts import DIALECT
from twinboot.takeover.logic.record_codec import decode, encode
from twinboot.takeover.logic.tcp import seq


def test_a_transfer_that_was_begun_untold() -> None:
    found = rebuilt(plan_takeover(BEGUN, at(500 + len(OPENING)), TREE))
    assert found.pieces == ()
    assert found.session is not None
    assert found.session.transfer is not None
    assert found.session.transfer.started
    begun = rebuilt(plan_takeover(DATA, at(50, up=1000), TREE, ASKED))
    assert begun.pieces == (FilePart(b"/trees/big.bin", 50, SIZE - 50),)


def test_a_session_that_was_closed_untold_is_closed_once_more() -> None:
    end = 500 + len(OPENING) + len(TRANSFER_COMPLETE)
    found = rebuilt(plan_takeover(BEGUN, at(end + 1, up=1501), TREE))
    assert (found.pieces, found.close_after, found.send_next) == ((), True, seq.at(START, end))
    assert not rebuilt(plan_takeover(BEGUN, at(end, up=1501), TREE)).close_after, "that one waits for our end"


@pytest.mark.parametrize("inside", [1, 20, len(OPENING) - 1, len(OPENING) + 1])
def test_a_reply_is_not_gone_on_with_in_its_middle_unseen(inside: int) -> None:
    """vsftpd says a line at once: what its client has a part of is not what is expected."""
    assert "other replies" in reset(plan_takeover(BEGUN, at(500 + inside), TREE))


@pytest.mark.parametrize("told", [True, False])
def test_a_transfer_that_ended_untold(told: bool) -> None:
    """Of a small file both replies may be in the last moments."""
    session = replace(ASKED, pending=(*ASKED.pending, b"EPSV"))
    if told:
        assert session.transfer is not None
        session = replace(session, transfer=replace(session.transfer, started=True))
    before = 0 if told else len(OPENING)
    heard = before + len(TRANSFER_COMPLETE)
    found = rebuilt(plan_takeover(replace(BEGUN, session=session), at(500 + heard), TREE))
    assert found.pieces == ()
    assert found.session is not None
    assert found.session.pending == (b"EPSV",)
    assert not found.session.transferring
    assert found.session.data_port == 0


def test_a_session_goes_on_with_what_the_client_has_not_heard() -> None:
    assert rebuilt(plan_takeover(FTP, at(500), TREE)).pieces == ()
    assert rebuilt(plan_takeover(FTP, at(496), TREE)).pieces == (b"ok\r\n",)
    assert rebuilt(plan_takeover(FTP, at(492), TREE)).pieces == (b"150 ok\r\n",)


@pytest.mark.parametrize(("spoken", "unsaid"), [(0, GREETING), (8, b"")])
def test_an_ftp_client_is_greeted_once(spoken: int, unsaid: bytes) -> None:
    unseen = replace(
        FTP,
        server_start=0,
        server_start_known=False,
        session=None,
        reply_tail=b"",
        reply_tail_end=0,
        client_next=1000,
    )
    answer = replace(at(20), seq=1000 + spoken)
    found = rebuilt(plan_takeover(with_server_start(unseen, answer), answer, TREE))
    assert b"".join(one for one in found.pieces if isinstance(one, bytes)) == unsaid
    assert found.session == Session()


def test_replies_that_follow_from_what_was_asked() -> None:
    """The server died before it could tell of its reply; its client has heard it, and waits for nothing."""
    session = replace(SESSION, transfer=None, pending=(b"EPSV",))
    count = len(extended_passive_reply(30000))
    found = rebuilt(plan_takeover(replace(FTP, session=session), at(500 + count), TREE))
    assert found.pieces == ()
    assert found.session is not None
    assert found.record is not None
    assert (found.session.channel, found.session.data_port, found.session.pending) == (
        Channel.PASSIVE, 0, ())
    assert (found.record.session, found.record.reply_tail_end) == (found.session, seq.at(START, 500 + count))


def test_a_reply_of_several_lines_is_said_to_its_end() -> None:
    features = reply_to(SESSION, b"FEAT", TREE)
    assert features is not None
    session = replace(SESSION, transfer=None, pending=(b"FEAT",))
    told = features[:20]
    record = replace(FTP, session=session, reply_tail=b"230 in\r\n" + told)
    for heard in (0, 15, 20, 22, 29):
        found = rebuilt(plan_takeover(record, at(500 - 20 + heard), TREE))
        assert b"".join(one for one in found.pieces if isinstance(one, bytes)) == features[heard:]
        assert found.session is not None
        assert found.session.pending == ()


def test_a_session_that_the_server_has_ended() -> None:
    """Its last reply and its end may not have reached the client."""
    ended = replace(FTP, server_closed=True, reply_tail=b"221 Goodbye.\r\n", session=Session(logged_in=True))
    heard = rebuilt(plan_takeover(ended, at(501), TREE))
    assert (heard.pieces, heard.close_after, heard.send_next) == ((), True, seq.at(START, 500)), "FIN again"
    found = rebuilt(plan_takeover(ended, at(500), TREE))
    assert (found.pieces, found.close_after) == ((), True)
    assert rebuilt(plan_takeover(ended, at(486), TREE)).pieces == (b"221 Goodbye.\r\n",)


def test_a_session_whose_server_has_not_said_a_word_is_greeted() -> None:
    silent = replace(FTP, session=Session(), reply_tail=b"", reply_tail_end=START, client_next=1000)
    found = rebuilt(plan_takeover(silent, at(0, up=1000), TREE))
    assert found.pieces == (GREETING,)
    assert found.record is None or found.record.reply_tail_end == seq.at(START, len(GREETING))
    later = replace(silent, reply_tail_end=seq.at(START, 20), reply_tail=b"220 Twinboot rack1\r\n")
    assert rebuilt(plan_takeover(later, at(20, up=1000), TREE)).pieces == ()


def test_a_session_that_moves_twice_is_not_greeted_anew() -> None:
    """Its client had heard more than was told, and lacked nothing: then no reply is kept."""
    heard = at(500 + len(OPENING))
    first = rebuilt(plan_takeover(BEGUN, heard, TREE))
    assert first.record is not None
    assert first.record.reply_tail == b""
    again = rebuilt(plan_takeover(first.record, heard, TREE))
    assert (again.send_next, again.pieces, again.session) == (heard.ack, (), first.session)


@pytest.mark.parametrize(("dialect", "tail", "fine"), [
    (DIALECT, b"226 odd words\r\n", True), ("pyftpdlib-2", b"226 Transfer complete.\r\n", False),
    ("", b"226 Transfer complete.\r\n", False), (None, b"ete.\r\n226 Transfer complete.\r\n", True),
    (None, b"200 Type set to: Binary.\r\n", False), (None, b"226 Transfer complete.\r\n", True),
])
def test_a_session_goes_on_only_in_the_words_it_began_in(
    dialect: str | None, tail: bytes, fine: bool
) -> None:
    """None: an older release, which did not tell; then its last replies show it."""
    record = replace(FTP, dialect=dialect, reply_tail=tail, session=Session(logged_in=True))
    found = plan_takeover(record, at(500), TREE)
    assert isinstance(found, Rebuild) is fine
    assert speaks_here(record) is fine
    assert decode(encode(record)).dialect == dialect
    if not fine:
        assert "the FTP server spoke" in reset(found)


def test_the_rest_of_a_cut_line_is_no_foreign_reply() -> None:
    """A record of an older release does not name the dialect, and its replies are cut at their beginning."""
    tail = (b"150 Opening BINARY mode data connection for big.bin (150000 bytes).\r\n"
            + b"226 Transfer complete.\r\n" * 30)
    cut = b"000 bytes).\r\n" + tail[-(REPLY_TAIL_BYTES - 13):]
    assert speaks_here(replace(FTP, dialect=None, reply_tail=cut))
    assert not speaks_here(replace(FTP, dialect=None, reply_tail=cut + b"226 Done and dusted.\r\n"))


def test_a_greeting_that_was_not_told_is_known() -> None:
    greeted = len(b"220 Twinboot\r\n")
    record = replace(FTP, session=Session(), client_next=1000, reply_tail=b"", reply_tail_end=START)
    for heard in (0, 3, greeted):
        found = rebuilt(plan_takeover(record, at(heard, up=1016), TREE))
        assert b"".join(one for one in found.pieces if isinstance(one, bytes)) == b"220 Twinboot\r\n"[heard:]


@pytest.mark.parametrize("heard", [500, 507, 514])
def test_a_session_that_has_said_goodbye_is_closed(heard: int) -> None:
    goodbye = b"221 Goodbye.\r\n"
    told = replace(FTP, session=replace(SESSION, pending=(), transfer=None), reply_tail=goodbye,
                   reply_tail_end=seq.at(START, 514))
    untold = replace(FTP, session=replace(SESSION, pending=(b"QUIT",), transfer=None))
    for record in (told, untold) if heard == 514 else (told,):
        found = rebuilt(plan_takeover(record, at(heard), TREE))
        assert found.close_after
        assert b"".join(one for one in found.pieces if isinstance(one, bytes)) == goodbye[heard - 500:]
