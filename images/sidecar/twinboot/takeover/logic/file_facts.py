"""What a published file is known by, so that a taker can tell whether its own is the same. Pure."""

from __future__ import annotations

from typing import NamedTuple

CONTENT_BYTES = 16
"""Bytes kept of the 32 of a SHA-256: a record may name some hundred files."""


class FileFacts(NamedTuple):
    """size in bytes. modified: time of the last change, seconds since the epoch; of a boot loader or a
    listing a digest. content: the beginning of the SHA-256; empty: not known."""

    size: int
    modified: int
    content: bytes = b""

    def is_same(self, other: FileFacts) -> bool:
        """By content, whatever the times are, where both servers know it; else by size and time."""
        if self.content and other.content:
            return (self.size, self.content) == (other.size, other.content)
        return (self.size, self.modified) == (other.size, other.modified)


UNKNOWN_FACTS = FileFacts(-1, -1)
