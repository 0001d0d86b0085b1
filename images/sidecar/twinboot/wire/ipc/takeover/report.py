"""The report of the takeover process: what it serves, what it has counted, what it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import counters
from .counters import CounterKind, ReportCounter
from .json_line import number_of, text_of

SERVICES = ("ftp", "ftp-data", "http")
OUTCOMES = ("taken-over", "reset", "finished", "silent")
MAX_FIELDS = 20


@dataclass(frozen=True, slots=True)
class TakeoverReport:
    """How the takeover process is. limits: code and text of what it lacks, for alarms.
    followed: connections by service; totals: by outcome and service; counts: by an entry of
    counters.COUNTERS, those that it knows."""

    limits: tuple[tuple[str, str], ...] = ()
    followed: Mapping[str, float] = field(default_factory=dict)
    totals: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    counts: Mapping[ReportCounter, float] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """For status and metrics: every counter of the table, 0 where nothing was said."""
        return {"followed": self.followed, "totals": self.totals,
                **{one.name: self.counts.get(one, 0) for one in counters.COUNTERS}}

    def when_gone(self) -> TakeoverReport:
        """What still holds of it without its process: what was counted, and nothing of what is."""
        counted = {one: count for one, count in self.counts.items() if one.kind is CounterKind.COUNTER}
        return TakeoverReport(totals=self.totals, counts=counted)


def report_of(found: dict[str, Any]) -> TakeoverReport:
    """From the object of a line; a counter that is not in the table here is left out."""
    totals = found.get("totals", {})
    return TakeoverReport(
        tuple((text_of(code), text_of(text)) for code, text in found.get("limits", ())[:MAX_FIELDS]),
        _by_service(found.get("followed", {})),
        {outcome: _by_service(totals[outcome]) for outcome in OUTCOMES if outcome in totals},
        {one: number_of(found[one.name]) for one in counters.COUNTERS if one.name in found},
    )


def _by_service(found: Mapping[str, Any]) -> dict[str, float]:
    return {name: number_of(count) for name, count in found.items() if name in SERVICES}
