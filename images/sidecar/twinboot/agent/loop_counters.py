"""What the loop counts while it runs, for the metrics: how late its ticks are, who came to hold what.

Cheap enough for every turn of the loop; nothing here waits or formats.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from twinboot import core

LAG_BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(slots=True)
class LoopCounters:
    """Counts since the start."""

    lag_counts: list[int] = field(default_factory=lambda: [0] * (len(LAG_BOUNDS_S) + 1))
    """Ticks by how late they came: up to each bound, and later than all."""
    lag_sum_s: float = 0.0
    holder_changes: dict[str, int] = field(default_factory=dict)
    """By group: how often another server than before was seen to hold it."""

    def record_tick(self, late_s: float) -> None:
        late_s = max(0.0, late_s)
        self.lag_counts[bisect_left(LAG_BOUNDS_S, late_s)] += 1
        self.lag_sum_s += late_s

    def record_step(self, before: core.State, after: core.State) -> None:
        """Compare two states of the core, one step apart."""
        if after.groups is before.groups:
            return
        for name, group in after.groups.items():
            old = before.groups[name].last_holder
            if group.last_holder != old and old:
                self.holder_changes[name] = self.holder_changes.get(name, 0) + 1
