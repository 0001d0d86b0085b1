"""What the taker does with a connection, from its record and the client's answer."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segments import Conversation, PublishedTree
from twinboot.takeover.logic.pieces import FilePart, Piece
from twinboot.takeover.logic.plan import (
    ClientPosition,
    Forget,
    Rebuild,
    Reset,
    TakeoverPlan,
    plan_takeover,
    speaks_here,
    with_server_start,
)
from twinboot.takeover.logic.protocols.ftp import (
    REPLY_TAIL_BYTES,
    Channel,
    ListingFormat,
    Session,
    Transfer,
)
from twinboot.takeover.logic.protocols.http_heads import Response, target_path
from twinboot.takeover.logic.protocols.vsftpd_replies import (
    GREETING,
    TRANSFER_COMPLETE,
    extended_passive_reply,
    reply_to,
)
from twinboot.takeover.logic.protocols.vsftpd_texts import DIALECT
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions
from twinboot.takeover.logic.record_codec import decode, encode
from twinboot.takeover.logic.tcp import seq

SIZE, TIME = 6 << 30, 1795377600
TREE = PublishedTree({b"/trees/big.bin": (SIZE, TIME), b"/trees/a b": (10, TIME)}, {b"/trees"})
HEAD = b"HTTP/1.1 200 OK\r\nLast-Modified: Sun, 22 Nov 2026 20:00:00 GMT\r\n\r\n"
START = 0xFFFFF000
KEY = ConnectionKey(IPv4Address("192.168.0.128"), 40000, IPv4Address("192.168.0.253"), 80)
CONTROL = replace(KEY, server_port=21)
RESPONSE = Response(start=0, head=HEAD, target=b"/trees/big.bin", offset=0, length=SIZE, size=SIZE,
                    status=200, is_file_range=True)
OFFER = SynOptions(1460, 7, sack=True, timestamps=True)
HTTP = ConnectionRecord(
    KEY, ConnectionKind.HTTP, 1000, START, 1500, OFFER, OFFER, responses=(RESPONSE,)
)
DATA = ConnectionRecord(
    replace(KEY, server_port=30001),
    ConnectionKind.FTP_DATA,
    1000,
    START,
    1000,
    OFFER,
    OFFER,
    control_key=CONTROL,
)
SESSION = Session(logged_in=True, binary=True, transfer=Transfer(b"/trees/big.bin", 100, True, SIZE, TIME),
                  pending=(b"RETR big.bin",))
FTP = ConnectionRecord(
    CONTROL,
    ConnectionKind.FTP_CONTROL,
    1000,
    START,
    1500,
    OFFER,
    OFFER,
    dialect=DIALECT,
    session=SESSION,
    reply_tail=b"150 ok\r\n",
    reply_tail_end=seq.at(START, 500),
)
GET = b"GET /trees/big.bin HTTP/1.1\r\n\r\n"
UNTOLD = replace(HTTP, responses=(), unanswered=GET, requested_files=((SIZE, TIME),))
"""The server died before it could tell that it had begun to answer."""
ASKED = replace(SESSION, transfer=Transfer(b"/trees/big.bin", 0, False, SIZE, TIME))
BEGUN = replace(FTP, session=ASKED, reply_tail=b"227 ok\r\n")
OPENING = b"150 Opening BINARY mode data connection for big.bin (%d bytes).\r\n" % SIZE


def at(position: int, up: int = 1500, **more: object) -> ClientPosition:
    """A client that has so many bytes."""
    return replace(ClientPosition(up, seq.at(START, position), 1000), **more)  # type: ignore[arg-type]


def rebuilt(found: TakeoverPlan) -> Rebuild:
    assert isinstance(found, Rebuild), found
    return found


def reset(found: TakeoverPlan) -> str:
    assert isinstance(found, Reset), found
    return found.reason


@given(st.integers(0, SIZE), st.integers(0, (1 << 31) - 1))
def test_the_rest_of_a_file_of_more_than_4_gib(done: int, behind: int) -> None:
    position = len(HEAD) + done
    record = replace(HTTP, acked_bytes=max(0, position - behind))
    found = rebuilt(plan_takeover(record, at(position), TREE))
    left = (FilePart(b"/trees/big.bin", done, SIZE - done),) if done < SIZE else ()
    assert found.pieces == left
    assert (found.send_next, found.receive_next, found.already_sent) == (seq.at(START, position), 1500, 0)
    assert not found.close_after


def test_a_client_that_has_half_of_the_head() -> None:
    found = rebuilt(plan_takeover(HTTP, at(5), TREE))
    assert found.pieces == (HEAD[5:], FilePart(b"/trees/big.bin", 0, SIZE))


def test_a_part_begins_where_the_head_says() -> None:
    part = replace(RESPONSE, status=206, offset=1000, length=500)
    found = rebuilt(plan_takeover(replace(HTTP, responses=(part,)), at(len(HEAD) + 20), TREE))
    assert found.pieces == (FilePart(b"/trees/big.bin", 1020, 480),)


def test_two_answers_on_their_way() -> None:
    short = replace(RESPONSE, target=b"/trees/a%20b", length=10, size=10)
    page = replace(RESPONSE, start=short.end, status=404, is_file_range=False, length=3, inline=b"404")
    found = rebuilt(plan_takeover(replace(HTTP, responses=(short, page)), at(len(HEAD) + 4), TREE))
    assert found.pieces == (FilePart(b"/trees/a b", 4, 6), HEAD + b"404")


def test_requests_without_answer_go_to_the_taker() -> None:
    found = rebuilt(plan_takeover(replace(HTTP, responses=(), unanswered=b"GET"), at(0), TREE))
    assert (found.pieces, found.unanswered) == ((), b"GET")


def test_what_the_client_sent_last_comes_again() -> None:
    found = rebuilt(plan_takeover(HTTP, at(len(HEAD), up=1600), TREE))
    assert (found.receive_next, found.input_may_be_lost) == (1500, True)
    assert not rebuilt(plan_takeover(HTTP, at(len(HEAD)), TREE)).input_may_be_lost


@pytest.mark.parametrize("before", [(), (replace(RESPONSE, length=90, size=90),)])
def test_an_answer_that_was_begun_untold_is_given_again_from_where_the_client_is(
        before: tuple[Response, ...]) -> None:
    end = len(HEAD) + 90 if before else 0
    found = rebuilt(plan_takeover(replace(UNTOLD, responses=before), at(end + 7000), TREE))
    assert (found.pieces, found.unanswered, found.skip_bytes, found.close_after) == ((), GET, 7000, False)
    assert found.send_next == seq.at(START, end + 7000)
    assert rebuilt(plan_takeover(replace(UNTOLD, responses=before), at(end), TREE)).skip_bytes == 0


def test_answers_that_were_given_untold_end_where_the_dead_server_closed() -> None:
    closed = replace(UNTOLD, server_closed=True, acked_bytes=9000)
    for position in (100, 9000):
        found = rebuilt(plan_takeover(closed, at(position), TREE))
        assert (found.skip_bytes, found.answers_bytes, found.close_after) == (position, 9000, False)
        assert found.unanswered == GET
    assert rebuilt(plan_takeover(closed, at(9001), TREE)).close_after, "it has the end, too"
    assert "further" in reset(plan_takeover(closed, at(9002), TREE))
    end = len(HEAD) + 90
    closed = replace(closed, responses=(replace(RESPONSE, length=90, size=90),))
    found = rebuilt(plan_takeover(closed, at(end), TREE))
    assert (found.skip_bytes, found.answers_bytes, found.unanswered) == (0, 9000 - end, GET)
    found = rebuilt(plan_takeover(replace(closed, acked_bytes=end), at(end), TREE))
    assert (found.answers_bytes, found.unanswered, found.close_after) == (None, b"", True), "not answered"


def test_a_transfer_that_was_begun_untold() -> None:
    found = rebuilt(plan_takeover(BEGUN, at(500 + len(OPENING)), TREE))
    assert found.pieces == ()
    assert found.session is not None
    assert found.session.transfer is not None
    assert found.session.transfer.started
    begun = rebuilt(plan_takeover(DATA, at(50, up=1000), TREE, ASKED))
    assert begun.pieces == (FilePart(b"/trees/big.bin", 50, SIZE - 50),)


def test_a_client_that_closed_in_the_last_moment_gets_the_end_once_more() -> None:
    end, served = len(HEAD) + SIZE, replace(HTTP, acked_bytes=SIZE)
    found = rebuilt(plan_takeover(served, at(end + 1, up=1501), TREE))
    assert (found.pieces, found.close_after, found.send_next) == ((), True, seq.at(START, end))
    assert "further" in reset(plan_takeover(served, at(end + 1), TREE))
    assert "further" in reset(plan_takeover(replace(served, unanswered=GET[:9]), at(end + 1, up=1501), TREE))


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


def test_a_hole_counts_as_sent() -> None:
    position = len(HEAD) + 5000
    blocks = ((seq.at(START, position + 100), seq.at(START, position + 900)),)
    found = rebuilt(plan_takeover(HTTP, at(position, sack_blocks=blocks, window=0), TREE))
    assert (found.already_sent, found.shown, found.fin_sent) == (900, 900, False)


def test_the_server_had_closed_after_it() -> None:
    record = replace(HTTP, server_closed=True)
    assert rebuilt(plan_takeover(record, at(len(HEAD) + 5), TREE)).close_after
    done = replace(record, acked_bytes=SIZE)
    assert rebuilt(plan_takeover(done, at(len(HEAD) + SIZE), TREE)).pieces == ()
    answer = at(len(HEAD) + SIZE + 1)
    ended = rebuilt(plan_takeover(replace(done, unanswered=b"GET /"), answer, TREE))
    assert (ended.send_next, ended.pieces, ended.close_after) == (seq.add(answer.ack, -1), (), True)
    assert ended.unanswered == b"", "the server had closed"


def test_the_rest_of_a_file_by_ftp() -> None:
    found = rebuilt(plan_takeover(DATA, at(50, up=1000), TREE, SESSION))
    assert found.pieces == (FilePart(b"/trees/big.bin", 150, SIZE - 150),)
    assert found.close_after


def test_all_of_a_file_by_ftp_and_its_end() -> None:
    record = replace(DATA, server_closed=True, acked_bytes=SIZE)
    assert rebuilt(plan_takeover(record, at(SIZE - 100, up=1000), TREE, SESSION)).pieces == ()
    answer = at(SIZE - 99, up=1000)
    ended = rebuilt(plan_takeover(record, answer, TREE, SESSION))
    assert (ended.send_next, ended.pieces, ended.close_after) == (seq.add(answer.ack, -1), (), True)


SHOWN = b"-rw-r--r-- one\r\n-rw-r--r-- two\r\n"
LISTED = Transfer(b"/trees", 0, True, len(SHOWN), zlib.crc32(SHOWN), listing=ListingFormat.LONG)
LISTING = replace(SESSION, binary=False, transfer=LISTED, pending=(b"LIST",))
LISTS = replace(TREE, listings={b"/trees": SHOWN})
UNLIKE = replace(TREE, listings={b"/trees": SHOWN.replace(b"two", b"2.0")})


def of_length(size: int) -> Session:
    """All that is known of the listing."""
    return replace(LISTING, transfer=replace(LISTED, size=size, modified=-1))


@pytest.mark.parametrize(("heard", "pieces"), [(5, (SHOWN[5:],)), (len(SHOWN), ())])
def test_a_listing_goes_on(heard: int, pieces: tuple[bytes, ...]) -> None:
    found = rebuilt(plan_takeover(DATA, at(heard, up=1000), LISTS, LISTING))
    assert (found.pieces, found.close_after) == (pieces, True)
    begun = rebuilt(plan_takeover(DATA, at(0, up=1000), LISTS, replace(LISTING, pending=())))
    assert (begun.pieces, begun.close_after) == ((SHOWN,), True), "its final reply was said"


@pytest.mark.parametrize("tree", [LISTS, UNLIKE, TREE])
@pytest.mark.parametrize("session", [LISTING, of_length(-1)])
def test_a_listing_of_which_the_client_has_nothing_is_made_by_the_session(
    tree: PublishedTree, session: Session
) -> None:
    found = rebuilt(plan_takeover(DATA, at(0, up=1000), tree, session))
    assert (found.pieces, found.close_after) == ((), False)


@pytest.mark.parametrize("tree", [LISTS, UNLIKE])
@pytest.mark.parametrize("session", [LISTING, of_length(len(SHOWN))])
def test_a_listing_that_the_client_has_needs_its_end_only(tree: PublishedTree, session: Session) -> None:
    record = replace(DATA, server_closed=True)
    for heard in (len(SHOWN), len(SHOWN) + 1):
        answer = at(heard, up=1000)
        found = rebuilt(plan_takeover(record, answer, tree, session))
        assert (found.pieces, found.close_after, found.send_next) == ((), True, seq.at(START, len(SHOWN)))


@pytest.mark.parametrize(("answer", "tree", "session"), [
    (at(5, up=1000), UNLIKE, LISTING), (at(5, up=1000), TREE, LISTING),
    (at(5, up=1000), LISTS, of_length(len(SHOWN))), (at(len(SHOWN) + 2, up=1000), LISTS, LISTING),
    (at(0, up=1000, sack_blocks=((seq.at(START, 3), seq.at(START, 6)),)), UNLIKE, LISTING),
])
def test_a_listing_that_may_differ_is_reset(
    answer: ClientPosition, tree: PublishedTree, session: Session
) -> None:
    assert "a listing" in reset(plan_takeover(DATA, answer, tree, session))


@pytest.mark.parametrize("session", [None, SESSION, replace(SESSION, transfer=None), LISTING])
def test_a_client_that_has_all_and_the_end_needs_nothing(session: Session | None) -> None:
    """Whatever its session does meanwhile: its data connection is still open at its end."""
    record = replace(DATA, server_closed=True, acked_bytes=4711)
    answer = at(4712, up=1000)
    found = rebuilt(plan_takeover(record, answer, TREE, session))
    assert (found.pieces, found.close_after, found.send_next) == ((), True, seq.add(answer.ack, -1))


@pytest.mark.parametrize("transfer", [None, Transfer(b"/trees/big.bin", 0)])
def test_a_data_connection_that_waits_for_its_command_is_kept(transfer: Transfer | None) -> None:
    found = rebuilt(plan_takeover(DATA, at(0, up=1000), TREE, replace(SESSION, transfer=transfer)))
    assert (found.pieces, found.close_after) == ((), False)


HOLE = at(0, up=1000, sack_blocks=((seq.at(START, 3), seq.at(START, 6)),))
"""The client lacks the first bytes, and has some that follow."""
PLAIN = replace(DATA, client_syn_options=replace(OFFER, sack=False))
NOT_SAID = replace(LISTED, started=False)


@pytest.mark.parametrize("record", [DATA, PLAIN])
def test_a_transfer_that_was_begun_untold_is_sent_from_its_beginning(record: ConnectionRecord) -> None:
    """The client shows that it holds something, or does not say what it holds."""
    answer = HOLE if record is DATA else at(0, up=1000)
    found = rebuilt(plan_takeover(record, answer, TREE, ASKED))
    assert (found.pieces, found.close_after) == ((FilePart(b"/trees/big.bin", 0, SIZE),), True)
    assert found.already_sent > 0
    listed = rebuilt(plan_takeover(record, answer, LISTS, replace(LISTING, transfer=NOT_SAID)))
    assert (listed.pieces, listed.close_after, listed.already_sent > 0) == ((SHOWN,), True, True)


def test_a_client_that_has_no_end_of_the_file_but_its_fin_has_begun() -> None:
    """All segments but the last, with the FIN, were lost."""
    fin = at(0, up=1000, sack_blocks=((seq.at(START, len(SHOWN)), seq.at(START, len(SHOWN) + 1)),))
    found = rebuilt(plan_takeover(DATA, fin, LISTS, replace(LISTING, transfer=NOT_SAID)))
    assert (found.pieces, found.fin_sent) == ((SHOWN,), True)


def test_what_cannot_be_the_same_is_begun_anew_while_the_client_shows_nothing() -> None:
    quiet = at(0, up=1000)
    for session in (replace(ASKED, binary=False), replace(ASKED, transfer=Transfer(b"/trees/big.bin", 0))):
        assert rebuilt(plan_takeover(PLAIN, quiet, TREE, session)).pieces == ()
    assert rebuilt(plan_takeover(PLAIN, quiet, UNLIKE, replace(LISTING, transfer=NOT_SAID))).pieces == ()
    assert rebuilt(plan_takeover(PLAIN, quiet, TREE, replace(ASKED, pending=()))).pieces == (), "not asked"


def test_a_session_goes_on_with_what_the_client_has_not_heard() -> None:
    assert rebuilt(plan_takeover(FTP, at(500), TREE)).pieces == ()
    assert rebuilt(plan_takeover(FTP, at(496), TREE)).pieces == (b"ok\r\n",)
    assert rebuilt(plan_takeover(FTP, at(492), TREE)).pieces == (b"150 ok\r\n",)


def test_a_connection_whose_server_had_not_answered_yet() -> None:
    """Its peers heard of the client's SYN, and the server died at once: the client tells the rest."""
    unseen = replace(HTTP, server_start=0, server_start_known=False, responses=(), client_next=1000)
    asks = replace(at(0), seq=1000)
    record = with_server_start(unseen, asks)
    assert (record.server_start, record.server_start_known) == (START, True)
    assert rebuilt(plan_takeover(record, asks, TREE)).receive_next == 1000
    later = replace(at(0), seq=1000 + len(GET))
    found = rebuilt(plan_takeover(with_server_start(unseen, later), later, TREE))
    assert (found.receive_next, found.input_may_be_lost) == (1000, True), "the request comes again"
    assert with_server_start(HTTP, asks) is HTTP


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


