"""What became of a claim: its counts, its times and its timeline."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from twinboot.takeover.logic.record import ConnectionKind
from twinboot.wire.ipc.takeover import TakeoverEvent

from .timeline import TakeoverTimeline


@dataclass(slots=True)
class ClaimOutcome:
    """What became of a claim so far. Times are since its beginning, seconds."""

    address: IPv4Address
    known: int = 0
    answered: int = 0
    taken_over: int = 0
    reset: dict[str, int] = field(default_factory=dict)
    forgotten: int = 0
    silent: int = 0
    first_s: float | None = None
    last_s: float | None = None
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By service and what became of them: taken-over, reset, finished, silent."""
    over: bool = False
    timeline: TakeoverTimeline = field(default_factory=TakeoverTimeline)

    def as_fields(self) -> dict[str, str | int | float]:
        fields: dict[str, str | int | float] = {
            "address": str(self.address), "known": self.known, "answered": self.answered,
            "taken-over": self.taken_over, "reset": sum(self.reset.values()), "forgotten": self.forgotten,
            "silent": self.silent,
        }
        if self.last_s is not None and self.first_s is not None:
            fields |= {"first_ms": round(self.first_s * 1000, 1), "last_ms": round(self.last_s * 1000, 1)}
        return fields

    def as_event(self) -> TakeoverEvent:
        return TakeoverEvent("connections-taken-over", str(self.address), self.as_fields(), self.reset,
                             tuple(self.timeline.events))


def service_of(kind: ConnectionKind) -> str:
    return "http" if kind is ConnectionKind.HTTP else "ftp"
