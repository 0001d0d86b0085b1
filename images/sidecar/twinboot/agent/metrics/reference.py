"""The counters of the takeover process as a Markdown table, for images/sidecar/METRICS.md."""

from __future__ import annotations

from twinboot.wire.ipc.takeover import CounterKind, counters


def markdown() -> str:
    """One row per counter that has a metric."""
    rows = ["| name | what |", "|---|---|"]
    for one in counters.COUNTERS:
        if one.metric:
            total = "_total" if one.kind is CounterKind.COUNTER else ""
            rows.append(f"| `{one.metric}{total}` | {one.help} |")
    return "\n".join(rows) + "\n"
