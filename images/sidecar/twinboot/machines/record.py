"""One machine's record, which of two is further, and its form on the disk and between servers.

Records of one machine are totally ordered, and the greater one counts: so merging is associative, commutative
and idempotent, whatever is lost, doubled or comes late. No clock decides: times of day are shown, and tell
apart only what is equal in all else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from .by_load import assignment as places
from .by_load.assignment import Assignment

MAX_WORDS = 1200
"""Characters of the last words that are kept: so that a record fits a packet that IP need not fragment."""


class Order(IntEnum):
    """What a machine was told to do. Of two orders of one epoch (given on two servers that did not hear each
    other) the one that erases nothing counts."""

    INSTALL = 0
    LOCAL = 1


class Step(IntEnum):
    """How far an install is, in this order."""

    WAITING = 0
    LOADER = 1
    KERNEL = 2
    ANSWERS = 3
    PACKAGES = 4
    FINISHING = 5
    DONE = 6


STEP_WORDS = {step: step.name.lower() for step in Step}
"""As shown, and named in the site file. One text for each, not one for each of ten thousand machines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """epoch: how many orders it has had. attempt: how many installs of this epoch began before this one.
    token: SHA-256, in hex, of what the running install proves itself by; empty: none has begun.
    number, of: packages; kib: written to its disk. turn: counts the changes of the attempt, so that a later
    one is further whatever the clocks say. at: seconds since the epoch, by the clock of `server`.
    firmware: how it has booted from the network last (bios, uefi, uefi-http); empty: not heard."""

    epoch: int = 0
    order: Order = Order.INSTALL
    attempt: int = 0
    step: Step = Step.WAITING
    failed: bool = False
    token: str = ""
    number: int = 0
    of: int = 0
    kib: int = 0
    words: str = ""
    profile: str = ""
    macs: tuple[str, ...] = ()
    turn: int = 0
    at: float = 0.0
    server: str = ""
    restored: bool = False
    firmware: str = ""
    place: Assignment = places.NONE
    """Merged by itself: no part of what makes one record further than another."""

    @property
    def begun(self) -> bool:
        """An install of this epoch has begun: its disk may be erased."""
        return bool(self.token)

    @property
    def done(self) -> bool:
        return self.step is Step.DONE

    def same_but_how_far(self, other: Record) -> bool:
        """Nothing is another but how far its packages are: nobody's boot file depends on that."""
        return all(getattr(self, name) == getattr(other, name) for name in _ELSE)

    def rank(self) -> tuple[Any, ...]:
        """The order of records. The end of an install counts whatever else is said of its epoch; a failure
        until another attempt; of two that are alike so far the one that does not come from a backup."""
        return (
            self.epoch, self.order, self.done, self.attempt, self.begun, not self.restored, self.failed,
            self.step, self.number, self.kib, self.turn, self.at, self.of, self.server, self.token,
            self.words, self.profile, self.macs, self.firmware,
        )  # fmt: skip


_ELSE = ("epoch", "order", "attempt", "step", "failed", "token", "profile", "macs", "restored", "place")
_BLANK = {key: getattr(Record(), key) for key in Record.__dataclass_fields__}
"""By name of a field, its default."""


def merged(one: Record, other: Record) -> Record:
    """The version of a record that has the higher rank, with the place that has the higher rank."""
    further = max(one, other, key=Record.rank)
    place = places.further(one.place, other.place)
    return further if place == further.place else replace(further, place=place)


def encode(record: Record) -> bytes:
    """JSON without what is as by default: a newer release's fields are skipped by an older one."""
    values = {key: value for key, blank in _BLANK.items() if (value := getattr(record, key)) != blank}
    if "place" in values:
        values["place"] = places.as_plain(record.place)
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode()


def decode(data: bytes) -> Record:
    """ValueError for what encode() has not made."""
    try:
        read = json.loads(data)
        known = {key: value for key, value in read.items() if key in Record.__dataclass_fields__}
        for key, value in known.items():
            if key in ("macs", "place"):
                continue
            if type(value) is not type(_BLANK[key]) and not _number(key, value):
                raise ValueError(f"{key}: {value!r}")
        known["order"] = Order(known.get("order", 0))
        known["step"] = Step(known.get("step", 0))
        known["macs"] = tuple(str(mac) for mac in known.get("macs", ()))
        known["place"] = places.from_plain(known.get("place", {}))
        return Record(**known)
    except (ValueError, TypeError, AttributeError, RecursionError) as exc:
        raise ValueError(f"no record of a machine: {exc}") from None


def _number(key: str, value: object) -> bool:
    """An enum is an integer there, and a time may be one."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return (whole and key in ("order", "step", "at")) or (key == "at" and isinstance(value, float))
