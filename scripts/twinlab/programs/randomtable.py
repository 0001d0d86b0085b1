"""What power-offs at random moments did to each program, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

HEAD = ["client", "moves met", "turns, files", "not right", "hung", "RST received",
        "of them after its own end", "RST sent", "retries", "silence, power-off", "silence, failback"]


def table(machines: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """A row for each program and scheme, all its machines together; the head first."""
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for one in machines:
        rows.setdefault(one["name"], []).append(one)
    return [HEAD, *([name, *_cells(found)] for name, found in rows.items())]


def _cells(found: Sequence[Mapping[str, Any]]) -> list[str]:
    def total(name: str) -> int:
        return sum(one[name] for one in found)

    failed = [turn for one in found for turn in one["failed"]]
    resets = [reset for one in found for reset in one["reset"]]
    return [
        str(total("met")), f"{total('turns')}, {total('files')}", _bold(len(failed)),
        _bold(sum(turn["code"] == 124 for turn in failed)), _bold(len(resets)),
        str(sum(bool(reset[-1]) for reset in resets)), str(total("sent")), str(total("retries")),
        _span([s for one in found for s in one["silences"]["off"]]),
        _span([s for one in found for s in one["silences"]["back"]]),
    ]


def _bold(count: int) -> str:
    return f"**{count}**" if count else "0"


def _span(values: Sequence[float | None]) -> str:
    known = sorted(value for value in values if value is not None)
    return f"{known[len(known) // 2]:.2f} to {known[-1]:.2f}" if known else "-"


def reasons(rounds: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Why connections were reset, the most frequent first."""
    total: Counter[str] = Counter()
    for one in rounds:
        total.update(one["reasons"])
    return total.most_common()
