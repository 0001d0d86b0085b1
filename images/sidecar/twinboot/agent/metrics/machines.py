"""The metrics of machines: by state, and how long steps and installs take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..machines.figures import BOUNDS_S, Figures

if TYPE_CHECKING:
    from prometheus_client.core import Metric


def families(figures: Figures) -> Iterator[Metric]:
    """Every metric."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    states = GaugeMetricFamily("twinboot_machines", "Hosts of the site in this state.", labels=("state",))
    for state, count in figures.states.items():
        states.add_metric((state,), count)
    yield states
    yield GaugeMetricFamily(
        "twinboot_machines_unknown", "Machines without an entry that have asked this server lately.",
        value=figures.unknown,
    )  # fmt: skip
    ends = CounterMetricFamily(
        "twinboot_installs_ended", "Installs whose end this server has heard.", labels=("outcome",))
    for outcome, count in figures.ends.items():
        ends.add_metric((outcome,), count)
    yield ends
    steps = HistogramMetricFamily(
        "twinboot_install_step_seconds", "How long machines were at a step whose end this server has heard.",
        labels=("step",),
    )  # fmt: skip
    for step, (counts, sum_s) in figures.steps.items():
        total, buckets = 0, []
        for bound, count in zip([*map(str, BOUNDS_S), "+Inf"], counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        steps.add_metric((step,), buckets, sum_value=sum_s)
    yield steps
