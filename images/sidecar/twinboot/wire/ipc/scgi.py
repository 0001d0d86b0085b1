"""Requests that the HTTP service hands on to the agent, by SCGI: bytes <-> values.

A request is one netstring of headers, each a name and a value that end with a zero byte, and then a body,
which is not read here: what is handed on are GET requests. Source: the SCGI specification of 2008, sections
2 and 3.
"""

from __future__ import annotations

from collections.abc import Mapping

MAX_REQUEST = 16 << 10
"""Bytes of the headers: nginx's own limit of a request line is 8 KiB."""
_LENGTH_DIGITS = len(str(MAX_REQUEST))


class NotScgi(ValueError):
    """The bytes are no headers of an SCGI request."""


def headers_length(begun: bytes) -> int | None:
    """Bytes of the request up to the end of the headers, once the length is there; None: not yet."""
    digits, colon, _ = begun.partition(b":")
    if not colon and len(begun) <= _LENGTH_DIGITS:
        return None
    if not digits.isdigit() or len(digits) > _LENGTH_DIGITS or int(digits) > MAX_REQUEST:
        raise NotScgi("no netstring, or one that is too long")
    return len(digits) + 1 + int(digits) + 1


def headers(request: bytes) -> Mapping[str, str]:
    """The headers of a request that is there as far as headers_length() says."""
    length = headers_length(request)
    if length is None or len(request) < length or request[length - 1:length] != b",":
        raise NotScgi("the headers do not end where they should")
    fields = request[request.index(b":") + 1:length - 1].split(b"\0")
    if fields.pop() or len(fields) % 2:
        raise NotScgi("a header without a value")
    texts = [field.decode("latin-1") for field in fields]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def answer(line: str) -> bytes:
    """The reply: one line of text. The status is always 200, as the smallest of clients show no other."""
    body = f"{line}\n".encode()
    head = f"Status: 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Cache-Control: no-store\r\n\r\n".encode() + body
