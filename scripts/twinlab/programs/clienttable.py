"""The client matrix as a table: a row for each client, a column for each fault."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from twinlab.programs.fetching import HUNG


def verdict_cell(verdict: Mapping[str, Any]) -> str:
    """One cell: how it ended, and the seconds without data."""
    silence = verdict["silence_s"]
    quiet = "" if silence is None else f" {silence:.2f}"
    resets = f", {verdict['resets']} RST" if verdict["resets"] else ""
    if verdict["code"] == HUNG:
        return f"**hangs**{quiet}{resets}"
    if verdict["code"] == 0 and verdict["right"]:
        return f"ok{quiet}{resets}"
    return f"**{'wrong bytes' if verdict['code'] == 0 else 'fails'}**{quiet}{resets}"


def table(runs: Mapping[str, Sequence[Mapping[str, Any]]], programs: Iterable[str]) -> list[list[str]]:
    """Rows of a table, its head first. runs: by fault, each as `Run.as_json` gives it."""
    head = ["client", *runs]
    rows = [head, ["claimed after", *(_claims(found) for found in runs.values())]]
    for program in programs:
        rows.append([program, *(_cell(found, program) for found in runs.values())])
    return rows


def _claims(found: Sequence[Mapping[str, Any]]) -> str:
    times = [float(one["claim_s"]) for one in found if one["claim_s"] is not None]
    return f"{statistics.median(times):.2f}" if times else "-"


def _cell(found: Sequence[Mapping[str, Any]], program: str) -> str:
    """The worst of the runs, and how many were fine when not all were."""
    seen = [clients[program] for one in found if program in (clients := one["clients"])]
    if not seen:
        return ""
    fine = [one for one in seen if one["code"] == 0 and one["right"]]
    failed = [one for one in seen if one not in fine]
    worst = max(failed or fine, key=lambda one: float(one["silence_s"] or 0))
    return verdict_cell(worst) + (f" ({len(fine)} of {len(seen)} ok)" if 0 < len(fine) < len(seen) else "")
