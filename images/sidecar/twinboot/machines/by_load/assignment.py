"""A machine's assignment (balancing mode load): the group that it was given for an install, or its turn in
the queue.

Assignments of one machine are totally ordered, beside and apart from its records: the further one counts, so
that servers agree in whatever order they hear of it, and a record of a server that has not heard of a place
takes nothing away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """epoch, attempt: of the install that it is for. turn: counts its changes. group: empty: it waits.
    since: when it asked first, seconds since the epoch by the clock of the server that was asked; the queue
    goes by it."""

    epoch: int = 0
    attempt: int = 0
    turn: int = 0
    group: str = ""
    since: float = 0.0

    def rank(self) -> tuple[Any, ...]:
        """Sort key: of two changes at the same time the one that gives a group counts."""
        return (self.epoch, self.attempt, self.turn, bool(self.group), self.group, self.since)


NONE = Assignment()
_BLANK = {key: getattr(NONE, key) for key in Assignment.__dataclass_fields__}
"""By name of a field, its default."""


def further(one: Assignment, other: Assignment) -> Assignment:
    """The version of an assignment that has the higher rank."""
    return max(one, other, key=Assignment.rank)


def as_plain(place: Assignment) -> dict[str, Any]:
    """Fields as JSON values, without those that are as by default."""
    return {key: value for key, blank in _BLANK.items() if (value := getattr(place, key)) != blank}


def from_plain(read: object) -> Assignment:
    """ValueError for what as_plain() has not made; what a newer release says beside is skipped."""
    if not isinstance(read, Mapping):
        raise ValueError(f"{read!r}")
    known = {key: value for key, value in read.items() if key in Assignment.__dataclass_fields__}
    for key, value in known.items():
        if type(value) is not type(_BLANK[key]) and not (key == "since" and type(value) is int):
            raise ValueError(f"{key}: {value!r}")
    return Assignment(**known)
