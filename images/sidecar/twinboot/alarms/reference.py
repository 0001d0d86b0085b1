"""The kinds of alarms as a Markdown table, for images/sidecar/METRICS.md."""

from __future__ import annotations

from . import registered


def markdown() -> str:
    """One row per kind: code, subject, meaning, remedy."""
    rows = ["| code | subject | what it means | what to do |", "|---|---|---|---|"]
    rows += [f"| `{kind.code}` | {kind.subject} | {kind.meaning} | {kind.remedy} |" for kind in registered()]
    return "\n".join(rows) + "\n"
