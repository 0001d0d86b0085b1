"""Heads in the middle of a segment are not captured: which request is answered follows from the next ones."""

from __future__ import annotations

import pytest
from httpwire import MODIFIED, START, Wire, head, request
from twinboot.takeover.logic.file_facts import FileFacts
from twinboot.takeover.logic.protocols.http_heads import Request
from twinboot.takeover.logic.tcp import seq


def wanted(wire: Wire, *sizes: int) -> dict[Request, FileFacts]:
    return dict(zip(wire.tracker.pending, (FileFacts(size, MODIFIED) for size in sizes), strict=True))


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
    files |= {one: FileFacts(700, 5) for one in files if one.target in (b"/1", b"/2")}
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
