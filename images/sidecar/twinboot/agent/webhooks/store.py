"""The file that outlives a restart: events that wait, and the numbers of alarms' episodes. Its form alone.

A first line of JSON, then a line for each event: its id, a blank, its row as peers get it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from twinboot.webhooks.episodes import Key

MAX_BYTES = 32 << 20
VERSION = 1


@dataclass(frozen=True, slots=True)
class StoredEvents:
    """rows: by id, of events. numbers, opened, base: as episodes.Episodes has them. dropped: by webhook."""

    rows: Mapping[str, bytes] = field(default_factory=dict)
    numbers: Mapping[Key, int] = field(default_factory=dict)
    opened: tuple[Key, ...] = ()
    base: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)


def encode(kept: StoredEvents) -> bytes:
    head = {
        "version": VERSION, "numbers": [[*key, number] for key, number in kept.numbers.items()],
        "opened": list(kept.opened), "base": kept.base, "dropped": dict(kept.dropped),
    }  # fmt: skip
    lines: Iterable[bytes] = (event_id.encode() + b" " + row for event_id, row in kept.rows.items())
    return b"\n".join((json.dumps(head, ensure_ascii=False).encode(), *lines))


def decode(data: bytes) -> StoredEvents:
    """ValueError for what encode() has not made. Rows are looked at by who takes them."""
    if not data:
        return StoredEvents()
    first, *lines = data.split(b"\n")
    try:
        head = json.loads(first)
        numbers = {(str(code), str(subject)): int(number) for code, subject, number in head["numbers"]}
        opened = tuple((str(code), str(subject)) for code, subject in head["opened"])
        dropped = {str(name): int(count) for name, count in head["dropped"].items()}
        rows = {one.decode("ascii"): row for one, _, row in (line.partition(b" ") for line in lines)}
        return StoredEvents(rows, numbers, opened, int(head["base"]), dropped)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise ValueError(f"no events of webhooks: {exc}") from None
