"""What the HTTP service hands on: netstrings of headers, whole or in pieces, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.wire.ipc import scgi

FIELDS = st.dictionaries(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20),
    st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=50), max_size=8,
)  # fmt: skip


def request(fields: dict[str, str]) -> bytes:
    body = b"".join(f"{name}\0{value}\0".encode("latin-1") for name, value in fields.items())
    return b"%d:%b," % (len(body), body)


@given(FIELDS)
def test_headers_are_read_as_they_were_written(fields: dict[str, str]) -> None:
    data = request(fields)
    assert scgi.headers_length(data[:6]) in (None, len(data))
    assert scgi.headers_length(data) == len(data)
    assert scgi.headers(data) == fields


@given(st.binary(max_size=60))
def test_other_bytes_are_refused_or_waited_for(data: bytes) -> None:
    try:
        scgi.headers(data)
    except scgi.NotScgi:
        pass
    else:
        assert data.endswith(b",")


@pytest.mark.parametrize(
    "data", [b"99999:", b"x:", b"1234567", b"3:a\0b,", b"2:a\0,", b"4:a\0b\0;", b"1:\0,"]
)
def test_a_wrong_length_or_end_is_refused(data: bytes) -> None:
    with pytest.raises(scgi.NotScgi):
        scgi.headers(data)


def test_an_answer_is_one_line_and_always_200() -> None:
    head, _, body = scgi.answer("no such host").partition(b"\r\n\r\n")
    assert head.startswith(b"Status: 200 ")
    assert body == b"no such host\n"
    assert b"Content-Length: 13" in head
