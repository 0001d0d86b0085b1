"""What is sent in a dead server's place: bytes, and parts of published files.

Owns how an answer by HTTP is put together again, and how what the client has already is left out of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .protocols.http import INDEX
from .protocols.http_heads import Response
from .protocols.http_ranges import part_heads


@dataclass(frozen=True, slots=True)
class FilePart:
    """`length` bytes of a published file from `offset` on."""

    path: bytes
    offset: int
    length: int


Piece = bytes | FilePart


def file_of(path: bytes) -> bytes:
    """The file that the HTTP service sends for a path: of a directory its index."""
    return path + INDEX if path.endswith(b"/") else path


def answer_pieces(response: Response, path: bytes) -> list[Piece]:
    """All of an answer that is repeatable. path: of its file, if its body is not in the record."""
    if response.inline or not response.length:
        return [response.head, response.inline]
    if not response.parts:
        return [response.head, FilePart(path, response.offset, response.length)]
    *before, after = part_heads(response)
    pieces: list[Piece] = [response.head]
    for said, (offset, length) in zip(before, response.parts, strict=True):
        pieces += [said, FilePart(path, offset, length)]
    return [*pieces, after]


def without_first(pieces: Iterable[Piece], count: int) -> list[Piece]:
    """The pieces without their first `count` bytes; bytes that follow each other are joined."""
    left: list[Piece] = []
    for one in pieces:
        length = len(one) if isinstance(one, bytes) else one.length
        skipped = min(count, length)
        count -= skipped
        if skipped == length:
            continue
        if isinstance(one, FilePart):
            left.append(FilePart(one.path, one.offset + skipped, length - skipped))
        elif left and isinstance(left[-1], bytes):
            left[-1] += one[skipped:]
        else:
            left.append(one[skipped:])
    return left


def size_of(pieces: Iterable[Piece]) -> int:
    """Bytes of all pieces together."""
    return sum(len(one) if isinstance(one, bytes) else one.length for one in pieces)
