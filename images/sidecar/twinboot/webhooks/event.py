"""One happening as a value, its id and the JSON that a receiver gets.

The id follows from what happened alone, so every server that learns of it makes the same one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from time import gmtime, strftime
from typing import Any

VERSION = 1
"""Version of the JSON: it is raised when a field that was there means something else, or is gone."""
MAX_TEXT_BYTES = 600
"""Size limit of the text, and of each text in the data that is longer than a name."""
_ID_DIGITS = 32


class EventKind(StrEnum):
    """What a webhook may be told of. The words of the site file."""

    MACHINE_DONE = "machine-done"
    MACHINE_FAILED = "machine-failed"
    MACHINE_STALLED = "machine-stalled"
    MACHINE_DISCOVERED = "machine-discovered"
    GROUP_MOVED = "group-moved"
    ALARM = "alarm"
    ALARM_OVER = "alarm-over"


TEST = "test"
"""The event of `twinboot webhooks test`: no webhook asks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """kind: an EventKind, or a newer release's word. at: seconds since the epoch, by the clock of the server
    that saw it. subject: the machine, group or alarm's subject; events of one subject keep their order.
    data: what changed."""

    id: str
    kind: str
    at: float
    subject: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)


def identify(cluster: str, kind: str, *parts: object) -> str:
    """The id of a happening. parts: what makes it another one than all before it."""
    said = json.dumps([cluster, kind, *map(str, parts)], ensure_ascii=False)
    return f"evt_{hashlib.sha256(said.encode()).hexdigest()[:_ID_DIGITS]}"


def cut(text: str, most: int = MAX_TEXT_BYTES) -> str:
    """The beginning of a text, so that an event fits one packet between servers."""
    return text.encode()[:most].decode("utf-8", "ignore")


def body(event: Event, cluster: str) -> bytes:
    """What is sent: type, timestamp and data stand where Standard Webhooks 1.0.0, "Payload structure", wants
    them. The same bytes for the same event."""
    whole = int(event.at)
    stamp = strftime("%Y-%m-%dT%H:%M:%S", gmtime(whole))
    return json.dumps({
        "version": VERSION,
        "id": event.id,
        "type": event.kind,
        "timestamp": f"{stamp}.{int((event.at - whole) * 1000):03d}Z",
        "cluster": cluster,
        "subject": event.subject,
        "text": event.text,
        "data": dict(event.data),
    }, ensure_ascii=False, separators=(",", ":")).encode()  # fmt: skip
