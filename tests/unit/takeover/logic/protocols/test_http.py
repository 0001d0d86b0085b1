"""HTTP connections: which response is where in the stream, and what is still to be answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segments import cut
from twinboot.takeover.logic.protocols.http import DIRECTORY, HEAD_LIMIT, HttpTracker
from twinboot.takeover.logic.protocols.http_heads import Request, target_path
from twinboot.takeover.logic.protocols.http_ranges import part_heads, requested_parts
from twinboot.takeover.logic.tcp import seq
from twinboot.takeover.logic.tcp.reassembly import Reassembler

START = 0xFFFFFFF0  # the server's numbers wrap soon
DATE = "Last-Modified: Sun, 22 Nov 2026 20:00:00 GMT\r\n"
MODIFIED = 1795377600


def request(path: str = "/trees/rh9/big.bin", more: str = "", method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: 192.168.0.253\r\n{more}\r\n".encode()


def head(status: str = "200 OK", more: str = "Content-Length: 62914560\r\n") -> bytes:
    return f"HTTP/1.1 {status}\r\nServer: nginx\r\n{DATE}{more}\r\n".encode()


class Wire:
    def __init__(self) -> None:
        self.tracker = HttpTracker(Reassembler(7), START)
        self.up, self.down = 7, 0

    def ask(self, data: bytes, cuts: tuple[int, ...] = ()) -> None:
        for part in cut(data, cuts):
            self.tracker.from_client(self.up, part, len(part))
            self.up += len(part)

    def answer(self, data: bytes, unseen: int = 0) -> None:
        """The segment that begins with data; `unseen` bytes come in others."""
        self.tracker.from_server(seq.at(START, self.down), data)
        self.down += len(data) + unseen


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


TWO = "Range: bytes=0-9,1000-1099\r\n"
SIZE = 5000
FIRST = b"\r\n--00000000000000000042\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-9/5000\r\n\r\n"
SECOND = FIRST.replace(b"0-9/", b"1000-1099/")
LAST = b"\r\n--00000000000000000042--\r\n"
LENGTH = len(FIRST + SECOND + LAST) + 110
MULTI = "Content-Type: multipart/byteranges; boundary=00000000000000000042\r\nContent-Length: {}\r\n"


def test_several_ranges_are_parts_of_one_file() -> None:
    wire = Wire()
    wire.ask(request(more=TWO))
    said = head("206 Partial Content", MULTI.format(LENGTH)) + FIRST + bytes(10) + SECOND
    wire.answer(said, 100 + len(LAST))
    (found,) = wire.tracker.responses
    assert (found.parts, found.part_type, found.size) == (((0, 10), (1000, 100)), b"text/plain", SIZE)
    assert found.repeatable
    assert part_heads(found) == [FIRST, SECOND, LAST]
    assert wire.tracker.next_head == wire.down


@pytest.mark.parametrize(("body", "length"), [
    (FIRST[:40], LENGTH), (FIRST, LENGTH + 1), (FIRST.replace(b"42", b"43"), LENGTH), (b"", LENGTH),
])
def test_parts_of_which_something_is_not_known_are_not_repeated(body: bytes, length: int) -> None:
    wire = Wire()
    wire.ask(request(more=TWO))
    wire.answer(head("206 Partial Content", MULTI.format(length)) + body, length - len(body))
    assert not wire.tracker.responses[0].repeatable
    assert wire.tracker.next_head == wire.down, "what comes after it is understood"


@pytest.mark.parametrize(("value", "parts"), [
    (b"bytes=0-9,1000-1099", ((0, 10), (1000, 100))),
    (b"Bytes=0-0, -5 ,4990-", ((0, 1), (4995, 5), (4990, 10))),
    (b"bytes=6000-7000,1-2", ((1, 2),)), (b"bytes=4999-9999,-9000", ((4999, 1), (0, 5000))),
    (b"bytes=-", ()), (b"lines=1-2", ()), (b"bytes=a-b", ()), (b"bytes=1-2," * 600, ()),
])
def test_ranges(value: bytes, parts: tuple[tuple[int, int], ...]) -> None:
    assert requested_parts(value, SIZE) == parts


@pytest.mark.parametrize(("body", "unseen"), [
    (b"5\r\nhel", 3000), (b"800\r\n" + b"x" * 2048 + b"\r\n0\r\n\r\n", 0),
])
def test_a_listing_is_kept_with_its_request(body: bytes, unseen: int) -> None:
    """The service made it, and makes it anew where the directory is the same."""
    wire = Wire()
    wire.ask(request("/trees/"))
    facts = {wire.tracker.pending[0]: (DIRECTORY, 4711)}
    wire.tracker.from_server(START, head(more="Transfer-Encoding: chunked\r\n") + body, facts)
    (found,) = wire.tracker.responses
    assert (found.request, found.listed, found.repeatable) == (request("/trees/"), (DIRECTORY, 4711), False)


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


def wanted(wire: Wire, *sizes: int) -> dict[Request, tuple[int, int]]:
    return dict(zip(wire.tracker.pending, ((size, MODIFIED) for size in sizes), strict=True))


def sized(size: int) -> bytes:
    return head(more=f"Content-Length: {size}\r\n")


def test_many_heads_in_one_segment() -> None:
    wire = Wire()
    wire.ask(b"".join(request(f"/{number}", method="HEAD") for number in range(9)))
    wire.answer(b"".join(sized(number) for number in range(9)))
    assert [one.target for one in wire.tracker.responses] == [b"/%d" % number for number in range(9)]
    assert wire.tracker.next_head == wire.down
    assert not wire.tracker.pending


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_head_in_the_middle_of_a_segment_costs_nothing_in_the_end(method: str) -> None:
    wire, sizes = Wire(), (700, 2000, 90000, 1234)
    wire.ask(b"".join(request(f"/{number}", method=method) for number in range(4)))
    files = wanted(wire, *sizes)
    for number, size in enumerate(sizes):
        answer = sized(size)
        if number in (0, 3):
            wire.tracker.from_server(seq.at(START, wire.down), answer, files)
        wire.down += len(answer) + (size if method == "GET" else 0)
    (first,) = wire.tracker.responses
    assert (first.target, len(wire.tracker.pending)) == (b"/0", 3), "what was not seen counts as unanswered"
    wire.tracker.acknowledged(seq.at(START, first.end + 10))
    assert len(wire.tracker.pending) == 3
    wire.ask(request("/4"))
    wire.tracker.acknowledged(seq.at(START, wire.down - 1))
    (last,) = wire.tracker.responses
    assert (last.target, last.end) == (b"/3", wire.down)
    assert [one.target for one in wire.tracker.pending] == [b"/4"]
    wire.answer(sized(5), 5)
    assert wire.tracker.next_head == wire.down


@pytest.mark.parametrize("more", ["", "Range: bytes=5-\r\n", "If-None-Match: x\r\n"])
def test_a_head_that_may_answer_one_of_two_requests_is_left_out(more: str) -> None:
    """The files are of one size and time. Between the two heads that were seen one was not."""
    wire, sizes = Wire(), (33333, 700, 700, 700, 1448)
    wire.ask(b"".join(request(f"/{number}", more if number == 1 else "") for number in range(5)))
    files = wanted(wire, *sizes)
    for number, size in enumerate(sizes):
        if number in (0, 3, 4):
            wire.tracker.from_server(seq.at(START, wire.down), sized(size), files)
        wire.down += len(sized(size)) + size
        if number == 3:
            wire.tracker.acknowledged(seq.at(START, wire.down))
            assert [one.target for one in wire.tracker.responses] == [b"/0"]
            assert len(wire.tracker.pending) == 4
    wire.tracker.acknowledged(seq.at(START, wire.down))
    assert [one.target for one in wire.tracker.responses] == [b"/4"], "of its size there is one only"
    assert not wire.tracker.pending


def test_the_time_of_a_file_tells_it_from_another_of_its_size() -> None:
    wire = Wire()
    wire.ask(request("/0") + request("/1") + request("/2") + request("/3"))
    files = wanted(wire, 1000, 700, 700, 700)
    files |= {one: (700, 5) for one in files if one.target in (b"/1", b"/2")}
    for number in range(4):
        if number in (0, 3):
            wire.tracker.from_server(seq.at(START, wire.down), sized(1000 if not number else 700), files)
        wire.down += len(sized(700)) + (700 if number else 1000) + (not number)
    wire.tracker.acknowledged(seq.at(START, wire.down))
    assert [one.target for one in wire.tracker.responses] == [b"/3"]


@pytest.mark.parametrize(("sizes", "answered"), [((700, 900, 800), b"/2"), ((700, 700, 700), None)])
def test_after_a_response_without_length_another_may_have_begun_unseen(
    sizes: tuple[int, ...], answered: bytes | None
) -> None:
    wire = Wire()
    wire.ask(request("/trees/"))
    wire.answer(head(more="Transfer-Encoding: chunked\r\n") + b"5\r\nhel", unseen=3000)
    wire.ask(b"".join(request(f"/{number}") for number in range(3)))
    files = wanted(wire, *sizes)
    wire.down += 5000
    wire.tracker.from_server(seq.at(START, wire.down), sized(sizes[-1]), files)
    assert (wire.tracker.responses[-1].target == answered) is (answered is not None)
    assert len(wire.tracker.pending) == (0 if answered else 3)


def test_a_body_that_looks_like_a_head_is_no_response_to_anything() -> None:
    wire = Wire()
    wire.ask(request("/0") + request("/1") + request("/2"))
    files = wanted(wire, 5000, 700, 800)
    wire.answer(sized(5000))
    for offset, size in ((100, 700), (4900, 700), (5010, 800), (9000, 800)):
        wire.tracker.from_server(seq.at(START, wire.down + offset), sized(size), files)
    wire.tracker.acknowledged(seq.at(START, wire.down + 20000))
    assert [one.target for one in wire.tracker.responses] == [b"/0"]
    assert len(wire.tracker.pending) == 2
