"""When the takeover process is restarted because it hangs or has gone: pure, fed once a second.

A restart costs its downloads a pause of a second or two and no reset. So it comes soon, but never because the
machine is busy, nor because this agent itself stood still: only time that the agent has seen pass counts, and
on a machine without an idle processor a third of it. Between two restarts there are growing pauses.
"""

from __future__ import annotations

HUNG_S = 6.0
"""A process that is there and has not answered for so long hangs."""
GONE_S = 20.0
"""It is not there: by then Docker has started it anew, or an operator has put another image in its place."""
BUSY_SHARE = 1 / 3
MOST_TICK_S = 2.0
FIRST_PAUSE_S = 30.0
MAX_PAUSE_S = 600.0
WELL_S = 300.0
"""After so long without silence the pauses begin again with the first."""


class Restarts:
    """tick(): True when the takeover process is to be restarted now."""

    def __init__(self) -> None:
        self._silent_s = self._well_s = self._pause_left_s = 0.0
        self._pause_s = FIRST_PAUSE_S

    def tick(self, elapsed_s: float, *, answered: bool, connected: bool, busy: bool) -> bool:
        """answered: since the last tick, elapsed_s ago, it has answered."""
        elapsed_s = min(elapsed_s, MOST_TICK_S)
        self._pause_left_s = max(0.0, self._pause_left_s - elapsed_s)
        if answered:
            self._silent_s = 0.0
            self._well_s += elapsed_s
            if self._well_s >= WELL_S:
                self._pause_s = FIRST_PAUSE_S
            return False
        self._well_s = 0.0
        self._silent_s += elapsed_s * (BUSY_SHARE if busy else 1.0)
        if self._silent_s < (HUNG_S if connected else GONE_S) or self._pause_left_s > 0:
            return False
        self._pause_left_s = self._pause_s
        self._pause_s = min(2 * self._pause_s, MAX_PAUSE_S)
        return True
