"""What the agent and the takeover process say to each other: one JSON object a line, both ways.

    agent:    {"do": "claiming" | "claimed" | "releasing" | "released", "id": n, "address": a, "planned": b,
               "holder": name of the server that had it, or empty, "again": b}      {"do": "report", "id": n}
              {"peer": name, "key": base64, "value": base64 | null}       {"peer": name, "reset": true}
              {"dialects": {service: dialect of its image, or empty}}
              {"replicated": n}       all peers know what was told before the "ask_replicated" of that number
    takeover: {"id": n}       {"id": n, "report": {...}}       {"key": base64, "value": base64 | null}
              {"ask_replicated": n}
              {"event": name, "fields": {...}, "reset": {reason: n}, "timeline": [[time, name, words], ...]}

A field that is unknown is skipped, and so is a message of which every field is unknown, or a move that is
(Unknown; who reads counts them, for the metric takeover_unknown_messages). What lacks the form is a
MalformedMessage: the takeover process hears clients, and the agent must outlive what becomes of it. All that
is kept of a line is bounded.

agent      What the agent says to the takeover process: moves, questions, and the records of the peers
counters   The counters of the takeover process: one entry each
json_line  The form of a line, either way: one JSON object, with bounds for all that is kept of it
process    What the takeover process says to the agent: its own records, what came of moves, and answers
report     The report of the takeover process: what it serves, what it has counted, what it lacks
"""

from .agent import (
    AgentMessage,
    Dialects,
    Move,
    MoveRequest,
    PeerRecord,
    PeerReset,
    Replicated,
    ReportRequest,
    Request,
    agent_line,
    parse_agent_line,
)
from .counters import CounterKind, ReportCounter
from .json_line import BACKLOG_BYTES, LINE_LIMIT, MAX_TEXT, MalformedMessage, Unknown
from .process import (
    MAX_EVENTS,
    Fact,
    RecordChange,
    ReplicationQuery,
    Reply,
    TakeoverEvent,
    TakeoverMessage,
    parse_takeover_line,
    takeover_line,
)
from .report import MAX_FIELDS, TakeoverReport

__all__ = [
    "BACKLOG_BYTES",
    "LINE_LIMIT",
    "MAX_EVENTS",
    "MAX_FIELDS",
    "MAX_TEXT",
    "AgentMessage",
    "CounterKind",
    "Dialects",
    "Fact",
    "MalformedMessage",
    "Move",
    "MoveRequest",
    "PeerRecord",
    "PeerReset",
    "RecordChange",
    "Replicated",
    "ReplicationQuery",
    "Reply",
    "ReportCounter",
    "ReportRequest",
    "Request",
    "TakeoverEvent",
    "TakeoverMessage",
    "TakeoverReport",
    "Unknown",
    "agent_line",
    "parse_agent_line",
    "parse_takeover_line",
    "takeover_line",
]
