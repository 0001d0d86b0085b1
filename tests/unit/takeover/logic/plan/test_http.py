"""What the taker does with an HTTP connection, from its record and the client's position."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segments import Conversation, PublishedTree
from takeoverrecords import GET, HEAD, HTTP, RESPONSE, SIZE, START, TIME, TREE, UNTOLD, at, rebuilt, reset
from twinboot.takeover.logic.pieces import FilePart, Piece
from twinboot.takeover.logic.plan import ClientPosition, plan_takeover
from twinboot.takeover.logic.protocols.http_heads import Response, target_path
from twinboot.takeover.logic.tcp import seq


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


def test_a_client_that_closed_in_the_last_moment_gets_the_end_once_more() -> None:
    end, served = len(HEAD) + SIZE, replace(HTTP, acked_bytes=SIZE)
    found = rebuilt(plan_takeover(served, at(end + 1, up=1501), TREE))
    assert (found.pieces, found.close_after, found.send_next) == ((), True, seq.at(START, end))
    assert "further" in reset(plan_takeover(served, at(end + 1), TREE))
    assert "further" in reset(plan_takeover(replace(served, unanswered=GET[:9]), at(end + 1, up=1501), TREE))


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
