"""Sections of a tag and a length: the form of every format that two servers share.

    section = tag u8 | length u16, big-endian | body

Owns that form and nothing else; uses nothing, so that pure packages may use it. How a format grows: a new
section gets a tag that was never used; a reader skips tags that it does not know and has a default for a
section that is missing; a body may get more at its end, and a reader ignores what follows what it knows.

    put(tag, body) -> bytes                              one section
    take(data, at=0) -> Iterator[tuple[int, bytes]]      all sections of data from `at` on, in their order

Errors are ValueError: a body or tag that does not fit, data that ends within a section.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

HEADER_BYTES = 3
MAX_BODY = 0xFFFF
"""What a length of 16 bits can say."""

_HEADER = struct.Struct(">BH")


def put(tag: int, body: bytes) -> bytes:
    """One section; ValueError when the tag is none of 0 to 255 or the body is over MAX_BODY."""
    try:
        return _HEADER.pack(tag, len(body)) + body
    except struct.error as exc:
        raise ValueError(f"section {tag} of {len(body)} bytes: {exc}") from exc


def take(data: bytes, at: int = 0) -> Iterator[tuple[int, bytes]]:
    """Tag and body of each section; ValueError, when it gets there, for data that ends within one."""
    end = len(data)
    while at < end:
        body = at + HEADER_BYTES
        if body > end:
            raise ValueError("a section that ends too early")
        tag, length = _HEADER.unpack_from(data, at)
        at = body + length
        if at > end:
            raise ValueError("a section that ends too early")
        yield tag, data[body:at]


def take_once(data: bytes, at: int = 0) -> dict[int, bytes]:
    """All sections by tag; ValueError when a tag comes twice."""
    found: dict[int, bytes] = {}
    for tag, body in take(data, at):
        if tag in found:
            raise ValueError(f"section {tag} twice")
        found[tag] = body
    return found
