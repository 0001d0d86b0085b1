"""The servers' times of day beside each other.

Nothing of who holds what depends on them, but leases have their ends by the time of day: a server whose clock
is ahead takes its peers' leases for expired.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from twinboot.alarms import Condition, kinds
from twinboot.core.model import Heartbeat

APART_S = 60.0
"""Far more than a heartbeat can be late, and less than what harms a lease."""
FRESH_S = 10.0
"""What was heard longer ago says nothing of now."""


@dataclass(frozen=True, slots=True)
class _Heard:
    ahead_s: float
    at: float


class PeerClocks:
    """now: the clock of `at`; wall: the time of day, in seconds since 1970."""

    def __init__(self, now: Callable[[], float], wall: Callable[[], float] = time.time) -> None:
        self._now, self.wall = now, wall
        self._heard: dict[str, _Heard] = {}

    def hear(self, heartbeat: Heartbeat) -> None:
        """An authentic one; an older release tells no time."""
        if heartbeat.time_of_day:
            self._heard[heartbeat.sender] = _Heard(heartbeat.time_of_day - self.wall(), self._now())

    def alarm_conditions(self, _server: str) -> list[Condition]:
        since = self._now() - FRESH_S
        return [
            kinds.CLOCK_DIFFERS.on(peer, f"the clock of server {peer} is {_span(abs(one.ahead_s))} "
                                         f"{'ahead of' if one.ahead_s > 0 else 'behind'} this server's")
            for peer, one in sorted(self._heard.items()) if one.at > since and abs(one.ahead_s) > APART_S
        ]


def _span(seconds: float) -> str:
    for unit, length_s in (("days", 86400), ("hours", 3600)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    minutes = round(seconds / 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
