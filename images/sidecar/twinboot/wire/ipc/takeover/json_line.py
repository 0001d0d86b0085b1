"""The form of a line, either way: one JSON object, with bounds for all that is kept of it."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

LINE_LIMIT = 64 << 10
"""Bytes of a line, its end included."""
BACKLOG_BYTES = 16 << 20
"""More than every record of every peer. A side that leaves so much unread does not live."""
MAX_TEXT = 200
"""So long a name or a fact may be: the history keeps them, and the log shows them."""
_T = TypeVar("_T")


class MalformedMessage(ValueError):
    """A line that has none of the forms."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message of a newer build, to be skipped. number: it waits for a Reply."""

    number: int | None = None


def json_line(found: Mapping[str, Any]) -> bytes:
    """The line, its end included."""
    return json.dumps(found).encode() + b"\n"


def parsed(line: bytes, read: Callable[[dict[str, Any]], _T]) -> _T:
    """What `read` makes of the line's object; MalformedMessage when it is none, or lacks a field."""
    try:
        found = json.loads(line)
        if not isinstance(found, dict):
            raise TypeError("not an object")
        return read(found)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError) as exc:
        raise MalformedMessage(f"{type(exc).__name__}: {exc}"[:MAX_TEXT]) from None


def unknown(found: dict[str, Any]) -> Unknown:
    """An object of which every field is unknown."""
    if not found:
        raise ValueError("an object without a field")
    return Unknown()


def record_fields(key: bytes, value: bytes | None) -> dict[str, Any]:
    """A record as fields of a line; record_of is the way back."""
    return {"key": base64.b64encode(key).decode(),
            "value": base64.b64encode(value).decode() if value is not None else None}


def record_of(found: dict[str, Any]) -> tuple[bytes, bytes | None]:
    value = found["value"]
    return base64.b64decode(found["key"]), base64.b64decode(value) if value is not None else None


def text_of(one: Any) -> str:
    return str(one)[:MAX_TEXT]


def number_of(one: Any) -> float:
    if not isinstance(one, int | float) or not math.isfinite(one):
        raise ValueError(f"{text_of(one)!r} is no number")
    return one
