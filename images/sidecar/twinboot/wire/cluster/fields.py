"""The fields of a section's body: strings and bytes with their length first, counted lists."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence


def string(text: str) -> bytes:
    """At most 255 bytes of UTF-8; ValueError beyond."""
    raw = text.encode()
    return bytes((len(raw),)) + raw


def strings(texts: Sequence[str]) -> bytes:
    """At most 255 of them; ValueError beyond."""
    return bytes((len(texts),)) + b"".join(string(text) for text in texts)


def sized(raw: bytes) -> bytes:
    """At most 255 bytes; ValueError beyond."""
    return bytes((len(raw),)) + raw


class Reader:
    """Takes a buffer apart from the front; any read beyond its end raises ValueError."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        chunk = self._data[self._at:self._at + size]
        if len(chunk) != size:
            raise ValueError("ends too early")
        self._at += size
        return chunk

    def unpack(self, layout: struct.Struct) -> tuple[int, ...]:
        return layout.unpack(self.take(layout.size))

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._data)

    def byte(self) -> int:
        return self.take(1)[0]

    def string(self) -> str:
        return self.take(self.byte()).decode()

    def many(self, read: Callable[[], str]) -> tuple[str, ...]:
        return tuple(read() for _ in range(self.byte()))
