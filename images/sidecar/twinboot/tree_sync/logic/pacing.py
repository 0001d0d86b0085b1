"""How fast: a token bucket, and the speed that was reached."""

from __future__ import annotations

from collections import deque

_BURST_S = 0.25
_WINDOW_S = 20.0


class Pacer:
    """Lets `rate` bytes a second through, and at most what a quarter of a second gathers at once."""

    def __init__(self) -> None:
        self._rate, self._due = 0.0, 0.0

    def set_rate(self, rate: float) -> None:
        """Bytes a second; 0: no limit."""
        self._rate = rate

    def wait_s(self, size: int, now: float) -> float:
        """Seconds to wait after `size` bytes came."""
        if self._rate <= 0:
            return 0.0
        self._due = max(self._due, now - _BURST_S) + size / self._rate
        return max(0.0, self._due - now)


class Speed:
    """Speed over the last _WINDOW_S seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()
        self._total = 0

    def add(self, size: int, now: float) -> None:
        self._total += size
        if not self._samples or now >= self._samples[-1][0] + 0.5:
            self._samples.append((now, self._total))
        while len(self._samples) > 1 and self._samples[0][0] < now - _WINDOW_S:
            self._samples.popleft()

    def left_s(self, left: int, now: float) -> float | None:
        """Seconds for so many bytes more; None: nobody knows."""
        if not self._samples:
            return None
        began, at_begin = self._samples[0]
        took, came = now - began, self._total - at_begin
        return left * took / came if came > 0 and took >= 1.0 else None
