"""The metrics of clients' connections: of the takeover process's own report, and of replication to the
peers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from twinboot.wire.ipc.takeover import CounterKind, counters
from twinboot.wire.ipc.takeover.report import OUTCOMES, SERVICES

if TYPE_CHECKING:
    from prometheus_client.core import Metric


def families(summary: Mapping[str, Any]) -> Iterator[Metric]:
    """Every metric; none where no takeover process is wanted. summary:
    agent.takeover.moves.TakeoverMoves.summary()."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    if not summary:
        return
    yield GaugeMetricFamily(
        "twinboot_takeover_up", "1 while the takeover process answers.", value=summary["takeover"]
    )
    followed = GaugeMetricFamily("twinboot_connections", "Connections of clients that are followed here.",
                                 labels=("service",))
    for service, count in summary["followed"].items():
        followed.add_metric((service,), count)
    yield followed
    # Before the first report it is not known what was counted: increase() takes a fall to 0 for a new count
    moved = CounterMetricFamily("twinboot_connections_moved", "Connections that came here with an address.",
                                labels=("service", "outcome"))
    totals = summary["totals"]
    for outcome in OUTCOMES if summary["reported"] else ():
        for service in SERVICES:  # 0 too: increase() of Prometheus sees no step to a series' first value
            moved.add_metric((service, outcome), totals.get(outcome, {}).get(service, 0))
    yield moved
    for counter in counters.COUNTERS:
        counts = counter.kind is CounterKind.COUNTER
        if counter.metric and (summary["reported"] or not counts):
            family = CounterMetricFamily if counts else GaugeMetricFamily
            text = f"{counter.help[:1].upper()}{counter.help[1:]}."
            yield family(f"twinboot_{counter.metric}", text, value=summary[counter.name])
    unknown = CounterMetricFamily("twinboot_takeover_unknown_messages",
                                  "Messages between agent and takeover process that one did not know.",
                                  labels=("reader",))
    unknown.add_metric(("agent",), summary["unknown_messages_here"])
    if summary["reported"]:
        unknown.add_metric(("takeover",), summary[counters.UNKNOWN_MESSAGES.name])
    yield unknown
    lag = GaugeMetricFamily("twinboot_replication_lag_seconds",
                            "How long a peer has been without the oldest news.", labels=("peer",))
    for peer, lag_ms in summary["lag_ms"].items():
        lag.add_metric((peer,), lag_ms / 1000)
    yield lag
    taken = GaugeMetricFamily("twinboot_replication_seconds",
                              "From a change to a peer's acknowledgement, last thousand.", labels=("which",))
    for which, taken_ms in summary["taken_ms"].items():
        taken.add_metric((which,), taken_ms / 1000)
    yield taken