def test_a_client_that_has_closed_is_forgotten() -> None:
    assert isinstance(plan_takeover(HTTP, at(0, gone=True), TREE), Forget)


@pytest.mark.parametrize(
    ("record", "answer", "session", "why"),
    [
        (replace(HTTP, understood=False), at(100), None, "not seen from its beginning"),
        (HTTP, at(-5), None, "not where the connection began"),
        (replace(HTTP, acked_bytes=SIZE), at(len(HEAD) + SIZE + 1), None, "further than the server"),
        (replace(HTTP, responses=()), at(100), None, "further than the server"),
        (replace(UNTOLD, requested_files=((SIZE, TIME + 1),)), at(100), None, "differs here"),
        (replace(UNTOLD, requested_files=((-1, -1),)), at(100), None, "which state"),
        (replace(UNTOLD, server_closed=True), at(100), None, "further than the server"),
        (
            replace(UNTOLD, requested_files=((SIZE, TIME + 1),)),
            at(0, sack_blocks=((0, seq.at(START, 101)),)),
            None,
            "differs here",
        ),
        (UNTOLD, at(65 << 20), None, "further than the server"),
        (HTTP, at(100, up=1499), None, "do not fit"),
        (HTTP, at(100, up=1500 + (1 << 20)), None, "do not fit"),
        (
            replace(HTTP, responses=(replace(RESPONSE, is_file_range=False),)),
            at(100),
            None,
            "not a file of the tree",
        ),
        (replace(HTTP, responses=(replace(RESPONSE, length=-1),)), at(100), None, "not a file of the tree"),
        (
            replace(HTTP, responses=(replace(RESPONSE, target=b"/none"),)),
            at(100),
            None,
            "not a file of the tree",
        ),
        (replace(HTTP, responses=(replace(RESPONSE, size=5),)), at(100), None, "differs here"),
        (replace(HTTP, responses=(replace(RESPONSE, head=b"x" * 80),)), at(100), None, "which state"),
        (HTTP, at(100, sack_blocks=((0, seq.at(START, 100 + (9 << 20))),)), None, "not to be sent"),
        (DATA, at(50, up=1000), None, "unknown session"),
        (DATA, at(50, up=1000), replace(SESSION, transfer=None), "not for a file"),
        (DATA, at(50, up=1000), replace(SESSION, binary=False), "as text"),
        (DATA, at(50, up=1000), replace(SESSION, understood=False), "unknown session"),
        (
            DATA,
            at(50, up=1000),
            replace(SESSION, transfer=Transfer(b"/trees/big.bin", 0, True, SIZE, TIME + 1)),
            "differs here",
        ),
        (DATA, at(50, up=1000), replace(SESSION, transfer=Transfer(b"/trees/big.bin", 0)), "which state"),
        (BEGUN, at(500 + len(OPENING) + len(TRANSFER_COMPLETE) + 1), None, "replies that are not known"),
        (
            replace(BEGUN, session=replace(ASKED, pending=(b"LIST", b"RETR big.bin"))),
            at(510),
            None,
            "replies that are not known",
        ),
        (FTP, at(400), None, "lacks more"),
        (
            replace(FTP, session=replace(SESSION, pending=(b"EPSV",))),
            at(501),
            None,
            "replies that are not known",
        ),
        (replace(FTP, server_closed=True), at(510), None, "further than the server"),
    ],
)
def test_what_cannot_be_gone_on_with_is_reset(
    record: ConnectionRecord, answer: ClientPosition, session: Session | None, why: str
) -> None:
    assert why in reset(plan_takeover(record, answer, TREE, session))


