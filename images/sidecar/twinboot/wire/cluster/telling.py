"""Sections of a heartbeat that say how its sender measures and reaches the others.

Timers: in microseconds (u32 each), in the order of core.membership.timing.TOLD. Unanswered servers: one bit
for each entry of the section on whom the sender hears, the first entry is bit 0, little-endian. Both sections
are missing in a heartbeat of an older release.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from twinboot.core.membership.timing import TOLD
from twinboot.core.model import Heartbeat, Timers

from ..sections import put

TAG_TIMERS = 7
TAG_UNANSWERED = 8

_TIMERS = struct.Struct(f">{len(TOLD)}I")
_PER_SECOND = 1_000_000


def encode(heartbeat: Heartbeat) -> bytes:
    """The sections that have something to say. struct.error: a time does not fit."""
    parts = b""
    if heartbeat.timers is not None:
        parts += put(TAG_TIMERS, _TIMERS.pack(*(
            round(getattr(heartbeat.timers, name) * _PER_SECOND) for name in TOLD
        )))
    if heartbeat.unanswered:
        bits = sum((name in heartbeat.unanswered) << place for place, name in enumerate(heartbeat.heard))
        parts += put(TAG_UNANSWERED, bits.to_bytes((len(heartbeat.heard) + 7) // 8, "little"))
    return parts


def timers(body: bytes | None) -> Timers | None:
    """struct.error: the section is too short."""
    if body is None:
        return None
    told = _TIMERS.unpack_from(body)
    return Timers(**{name: value / _PER_SECOND for name, value in zip(TOLD, told, strict=True)})


def unanswered(body: bytes | None, heard: Iterable[str]) -> tuple[str, ...]:
    """heard: of whom the sender says that it hears them, in the order of its message."""
    bits = int.from_bytes(body or b"", "little")
    return tuple(name for place, name in enumerate(heard) if bits >> place & 1)
