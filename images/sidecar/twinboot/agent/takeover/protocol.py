"""What the takeover process says, made into values that can be trusted to have their form.

The takeover process hears clients, and the agent must outlive whatever becomes of it: a line that has not the
form is refused, and all that is kept of one is bounded.
"""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from typing import Any

from twinboot.takeover.logic.record import ConnectionKey

MAX_TEXT = 200
"""So long a name or a fact may be: the history keeps them, and the log shows them."""
MAX_FIELDS = 20
MAX_EVENTS = 100
_COUNTS = (
    "records_sent",
    "waiting",
    "left_out",
    "segments",
    "frames_lost",
    "serving",
    "cpu_s",
    "input_hold_active",
    "input_held",
    "input_held_overdue",
)
_SERVICES = ("ftp", "ftp-data", "http")
_OUTCOMES = ("taken-over", "reset", "finished", "silent")

Fact = str | int | float


@dataclass(frozen=True, slots=True)
class Reply:
    """To the agent's line of that number. report: how the takeover process is, when it was asked so."""

    number: int
    report: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class RecordChange:
    """A record of this server, for the peers. value None: it is over."""

    key: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class TakeoverEvent:
    """For the log and the history. reset: how many connections, by reason."""

    name: str
    address: str
    fields: dict[str, Fact]
    reset: dict[str, int]
    timeline: tuple[tuple[float, str, str], ...]


@dataclass(frozen=True, slots=True)
class ReplicationQuery:
    """When do the peers know all that was told before this?"""

    number: int


class MalformedMessage(ValueError):
    """A line that has none of the forms."""


Message = Reply | RecordChange | ReplicationQuery | TakeoverEvent


def parse_message(line: bytes) -> Message:
    """One line. Nonsense when it is none."""
    try:
        found = json.loads(line)
        if "id" in found:
            report = found.get("report")
            return Reply(int(found["id"]), _report(report) if report is not None else None)
        if "event" in found:
            return _takeover_event(found)
        if "ask_replicated" in found:
            return ReplicationQuery(int(found["ask_replicated"]))
        key, value = base64.b64decode(found["key"]), found["value"]
        ConnectionKey.unpack(key)
        return RecordChange(key, base64.b64decode(value) if value is not None else None)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError) as exc:
        raise MalformedMessage(f"{type(exc).__name__}: {exc}"[:MAX_TEXT]) from None


def _takeover_event(found: dict[str, Any]) -> TakeoverEvent:
    fields = {_text(key): _fact(value) for key, value in list(found["fields"].items())[:MAX_FIELDS]}
    reset = {_text(key): int(count) for key, count in list(found.get("reset", {}).items())[:MAX_FIELDS]}
    diary = tuple((_number(at), _text(what), _text(text))
                  for at, what, text in found.get("timeline", ())[:MAX_EVENTS])
    return TakeoverEvent(_text(found["event"]), _text(fields["address"]), fields, reset, diary)


def _report(found: dict[str, Any]) -> dict[str, Any]:
    """Only what status and metrics show."""
    totals = found.get("totals", {})
    return {
        "limits": [(_text(code), _text(text)) for code, text in found.get("limits", ())[:MAX_FIELDS]],
        "followed": {name: _number(count) for name, count in found.get("followed", {}).items()
                     if name in _SERVICES},
        "totals": {
            outcome: {name: _number(count) for name, count in totals[outcome].items() if name in _SERVICES}
            for outcome in _OUTCOMES if outcome in totals
        },
        **{name: _number(found[name]) for name in _COUNTS if name in found},
    }


def _text(one: Any) -> str:
    return str(one)[:MAX_TEXT]


def _fact(one: Any) -> Fact:
    return one if isinstance(one, int) or (isinstance(one, float) and math.isfinite(one)) else _text(one)


def _number(one: Any) -> float:
    if not isinstance(one, int | float) or not math.isfinite(one):
        raise ValueError(f"{_text(one)!r} is no number")
    return one