@pytest.mark.parametrize(("target", "path"), [
    (b"/a%20b", b"/a b"), (b"/a?x=1", b"/a"), (b"http://h/x/y", b"/x/y"), (b"/y/%2e%2E/x", b"/x"),
    (b"//a///b/", b"/a/b/"), (b"/a/./b/..", b"/a/"), (b"HTTP://h", b"/"), (b"/a#b?c", b"/a"),
    (b"/..a/b", b"/..a/b"),
])
def test_paths_of_targets(target: bytes, path: bytes) -> None:
    assert target_path(target) == path


@pytest.mark.parametrize("target", [b"*", b"/a%", b"/a%zz", b"/a%00b", b"h:x", b"/%2e%2e/x"])
def test_odd_targets_are_refused(target: bytes) -> None:
    odd = replace(HTTP, responses=(replace(RESPONSE, target=target),))
    assert "request target" in reset(plan_takeover(odd, at(100), TREE))


def test_a_client_that_says_again_what_the_server_had() -> None:
    """Its word may be the first thing heard: it tells where the client was, not how far it has spoken."""
    again = ClientPosition.of(Conversation(40000, 80, client_isn=999).up(payload=GET))
    assert (again.seq, again.exact) == (1000 + len(GET), False)
    found = rebuilt(
        plan_takeover(replace(HTTP, client_next=1500), replace(at(100), seq=1200, exact=False), TREE)
    )
    assert (found.receive_next, found.input_may_be_lost) == (1500, False)
    assert "do not fit" in reset(plan_takeover(HTTP, replace(at(100), seq=1200), TREE))


