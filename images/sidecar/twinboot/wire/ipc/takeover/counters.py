"""The counters of the takeover process: one entry each.

The process counts by these entries (TakeoverReport.counts), status has them all by their names, and the
metrics and METRICS.md have those with a metric.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class CounterKind(Enum):
    COUNTER = "counter"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class ReportCounter:
    """name: in the report and in status. metric: its name after `twinboot_`, without `_total`; empty: none.
    help: for the exporter and METRICS.md, without a full stop."""

    name: str
    kind: CounterKind
    help: str
    metric: str = ""


SERVING = ReportCounter(
    "serving", CounterKind.GAUGE, "connections that the takeover process serves",
)
INPUT_HOLD_ACTIVE = ReportCounter(
    "input_hold_active", CounterKind.GAUGE,
    "1 while clients' requests wait until the peers know of them", "input_hold_active",
)
LEFT_OUT = ReportCounter(
    "left_out", CounterKind.COUNTER,
    "connections not followed because there were too many", "connections_left_out",
)
TFTP_NOT_FOLLOWED = ReportCounter(
    "tftp_not_followed", CounterKind.COUNTER,
    "TFTP downloads not followed since what their blocks hold is not certain, as with an "
    "option that is not known", "tftp_downloads_not_followed",
)
SEGMENTS = ReportCounter(
    "segments", CounterKind.COUNTER,
    "TCP segments that the takeover process was shown", "connection_segments",
)
FRAMES_LOST = ReportCounter(
    "frames_lost", CounterKind.COUNTER,
    "TCP segments that came faster than it read them", "connection_segments_lost",
)
INPUT_HELD = ReportCounter(
    "input_held", CounterKind.COUNTER,
    "packets of clients that waited until the peers knew of them, a few milliseconds each",
    "connection_input_held",
)
INPUT_HELD_OVERDUE = ReportCounter(
    "input_held_overdue", CounterKind.COUNTER,
    "packets of clients let go before the peers knew: after 0.4 s, in a crowd after 6 s",
    "connection_input_held_overdue",
)
RULES_LAID_AGAIN = ReportCounter(
    "rules_laid_again", CounterKind.COUNTER,
    "how often others had changed the takeover process's nftables table, and it was laid again",
    "takeover_rules_laid_again",
)
CPU_S = ReportCounter(
    "cpu_s", CounterKind.COUNTER,
    "processor time of the takeover process", "takeover_cpu_seconds",
)
UNKNOWN_MESSAGES = ReportCounter(
    "unknown_messages", CounterKind.COUNTER,
    "messages of the agent, of another release, that the takeover process skipped",
)

COUNTERS = tuple(one for one in tuple(globals().values()) if isinstance(one, ReportCounter))
"""All of the above, in their order."""
