"""What the agent and the takeover process say to each other: one JSON object a line, both ways.

    agent:    {"do": "claiming" | "claimed" | "releasing" | "released", "id": n, "address": a, "planned": b,
               "holder": name of the server that had it, or empty, "again": b}      {"do": "report", "id": n}
              {"peer": name, "key": base64, "value": base64 | null}       {"peer": name, "reset": true}
              {"dialects": {service: dialect of its image, or empty}}
              {"replicated": n}       all peers know what was told before the "ask_replicated" of that number
    takeover: {"id": n}       {"id": n, "report": {...}}       {"key": base64, "value": base64 | null}
              {"ask_replicated": n}
              {"event": name, "fields": {...}, "reset": {reason: n}, "timeline": [[time, name, words], ...]}

Owns both directions and the counters of the report (COUNTERS). A field that is unknown is skipped, and so is
a message of which every field is unknown, or a move that is (Unknown; who reads counts them). What lacks the
form is a MalformedMessage: the takeover process hears clients, and the agent must outlive what becomes of it.
All that is kept of a line is bounded.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address
from typing import Any, TypeVar

from twinboot.takeover.logic.record import ConnectionKey

LINE_LIMIT = 64 << 10
"""Bytes of a line, its end included."""
BACKLOG_BYTES = 16 << 20
"""More than every record of every peer. A side that leaves so much unread does not live."""
MAX_TEXT = 200
"""So long a name or a fact may be: the history keeps them, and the log shows them."""
MAX_FIELDS = 20
MAX_EVENTS = 100
SERVICES = ("ftp", "ftp-data", "http")
OUTCOMES = ("taken-over", "reset", "finished", "silent")

_T = TypeVar("_T")
Fact = str | int | float
TimelineEntry = tuple[float, str, str]


class CounterKind(Enum):
    COUNTER = "counter"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class ReportCounter:
    """name: in the report and in status. metric: its name after `twinboot_`, without `_total`; empty: none.
    help: for the exporter and METRICS.md, without a full stop."""

    name: str
    kind: CounterKind
    help: str
    metric: str = ""


COUNTERS = (
    ReportCounter("serving", CounterKind.GAUGE, "connections that the takeover process serves"),
    ReportCounter("input_hold_active", CounterKind.GAUGE,
                  "1 while clients' requests wait until the peers know of them", "input_hold_active"),
    ReportCounter("left_out", CounterKind.COUNTER,
                  "connections not followed because there were too many", "connections_left_out"),
    ReportCounter("tftp_not_followed", CounterKind.COUNTER,
                  "TFTP downloads not followed since what their blocks hold is not certain, as with an "
                  "option that is not known", "tftp_downloads_not_followed"),
    ReportCounter("segments", CounterKind.COUNTER,
                  "TCP segments that the takeover process was shown", "connection_segments"),
    ReportCounter("frames_lost", CounterKind.COUNTER,
                  "TCP segments that came faster than it read them", "connection_segments_lost"),
    ReportCounter("input_held", CounterKind.COUNTER,
                  "packets of clients that waited until the peers knew of them, a few milliseconds each",
                  "connection_input_held"),
    ReportCounter("input_held_overdue", CounterKind.COUNTER,
                  "packets of clients let go after 0.4 s, before the peers knew",
                  "connection_input_held_overdue"),
    ReportCounter("rules_laid_again", CounterKind.COUNTER,
                  "how often others had changed the takeover process's nftables table, and it was laid again",
                  "takeover_rules_laid_again"),
    ReportCounter("cpu_s", CounterKind.COUNTER,
                  "processor time of the takeover process", "takeover_cpu_seconds"),
)
"""Status, metrics and METRICS.md follow from this table; the takeover process fills it in by name."""


class MalformedMessage(ValueError):
    """A line that has none of the forms."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message of a newer build, to be skipped. number: it waits for a Reply."""

    number: int | None = None


# From the agent -----------------------------------------------------------------------------------


class Move(Enum):
    CLAIMING = "claiming"
    CLAIMED = "claimed"
    RELEASING = "releasing"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class MoveRequest:
    """holder: who had the address, empty when unknown. planned: it lives. again: the takeover process is new,
    the address is not."""

    move: Move
    address: IPv4Address
    holder: str = ""
    planned: bool = False
    again: bool = False
    number: int = 0


@dataclass(frozen=True, slots=True)
class ReportRequest:
    number: int = 0


@dataclass(frozen=True, slots=True)
class PeerRecord:
    """value None: it is over. peer empty: what this server's takeover process told in its last life."""

    peer: str
    key: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class PeerReset:
    """All records of the peer are void."""

    peer: str


@dataclass(frozen=True, slots=True)
class Replicated:
    """All peers know what was told before the ReplicationQuery of that number."""

    number: int


@dataclass(frozen=True, slots=True)
class Dialects:
    """What the images of FTP and HTTP service speak here, by service; empty: the image does not say."""

    by_service: Mapping[str, str]


Request = MoveRequest | ReportRequest
AgentMessage = MoveRequest | ReportRequest | PeerRecord | PeerReset | Replicated | Dialects


def agent_line(message: AgentMessage) -> bytes:
    match message:
        case MoveRequest():
            return _line({
                "do": message.move.value, "address": str(message.address), "holder": message.holder,
                "planned": message.planned, **({"again": True} if message.again else {}),
                "id": message.number,
            })
        case ReportRequest():
            return _line({"do": "report", "id": message.number})
        case PeerRecord():
            return _line({"peer": message.peer, **_record(message.key, message.value)})
        case PeerReset():
            return _line({"peer": message.peer, "reset": True})
        case Replicated():
            return _line({"replicated": message.number})
        case Dialects():
            return _line({"dialects": dict(message.by_service)})