def test_an_answer_that_is_not_kept_any_more_is_not_skipped() -> None:
    """Of many short ones the record has the latest; a client that lacks an older one cannot be served."""
    late = replace(RESPONSE, start=9000)
    assert "is kept" in reset(plan_takeover(replace(HTTP, responses=(late,)), at(8999), TREE))
    assert rebuilt(plan_takeover(replace(HTTP, responses=(late,)), at(9000), TREE)).pieces


def test_a_session_whose_server_has_not_said_a_word_is_greeted() -> None:
    silent = replace(FTP, session=Session(), reply_tail=b"", reply_tail_end=START, client_next=1000)
    found = rebuilt(plan_takeover(silent, at(0, up=1000), TREE))
    assert found.pieces == (GREETING,)
    assert found.record is None or found.record.reply_tail_end == seq.at(START, len(GREETING))
    later = replace(silent, reply_tail_end=seq.at(START, 20), reply_tail=b"220 Twinboot rack1\r\n")
    assert rebuilt(plan_takeover(later, at(20, up=1000), TREE)).pieces == ()


@pytest.mark.parametrize(("session", "which"), [
    (replace(SESSION, channel=Channel.PASSIVE, data_port=30001), Rebuild),
    (replace(SESSION, channel=Channel.PASSIVE, data_port=0), Rebuild),  # of a reply that was not told
    (replace(SESSION, channel=Channel.PASSIVE, data_port=30002), Reset),
    (replace(SESSION, channel=Channel.ACTIVE, data_port=30001), Reset),
    (replace(SESSION, channel=Channel.ACTIVE, data_port=KEY.client_port), Rebuild),
])
def test_a_file_goes_only_to_the_data_connection_that_was_agreed_upon(
        session: Session, which: type[TakeoverPlan]) -> None:
    assert isinstance(plan_takeover(DATA, at(500, 1000), TREE, session), which)


