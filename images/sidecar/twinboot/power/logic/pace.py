"""When the next machine may be switched on: all at once would take more current than a rack is given."""

from __future__ import annotations


class Pace:
    """Pure: `now` is handed in, seconds."""

    def __init__(self) -> None:
        self._next = 0.0

    def wait_s(self, now: float, interval_s: float) -> float:
        """For how long whoever asks has to wait; the one who asks next waits for longer."""
        at = max(now, self._next)
        self._next = at + interval_s
        return at - now
