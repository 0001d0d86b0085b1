"""Answers with several ranges of one file (RFC 9110 section 14.6), as nginx writes them.

The boundary stands in the head, the parts follow from the request; their Content-Type and the size of the
file are read from the first part, which comes in one segment with the head. The Content-Length of the head
confirms all of it: an answer that does not come to just that length is not repeated.
"""

from __future__ import annotations

import re
from dataclasses import replace

from .http_heads import Request, Response

PARTS_LIMIT = 512
"""librepo asks for 250 ranges at once at most (zchunk)."""
_BOUNDARY = re.compile(rb"^content-type:[ \t]*multipart/byteranges;[ \t]*boundary=([^\s;]+)", re.I | re.M)
_FIRST_PART = re.compile(
    rb"^\r\n--([^\r\n]+)\r\nContent-Type: ([^\r\n]+)\r\n"
    rb"Content-Range: bytes \d{1,18}-\d{1,18}/(\d{1,18})\r\n\r\n")
_RANGE = re.compile(rb"^ *(\d{0,18}) *- *(\d{0,18}) *$")


def requested_parts(value: bytes, size: int) -> tuple[tuple[int, int], ...]:
    """Offset and length of each range of a Range field, for a file of `size` bytes; empty: malformed."""
    unit, _equals, ranges = value.partition(b"=")
    found: list[tuple[int, int]] = []
    for one in ranges.split(b",") if unit.lower() == b"bytes" else ():
        limits = _RANGE.match(one)
        if limits is None or limits[1] == limits[2] == b"" or len(found) >= PARTS_LIMIT:
            return ()
        if limits[1] == b"":
            first, last = max(0, size - int(limits[2])), size - 1
        else:
            first, last = int(limits[1]), min(int(limits[2] or size - 1), size - 1)
        if first <= last:
            found.append((first, last - first + 1))
    return tuple(found)


def with_parts(response: Response, request: Request, body: bytes) -> Response:
    """The response with its parts, if it has several and `body`, its beginning, shows what they are like."""
    boundary, first = _BOUNDARY.search(response.head), _FIRST_PART.match(body)
    if (response.status != 206 or request.method != b"GET" or boundary is None or first is None
            or first[1] != boundary[1]):
        return response
    size = int(first[3])
    parts = requested_parts(request.field(b"range"), size)
    found = replace(response, size=size, parts=parts, part_type=first[2])
    whole = sum(length for _offset, length in parts) + sum(len(one) for one in part_heads(found))
    return found if parts and whole == response.length else response


def part_heads(response: Response) -> list[bytes]:
    """What comes before each part, and after the last."""
    boundary = _BOUNDARY.search(response.head)
    mark = b"\r\n--" + (boundary[1] if boundary is not None else b"")
    return [
        mark + b"\r\nContent-Type: %s\r\nContent-Range: bytes %d-%d/%d\r\n\r\n"
        % (response.part_type, offset, offset + length - 1, response.size)
        for offset, length in response.parts
    ] + [mark + b"--\r\n"]