def test_an_earlier_data_connection_that_its_client_has_closed_is_over() -> None:
    later = replace(SESSION, channel=Channel.PASSIVE, data_port=30002)
    assert isinstance(plan_takeover(DATA, at(500, 1001), TREE, later), Forget)


def test_a_file_of_no_bytes_whose_end_the_client_has_needs_nothing_of_the_next() -> None:
    closed = replace(DATA, server_closed=True, acked_bytes=0)
    assert rebuilt(plan_takeover(closed, at(1, 1000), TREE, SESSION)).pieces == ()


@pytest.mark.parametrize(("sack", "blocks", "pieces"), [
    (True, (), 0),
    (True, ((seq.at(START, 2000), seq.at(START, 3000)),), 1),
    (False, (), 1),  # what it holds beyond a hole it does not show
])
def test_a_client_may_hold_data_of_a_transfer_that_was_begun_untold(
        sack: bool, blocks: tuple[tuple[int, int], ...], pieces: int) -> None:
    record = replace(DATA, client_syn_options=replace(OFFER, sack=sack))
    found = rebuilt(plan_takeover(record, at(0, 1000, sack_blocks=blocks), TREE, ASKED))
    assert (len(found.pieces), found.close_after) == (pieces, bool(pieces))


def test_a_session_that_moves_twice_is_not_greeted_anew() -> None:
    """Its client had heard more than was told, and lacked nothing: then no reply is kept."""
    heard = at(500 + len(OPENING))
    first = rebuilt(plan_takeover(BEGUN, heard, TREE))
    assert first.record is not None
    assert first.record.reply_tail == b""
    again = rebuilt(plan_takeover(first.record, heard, TREE))
    assert (again.send_next, again.pieces, again.session) == (heard.ack, (), first.session)


