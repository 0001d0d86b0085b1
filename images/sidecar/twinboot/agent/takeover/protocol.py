"""What the adopter says, made into values that can be trusted to have their form.

The adopter hears clients, and the agent must outlive whatever becomes of it: a line that has not the form is
refused, and all that is kept of one is bounded.
"""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from typing import Any

from twinboot.takeover.logic.record import Key

WORDS = 200
"""So long a name or a fact may be: the history keeps them, and the log shows them."""
MOST_FIELDS = 20
MOST_EVENTS = 100
_COUNTS = ("told", "waiting", "left_out", "segments", "frames_lost", "serving", "cpu_s", "gate_shut",
           "words_held", "words_held_too_long")
_SERVICES = ("ftp", "ftp-data", "http")
_OUTCOMES = ("adopted", "reset", "finished", "silent")

Fact = str | int | float


@dataclass(frozen=True, slots=True)
class Answer:
    """To the agent's line of that number. report: how the adopter is, when it was asked so."""

    number: int
    report: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A record of this server, for the peers. value None: it is over."""

    key: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Happened:
    """For the log and the history. reset: how many connections, by reason."""

    name: str
    address: str
    fields: dict[str, Fact]
    reset: dict[str, int]
    diary: tuple[tuple[float, str, str], ...]


@dataclass(frozen=True, slots=True)
class Asks:
    """When do the peers know all that was told before this?"""

    number: int


class Nonsense(ValueError):
    """A line that has none of the forms."""


Word = Answer | Told | Asks | Happened


def parse(line: bytes) -> Word:
    """One line. Nonsense when it is none."""
    try:
        found = json.loads(line)
        if "id" in found:
            report = found.get("report")
            return Answer(int(found["id"]), _report(report) if report is not None else None)
        if "event" in found:
            return _happened(found)
        if "told" in found:
            return Asks(int(found["told"]))
        key, value = base64.b64decode(found["key"]), found["value"]
        Key.unpack(key)
        return Told(key, base64.b64decode(value) if value is not None else None)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError) as exc:
        raise Nonsense(f"{type(exc).__name__}: {exc}"[:WORDS]) from None


def _happened(found: dict[str, Any]) -> Happened:
    fields = {_word(key): _fact(value) for key, value in list(found["fields"].items())[:MOST_FIELDS]}
    reset = {_word(key): int(count) for key, count in list(found.get("reset", {}).items())[:MOST_FIELDS]}
    diary = tuple((_number(at), _word(what), _word(text))
                  for at, what, text in found.get("diary", ())[:MOST_EVENTS])
    return Happened(_word(found["event"]), _word(fields["address"]), fields, reset, diary)


def _report(found: dict[str, Any]) -> dict[str, Any]:
    """Only what status and metrics show."""
    totals = found.get("totals", {})
    return {
        "faults": [_word(one) for one in found.get("faults", ())[:MOST_FIELDS]],
        "followed": {name: _number(count) for name, count in found.get("followed", {}).items()
                     if name in _SERVICES},
        "totals": {
            outcome: {name: _number(count) for name, count in totals[outcome].items() if name in _SERVICES}
            for outcome in _OUTCOMES if outcome in totals
        },
        **{name: _number(found[name]) for name in _COUNTS if name in found},
    }


def _word(one: Any) -> str:
    return str(one)[:WORDS]


def _fact(one: Any) -> Fact:
    return one if isinstance(one, int) or (isinstance(one, float) and math.isfinite(one)) else _word(one)


def _number(one: Any) -> float:
    if not isinstance(one, int | float) or not math.isfinite(one):
        raise ValueError(f"{_word(one)!r} is no number")
    return one
