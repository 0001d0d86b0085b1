"""One HTTP connection: which request is being answered, and where in its answer the server is."""

from __future__ import annotations

import pytest
from httpwire import START, Wire, head, request
from hypothesis import given
from hypothesis import strategies as st
from twinboot.takeover.logic.file_facts import FileFacts
from twinboot.takeover.logic.protocols.http import DIRECTORY
from twinboot.takeover.logic.tcp import seq


@given(st.lists(st.integers(1, 90), max_size=8).map(tuple))
def test_one_request_after_the_other_beyond_4_gib(cuts: tuple[int, ...]) -> None:
    wire, size = Wire(), 5 << 30
    for _ in range(3):
        wire.ask(request(), cuts)
        assert len(wire.tracker.pending) == 1
        wire.answer(head(more=f"Content-Length: {size}\r\n"), size)
        assert not wire.tracker.pending
    first, second, third = wire.tracker.responses
    assert (first.start, first.target, first.length, first.size) == (0, b"/trees/rh9/big.bin", size, size)
    assert (second.start, third.start) == (first.end, second.end)
    assert third.end == wire.down == wire.tracker.next_head
    assert first.is_file_range
    assert first.keep_alive
    assert first.modified == 1795377600


def test_a_part_of_a_file() -> None:
    wire = Wire()
    wire.ask(request(more="Range: bytes=100-\r\n"))
    wire.answer(head("206 Partial Content", "Content-Length: 900\r\nContent-Range: bytes 100-999/1000\r\n"))
    (found,) = wire.tracker.responses
    assert (found.offset, found.length, found.size, found.is_file_range) == (100, 900, 1000, True)


@pytest.mark.parametrize(("status", "more", "method"), [
    ("206 Partial Content", "Content-Length: 900\r\nContent-Type: multipart/byteranges\r\n", "GET"),
    ("206 Partial Content", "Content-Length: 800\r\nContent-Range: bytes 100-999/1000\r\n", "GET"),
    ("200 OK", "Transfer-Encoding: chunked\r\n", "GET"),
    ("200 OK", "Content-Length: 900\r\nContent-Encoding: gzip\r\n", "GET"),
    ("404 Not Found", "Content-Length: 900\r\n", "GET"),
    ("200 OK", "", "GET"),
])
def test_what_is_not_a_stretch_of_one_file_cannot_be_repeated(status: str, more: str, method: str) -> None:
    wire = Wire()
    wire.ask(request(method=method))
    wire.answer(head(status, more))
    assert not wire.tracker.responses[0].repeatable


def test_a_head_alone_and_a_short_error_page_can() -> None:
    wire = Wire()
    wire.ask(request(method="HEAD") + request("/none"))
    wire.answer(head())
    wire.answer(head("404 Not Found", "Content-Length: 9\r\n") + b"not found")
    one, other = wire.tracker.responses
    assert (one.length, one.repeatable, one.is_file_range) == (0, True, False)
    assert (other.inline, other.repeatable, other.start) == (b"not found", True, one.end)


def test_a_file_with_a_response_in_it_deceives_nobody() -> None:
    wire = Wire()
    wire.ask(request() + request("/next"))
    wire.answer(head(more="Content-Length: 1000\r\n"), 400)
    wire.answer(head("206 Partial Content", "Content-Length: 5\r\nContent-Range: bytes 0-4/5\r\n"))
    assert len(wire.tracker.responses) == 1
    assert len(wire.tracker.pending) == 1


def test_a_head_sent_again_counts_once() -> None:
    wire = Wire()
    wire.ask(request() + request())
    wire.answer(head(more="Content-Length: 5\r\n"), 5)
    wire.tracker.from_server(START, head(more="Content-Length: 5\r\n"))
    assert len(wire.tracker.responses) == 1


def test_continue_is_not_the_answer() -> None:
    wire = Wire()
    wire.ask(request())
    wire.answer(b"HTTP/1.1 100 Continue\r\n\r\n")
    wire.answer(head())
    assert wire.tracker.responses[0].start == len(b"HTTP/1.1 100 Continue\r\n\r\n")


def test_after_a_response_without_length_the_next_is_taken_on_trust() -> None:
    wire = Wire()
    wire.ask(request("/dir/"))
    wire.answer(head(more="Transfer-Encoding: chunked\r\n"), 777)
    wire.ask(request())
    wire.answer(head())
    assert wire.tracker.responses[-1].is_file_range
    assert wire.tracker.responses[-1].start == wire.down - len(head())


@pytest.mark.parametrize(("body", "unseen"), [
    (b"5\r\nhel", 3000), (b"800\r\n" + b"x" * 2048 + b"\r\n0\r\n\r\n", 0),
])
def test_a_listing_is_kept_with_its_request(body: bytes, unseen: int) -> None:
    """The service made it, and makes it anew where the directory is the same."""
    wire = Wire()
    wire.ask(request("/trees/"))
    facts = {wire.tracker.pending[0]: FileFacts(DIRECTORY, 4711)}
    wire.tracker.from_server(START, head(more="Transfer-Encoding: chunked\r\n") + body, facts)
    (found,) = wire.tracker.responses
    assert (found.request, found.repeatable) == (request("/trees/"), False)
    assert found.listed == FileFacts(DIRECTORY, 4711)


@pytest.mark.parametrize(("body", "length"), [(b"5\r\nhello\r\n0\r\n\r\n", 15), (b"5\r\nhel", -1)])
def test_a_listing_in_chunks(body: bytes, length: int) -> None:
    """Its end is known when it comes in one segment; either way the next answer is understood."""
    wire = Wire()
    wire.ask(request("/trees/"))
    wire.answer(head(more="Transfer-Encoding: chunked\r\n") + body, unseen=0 if length > 0 else 3000)
    (found,) = wire.tracker.responses
    assert (found.length, found.keep_alive) == (length, length > 0)
    assert found.repeatable is (length > 0)
    wire.ask(request())
    wire.answer(head(), 62914560)
    assert wire.tracker.understood
    assert wire.tracker.responses[-1].end == wire.down


def test_what_the_client_has_acknowledged_is_not_kept() -> None:
    wire = Wire()
    wire.ask(request() * 3)
    for _ in range(3):
        wire.answer(head(more="Content-Length: 1000\r\n"), 1000)
    first, second, third = wire.tracker.responses
    wire.tracker.acknowledged(seq.at(START, first.end - 1))
    assert list(wire.tracker.responses) == [first, second, third]
    wire.tracker.acknowledged(seq.at(START, first.end))
    assert list(wire.tracker.responses) == [second, third]
    wire.tracker.acknowledged(seq.at(START, third.end + 1))  # more than was sent: not believed
    assert list(wire.tracker.responses) == [second, third]
    wire.tracker.acknowledged(seq.at(START, third.end))
    assert list(wire.tracker.responses) == [third], "the last one says where the next begins"