def test_an_answer_of_unknown_length_is_over_when_the_next_has_begun() -> None:
    """A listing in chunks, and then the files that it lists, on the same connection."""
    listing = replace(RESPONSE, length=-1, is_file_range=False, size=-1)
    record = replace(HTTP, responses=(listing, replace(RESPONSE, start=9000)))
    [head, part] = rebuilt(plan_takeover(record, at(9000), TREE)).pieces
    assert head == HEAD
    assert part == FilePart(b"/trees/big.bin", 0, SIZE)
    assert "not a file of the tree" in reset(plan_takeover(record, at(8999), TREE))


PARTS = replace(
    RESPONSE, status=206, is_file_range=False, parts=((0, 10), (1000, 100)), part_type=b"text/plain",
    head=b"HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=42\r\n"
         b"Last-Modified: Sun, 22 Nov 2026 20:00:00 GMT\r\n\r\n")
MARKS = [b"\r\n--42\r\nContent-Type: text/plain\r\nContent-Range: bytes %s/%d\r\n\r\n" % (one, SIZE)
         for one in (b"0-9", b"1000-1099")]
PARTS = replace(PARTS, length=sum(map(len, MARKS)) + 110 + len(b"\r\n--42--\r\n"))
SEVERAL = replace(HTTP, responses=(PARTS,))
WHOLE = [PARTS.head + MARKS[0], FilePart(b"/trees/big.bin", 0, 10), MARKS[1],
         FilePart(b"/trees/big.bin", 1000, 100), b"\r\n--42--\r\n"]


