"""The counters of the takeover process: status, metrics and METRICS.md follow from this table."""

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


COUNTERS = (
    ReportCounter("serving", CounterKind.GAUGE, "connections that the takeover process serves"),
    ReportCounter("input_hold_active", CounterKind.GAUGE,
                  "1 while clients' requests wait until the peers know of them", "input_hold_active"),
    ReportCounter("left_out", CounterKind.COUNTER,
                  "connections not followed because there were too many", "connections_left_out"),
    ReportCounter("tftp_not_followed", CounterKind.COUNTER,
                  "TFTP downloads not followed since what their blocks hold is not certain, as with an "
                  "option that is not known", "tftp_downloads_not_followed"),
    ReportCounter("segments", CounterKind.COUNTER,
                  "TCP segments that the takeover process was shown", "connection_segments"),
    ReportCounter("frames_lost", CounterKind.COUNTER,
                  "TCP segments that came faster than it read them", "connection_segments_lost"),
    ReportCounter("input_held", CounterKind.COUNTER,
                  "packets of clients that waited until the peers knew of them, a few milliseconds each",
                  "connection_input_held"),
    ReportCounter("input_held_overdue", CounterKind.COUNTER,
                  "packets of clients let go before the peers knew: after 0.4 s, in a crowd after 6 s",
                  "connection_input_held_overdue"),
    ReportCounter("rules_laid_again", CounterKind.COUNTER,
                  "how often others had changed the takeover process's nftables table, and it was laid again",
                  "takeover_rules_laid_again"),
    ReportCounter("cpu_s", CounterKind.COUNTER,
                  "processor time of the takeover process", "takeover_cpu_seconds"),
)
"""Status, metrics and METRICS.md follow from this table; the takeover process fills it in by name."""
