"""Answers with several ranges of one file: kept as parts of it, when all of them are known."""

from __future__ import annotations

import pytest
from httpwire import Wire, head, request
from twinboot.takeover.logic.protocols.http_ranges import part_heads, requested_parts

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