def as_bytes(pieces: Iterable[Piece]) -> bytes:
    """Each byte of a file as a byte that its offset gives."""
    return b"".join(
        one if isinstance(one, bytes) else bytes(n % 251 for n in range(one.offset, one.offset + one.length))
        for one in pieces)


@given(st.integers(0, len(as_bytes(WHOLE))))
def test_several_ranges_go_on_at_any_byte(position: int) -> None:
    found = rebuilt(plan_takeover(SEVERAL, at(position), TREE))
    assert as_bytes(found.pieces) == as_bytes(WHOLE)[position:]
    assert found.send_next == seq.at(START, position)


def test_several_ranges_of_a_file_that_differs_are_reset() -> None:
    other = PublishedTree({b"/trees/big.bin": (SIZE, TIME + 1)})
    assert "differs here" in reset(plan_takeover(SEVERAL, at(5), other))
    asked = b"GET /trees/big.bin HTTP/1.1\r\nRange: bytes=0-9,20-29\r\n\r\n"
    untold = replace(UNTOLD, unanswered=asked)
    assert "boundary" in reset(plan_takeover(untold, at(100), TREE))
    assert rebuilt(plan_takeover(untold, at(0), TREE)).skip_bytes == 0, "the client has nothing of it"


INDEX = b"GET /trees/ HTTP/1.1\r\n\r\n"
LISTED_ANSWER = replace(RESPONSE, length=-1, size=-1, is_file_range=False, target=b"/trees/",
                        request=INDEX, listed=(-2, 4711))
BROWSED = replace(HTTP, responses=(LISTED_ANSWER,), unanswered=GET, requested_files=((SIZE, TIME),))
ALIKE = replace(TREE, web_listings={b"/trees/": (-2, 4711)})
OTHERWISE = replace(TREE, web_listings={b"/trees/": (-2, 4712)})


@pytest.mark.parametrize("heard", [1, len(HEAD), len(HEAD) + 5000])
@pytest.mark.parametrize("start", [0, 700])
def test_a_listing_is_made_anew_and_goes_on_where_the_client_is(heard: int, start: int) -> None:
    record = replace(BROWSED, responses=(replace(LISTED_ANSWER, start=start),))
    found = rebuilt(plan_takeover(record, at(start + heard), ALIKE))
    assert (found.pieces, found.unanswered, found.skip_bytes) == ((), INDEX + GET, heard)
    assert (found.close_after, found.skipped_head) == (False, HEAD)
    assert found.record is not None
    assert found.record.requested_files == ((-2, 4711), (SIZE, TIME))
    assert (found.record.unanswered, found.record.responses[-1].end) == (INDEX + GET, start)
    for tree in (OTHERWISE, TREE):
        assert "a listing" in reset(plan_takeover(record, at(start + heard), tree))
    nothing = rebuilt(plan_takeover(record, at(start), OTHERWISE))
    assert (nothing.skip_bytes, nothing.unanswered) == (0, INDEX + GET), "the client has nothing of it"


