"""The metrics of webhooks: events delivered, attempts that failed, events that wait or were dropped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_COUNTERS = {
    "delivered": "Events that this server has delivered.",
    "failed": "Attempts of this server that failed.",
    "dropped": "Events that this server has dropped: too many, or too old.",
}


def families(hooks: Mapping[str, Mapping[str, int]]) -> Iterator[Metric]:
    """Every metric; none in a site without webhooks."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    if not hooks:
        return
    for name, help_ in _COUNTERS.items():
        family = CounterMetricFamily(f"twinboot_webhook_{name}", help_, labels=("webhook",))
        for hook, figures in hooks.items():
            family.add_metric((hook,), figures[name])
        yield family
    waiting = GaugeMetricFamily("twinboot_webhook_waiting", "Events that no server has delivered yet.",
                                labels=("webhook",))  # fmt: skip
    for hook, figures in hooks.items():
        waiting.add_metric((hook,), figures["waiting"])
    yield waiting
