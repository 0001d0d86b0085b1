"""When a machine may be told that what it said is kept: on this server's disk, and at every live peer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DurabilityMark:
    """write: the number of the write to the disk that holds it. head: of the replicated table, when it held
    it."""

    write: int
    head: int


def is_durable(mark: DurabilityMark, *, written: int, delivered_upto: bool) -> bool:
    """written: the last write that the disk has. delivered_upto: every live peer has the table up to
    `mark.head`."""
    return delivered_upto and written >= mark.write