def parse_agent_line(line: bytes) -> AgentMessage | Unknown:
    """One line of the agent; MalformedMessage when it has none of the forms."""
    return _parsed(line, _agent_message)


def _agent_message(found: dict[str, Any]) -> AgentMessage | Unknown:
    if "replicated" in found:
        return Replicated(int(found["replicated"]))
    if "dialects" in found:
        return Dialects({_text(name): _text(text) for name, text in found["dialects"].items()})
    if "do" in found:
        number, word = int(found["id"]), found["do"]
        if word == "report":
            return ReportRequest(number)
        move = next((move for move in Move if move.value == word), None)
        if move is None:
            return Unknown(number)
        return MoveRequest(move, IPv4Address(found["address"]), str(found.get("holder", "")),
                           bool(found.get("planned")), bool(found.get("again")), number)
    if "peer" in found and found.get("reset"):
        return PeerReset(str(found["peer"]))
    if "key" in found:
        return PeerRecord(str(found["peer"]), *_record_of(found))
    return _unknown(found)


# From the takeover process ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TakeoverReport:
    """How the takeover process is. limits: code and text of what it lacks, for alarms.
    followed: connections by service; totals: by outcome and service; counts: by name of a
    ReportCounter, those that it knows."""

    limits: tuple[tuple[str, str], ...] = ()
    followed: Mapping[str, float] = field(default_factory=dict)
    totals: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    counts: Mapping[str, float] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """For status and metrics: every counter of the table, 0 where nothing was said."""
        return {"followed": self.followed, "totals": self.totals,
                **{one.name: self.counts.get(one.name, 0) for one in COUNTERS}}


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
            return _line({"id": number})
        case Reply(number, TakeoverReport() as report):
            return _line({"id": number, "report": {
                "limits": report.limits, "followed": dict(report.followed),
                "totals": {outcome: dict(counts) for outcome, counts in report.totals.items()},
                **report.counts,
            }})
        case RecordChange():
            return _line(_record(message.key, message.value))
        case TakeoverEvent():
            return _line({"event": message.name, "fields": {**message.fields, "address": message.address},
                          "reset": dict(message.reset), "timeline": message.timeline})
        case ReplicationQuery():
            return _line({"ask_replicated": message.number})
    raise TypeError(f"no message: {message!r}")


def parse_takeover_line(line: bytes) -> TakeoverMessage | Unknown:
    """One line of the takeover process; MalformedMessage when it has none of the forms."""
    return _parsed(line, _takeover_message)


def _takeover_message(found: dict[str, Any]) -> TakeoverMessage | Unknown:
    if "id" in found:
        report = found.get("report")
        return Reply(int(found["id"]), _report(report) if report is not None else None)
    if "event" in found:
        return _event(found)
    if "ask_replicated" in found:
        return ReplicationQuery(int(found["ask_replicated"]))
    if "key" not in found:
        return _unknown(found)
    key, value = _record_of(found)
    ConnectionKey.unpack(key)
    return RecordChange(key, value)


def _event(found: dict[str, Any]) -> TakeoverEvent:
    fields = {_text(key): _fact(value) for key, value in list(found["fields"].items())[:MAX_FIELDS]}
    reset = {_text(key): int(count) for key, count in list(found.get("reset", {}).items())[:MAX_FIELDS]}
    timeline = tuple((_number(at), _text(what), _text(text))
                     for at, what, text in found.get("timeline", ())[:MAX_EVENTS])
    return TakeoverEvent(_text(found["event"]), _text(found["fields"]["address"]), fields, reset, timeline)


def _report(found: dict[str, Any]) -> TakeoverReport:
    totals = found.get("totals", {})
    return TakeoverReport(
        tuple((_text(code), _text(text)) for code, text in found.get("limits", ())[:MAX_FIELDS]),
        _by_service(found.get("followed", {})),
        {outcome: _by_service(totals[outcome]) for outcome in OUTCOMES if outcome in totals},
        {one.name: _number(found[one.name]) for one in COUNTERS if one.name in found},
    )


# Parts --------------------------------------------------------------------------------------------


def _line(found: Mapping[str, Any]) -> bytes:
    return json.dumps(found).encode() + b"\n"


def _parsed(line: bytes, read: Callable[[dict[str, Any]], _T]) -> _T:
    try:
        found = json.loads(line)
        if not isinstance(found, dict):
            raise TypeError("not an object")
        return read(found)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError) as exc:
        raise MalformedMessage(f"{type(exc).__name__}: {exc}"[:MAX_TEXT]) from None


def _unknown(found: dict[str, Any]) -> Unknown:
    if not found:
        raise ValueError("an object without a field")
    return Unknown()


def _record(key: bytes, value: bytes | None) -> dict[str, Any]:
    return {"key": base64.b64encode(key).decode(),
            "value": base64.b64encode(value).decode() if value is not None else None}


def _record_of(found: dict[str, Any]) -> tuple[bytes, bytes | None]:
    value = found["value"]
    return base64.b64decode(found["key"]), base64.b64decode(value) if value is not None else None


def _by_service(found: Mapping[str, Any]) -> dict[str, float]:
    return {name: _number(count) for name, count in found.items() if name in SERVICES}


def _text(one: Any) -> str:
    return str(one)[:MAX_TEXT]


def _fact(one: Any) -> Fact:
    return one if isinstance(one, int) or (isinstance(one, float) and math.isfinite(one)) else _text(one)


def _number(one: Any) -> float:
    if not isinstance(one, int | float) or not math.isfinite(one):
        raise ValueError(f"{_text(one)!r} is no number")
    return one
