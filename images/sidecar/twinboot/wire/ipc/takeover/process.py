"""What the takeover process says to the agent: its own records, what came of moves, and answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from twinboot.takeover.logic.record import ConnectionKey

from .json_line import Unknown, json_line, number_of, parsed, record_fields, record_of, text_of, unknown
from .report import MAX_FIELDS, TakeoverReport, report_of

MAX_EVENTS = 100
Fact = str | int | float
TimelineEntry = tuple[float, str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """To the agent's line of that number. report: when it was asked for."""

    number: int
    report: TakeoverReport | None = None


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
    fields: Mapping[str, Fact]
    reset: Mapping[str, int] = field(default_factory=dict)
    timeline: tuple[TimelineEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplicationQuery:
    """When do the peers know all that was told before this?"""

    number: int


TakeoverMessage = Reply | RecordChange | ReplicationQuery | TakeoverEvent


def takeover_line(message: TakeoverMessage) -> bytes:
    match message:
        case Reply(number, None):
            return json_line({"id": number})
        case Reply(number, TakeoverReport() as report):
            return json_line({"id": number, "report": {
                "limits": report.limits, "followed": dict(report.followed),
                "totals": {outcome: dict(counts) for outcome, counts in report.totals.items()},
                **{one.name: count for one, count in report.counts.items()},
            }})
        case RecordChange():
            return json_line(record_fields(message.key, message.value))
        case TakeoverEvent():
            return json_line({"event": message.name, "fields": {**message.fields, "address": message.address},
                          "reset": dict(message.reset), "timeline": message.timeline})
        case ReplicationQuery():
            return json_line({"ask_replicated": message.number})
    raise TypeError(f"no message: {message!r}")


def parse_takeover_line(line: bytes) -> TakeoverMessage | Unknown:
    """One line of the takeover process; MalformedMessage when it has none of the forms."""
    return parsed(line, _takeover_message)


def _takeover_message(found: dict[str, Any]) -> TakeoverMessage | Unknown:
    if "id" in found:
        report = found.get("report")
        return Reply(int(found["id"]), report_of(report) if report is not None else None)
    if "event" in found:
        return _event(found)
    if "ask_replicated" in found:
        return ReplicationQuery(int(found["ask_replicated"]))
    if "key" not in found:
        return unknown(found)
    key, value = record_of(found)
    ConnectionKey.unpack(key)
    return RecordChange(key, value)


def _event(found: dict[str, Any]) -> TakeoverEvent:
    fields = {text_of(key): _fact(value) for key, value in list(found["fields"].items())[:MAX_FIELDS]}
    reset = {text_of(key): int(count) for key, count in list(found.get("reset", {}).items())[:MAX_FIELDS]}
    timeline = tuple((number_of(at), text_of(what), text_of(text))
                     for at, what, text in found.get("timeline", ())[:MAX_EVENTS])
    address = text_of(found["fields"]["address"])
    return TakeoverEvent(text_of(found["event"]), address, fields, reset, timeline)


def _fact(one: Any) -> Fact:
    return one if isinstance(one, int) or (isinstance(one, float) and math.isfinite(one)) else text_of(one)
