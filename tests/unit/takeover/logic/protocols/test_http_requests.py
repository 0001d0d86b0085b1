"""Requests with bodies, of other protocols, refused or malformed: what is not understood is not guessed."""

from __future__ import annotations

import pytest
from httpwire import Wire, head, request
from hypothesis import given
from hypothesis import strategies as st
from twinboot.takeover.logic.protocols.http import HEAD_LIMIT
from twinboot.takeover.logic.protocols.http_heads import target_path


def test_what_is_sent_up_with_a_request_is_no_request() -> None:
    wire = Wire()
    wire.ask(request(more="Content-Length: 50\r\n", method="POST"))
    wire.ask(request()[:50], (20, 40))
    assert len(wire.tracker.pending) == 1
    wire.ask(request("/real"))
    assert [one.target for one in wire.tracker.pending] == [b"/trees/rh9/big.bin", b"/real"]


H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"


@pytest.mark.parametrize("asked", [
    request(more=H2C), request().replace(b"\r\n", b"\n"), request().replace(b"\r\n\r\n", b"\r\n\n"),
    b"\r\n\r\n" + request(), request(more="Odd line without a colon\r\n"), request(more=" folded\r\n"),
    request(more="Expect: 100-continue\r\n"), request().replace(b"HTTP/1.1", b"HTTP/1.0"),
    request().replace(b"GET ", b"GET  ").replace(b"1.1\r", b"1.1 \r"),
    request("http://192.168.0.253/trees/rh9/big.bin"), request("/trees//rh9/./x/../big.bin?y=1#z"),
], ids=["upgrade", "bare-lf", "lf-at-the-end", "empty-lines", "no-colon", "folded", "expect", "1.0", "spaces",
        "absolute", "path"])
@given(st.lists(st.integers(1, 90), max_size=5).map(tuple))
def test_only_the_answer_decides_whether_a_request_is_understood(asked: bytes, cuts: tuple[int, ...]) -> None:
    wire = Wire()
    wire.ask(asked + request("/next"), cuts)
    assert [one.is_framed for one in wire.tracker.pending] == [True, True]
    assert b"".join(one.raw for one in wire.tracker.pending) == asked.lstrip(b"\r\n") + request("/next")
    assert target_path(wire.tracker.pending[0].target) == b"/trees/rh9/big.bin"
    wire.answer(head(more="Content-Length: 1000\r\n"), 1000)
    wire.answer(head())
    assert wire.tracker.understood
    assert [one.is_file_range for one in wire.tracker.responses] == [True, True]


def test_another_protocol_is_not_followed() -> None:
    wire = Wire()
    wire.ask(request(more=H2C))
    wire.answer(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    assert not wire.tracker.understood


def test_a_body_is_a_part_of_its_request() -> None:
    """The taker's service is told all of what is not answered yet, the body too."""
    posted = request(more="Content-Length: 50\r\n", method="POST")
    wire = Wire()
    wire.ask(posted + bytes(49))
    assert not wire.tracker.pending
    wire.ask(bytes(1) + request("/next"))
    assert [one.raw for one in wire.tracker.pending] == [posted + bytes(50), request("/next")]


REFUSED = head("400 Bad Request", "Content-Length: 3\r\nConnection: close\r\n") + b"bad"


@pytest.mark.parametrize("asked", [
    b"nonsense\r\n\r\n", b"GET / HTTP/2\r\n\r\n", b"get / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"\x16\x03\x01\x02",
    b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
])
@pytest.mark.parametrize("cuts", [(), (3, 5)])
def test_what_the_server_refuses_is_refused_by_the_next_one_too(asked: bytes, cuts: tuple[int, ...]) -> None:
    """A file is on its way when the client says what nobody understands: the file goes on."""
    wire = Wire()
    wire.ask(request() + asked, cuts)
    record = b"".join(one.raw for one in wire.tracker.pending) + wire.tracker.partial_request
    assert record == request() + asked
    wire.answer(head(more="Content-Length: 1000\r\n"), 1000)
    assert b"".join(one.raw for one in wire.tracker.pending) + wire.tracker.partial_request == asked
    wire.answer(REFUSED)
    wire.ask(request())
    assert wire.tracker.understood
    assert not wire.tracker.pending, "a server that closes reads no more"
    last = wire.tracker.responses[-1]
    assert (last.status, last.repeatable, last.keep_alive, last.end) == (400, True, False, wire.down)


def test_more_than_was_understood_is_not_guessed() -> None:
    """The server goes on after its answer: where the next request begins is not known."""
    wire = Wire()
    wire.ask(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + request())
    wire.answer(head("405 Not Allowed", "Content-Length: 3\r\n") + b"no!")
    assert not wire.tracker.understood


@pytest.mark.parametrize("data", [b"x" * (HEAD_LIMIT + 1), request("/a") * 501])
def test_what_cannot_be_followed_is_not_known(data: bytes) -> None:
    wire = Wire()
    wire.ask(data)
    assert not wire.tracker.understood
    assert not wire.tracker.pending
    assert wire.tracker.partial_request == b""


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=80)), max_size=30))
def test_no_bytes_make_it_fail(talk: list[tuple[bool, bytes]]) -> None:
    wire = Wire()
    for up, data in talk:
        if up:
            wire.ask(data)
        else:
            wire.answer(data)