def test_a_listing_behind_a_file_that_is_on_its_way() -> None:
    file = replace(RESPONSE, length=10, size=10, target=b"/trees/a%20b")
    record = replace(BROWSED, responses=(file, replace(LISTED_ANSWER, start=file.end)))
    found = rebuilt(plan_takeover(record, at(len(HEAD) + 4), ALIKE))
    assert (found.pieces, found.unanswered, found.skip_bytes) == (
        (FilePart(b"/trees/a b", 4, 6),), INDEX + GET, 0)


def test_a_listing_whose_end_is_known_needs_nothing() -> None:
    whole = replace(LISTED_ANSWER, length=2000)
    record = replace(BROWSED, responses=(whole,))
    assert rebuilt(plan_takeover(record, at(whole.end), OTHERWISE)).unanswered == GET


def test_a_listing_that_was_begun_untold_is_compared_too() -> None:
    untold = replace(BROWSED, responses=(), unanswered=INDEX, requested_files=((-2, 4711),))
    assert rebuilt(plan_takeover(untold, at(100), ALIKE)).skip_bytes == 100
    assert "a listing" in reset(plan_takeover(untold, at(100), OTHERWISE))
    older = replace(untold, requested_files=((-1, -1),))
    directories = replace(TREE, directories={b"/trees/"})
    assert "not a file of the tree" in reset(plan_takeover(older, at(100), directories)), "another release's"


def test_a_directory_with_an_index_is_that_file() -> None:
    tree = PublishedTree({b"/trees/index.html": (SIZE, TIME)})
    record = replace(HTTP, responses=(replace(RESPONSE, target=b"/trees/"),))
    found = rebuilt(plan_takeover(record, at(len(HEAD)), tree))
    assert found.pieces == (FilePart(b"/trees/index.html", 0, SIZE),)


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


@pytest.mark.parametrize(("there", "here", "fine"), [
    ("nginx-1.26", "nginx-1.26", True), ("nginx-1.26", "nginx-1.28", False), ("", "", False),
    ("lighttpd-1.4", "nginx-1.26", False), (None, "nginx-1.26", True), ("nginx-1.26", None, True),
])
def test_an_answer_goes_on_in_the_middle_only_by_the_same_service(
    there: str | None, here: str | None, fine: bool
) -> None:
    for record in (UNTOLD, BROWSED):
        found = plan_takeover(replace(record, dialect=there), at(700), ALIKE, http_dialect=here)
        assert isinstance(found, Rebuild) is fine
        if not fine:
            assert "the HTTP server was" in reset(found)
        whole = plan_takeover(replace(record, dialect=there), at(0), ALIKE, http_dialect=here)
        assert rebuilt(whole).skip_bytes == 0, "the client has nothing of the answer: any service may give it"
    file = plan_takeover(replace(HTTP, dialect=there), at(len(HEAD) + 5), TREE, http_dialect=here)
    assert rebuilt(file).pieces == (FilePart(b"/trees/big.bin", 5, SIZE - 5),), "a file is a file"


def test_a_greeting_that_was_not_told_is_known() -> None:
    greeted = len(b"220 Twinboot\r\n")
    record = replace(FTP, session=Session(), client_next=1000, reply_tail=b"", reply_tail_end=START)
    for heard in (0, 3, greeted):
        found = rebuilt(plan_takeover(record, at(heard, up=1016), TREE))
        assert b"".join(one for one in found.pieces if isinstance(one, bytes)) == b"220 Twinboot\r\n"[heard:]


def test_data_whose_start_is_not_known_is_not_sent_from_its_beginning() -> None:
    record = replace(DATA, server_start_known=False)
    client = at(700, up=1000)
    requested = replace(SESSION, transfer=Transfer(b"/trees/big.bin", 0, False, SIZE, TIME))
    assert "began" in reset(plan_takeover(with_server_start(record, client), client, TREE, requested))
    complete = replace(SESSION, pending=())
    assert "began" in reset(plan_takeover(with_server_start(record, client), client, TREE, complete)), "226"
    idle = replace(requested, transfer=None, pending=())
    assert rebuilt(plan_takeover(with_server_start(record, client), client, TREE, idle)).pieces == ()


def test_a_listing_that_the_client_has_with_its_end_needs_no_word_of_the_end() -> None:
    found = rebuilt(plan_takeover(DATA, at(len(SHOWN) + 1, up=1000), LISTS, LISTING))
    assert (found.pieces, found.close_after) == ((), True)


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
