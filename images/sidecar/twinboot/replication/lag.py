"""Replication lag: how long changes of one table wait for the acknowledgement of each peer."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from statistics import median

MAX_MARKS = 4096
MAX_SAMPLES = 1000


class ReplicationLag:
    """Times of one table's changes, by sequence number. At most MAX_MARKS, the oldest are kept."""

    def __init__(self) -> None:
        self._marks: list[tuple[int, float]] = []
        self._latencies: deque[float] = deque(maxlen=MAX_SAMPLES)

    def note_change(self, number: int, now: float) -> None:
        if len(self._marks) < MAX_MARKS:
            self._marks.append((number, now))

    def oldest_wait_s(self, acked: int, now: float) -> float:
        """Seconds since the oldest change after number `acked`; 0 when there is none."""
        at = self._after(acked)
        return max(0.0, now - self._marks[at][1]) if at < len(self._marks) else 0.0

    def note_ack(self, after: int, upto: int, now: float) -> None:
        """A peer has acknowledged the changes of (after, upto]."""
        for _number, at in self._marks[self._after(after):self._after(upto)]:
            self._latencies.append(max(0.0, now - at))

    def forget(self, upto: int) -> None:
        """Drop the marks up to this number: every live peer has these changes."""
        del self._marks[:self._after(upto)]

    @property
    def ack_time_s(self) -> tuple[float, float]:
        """Seconds from a change to its acknowledgement: median and maximum of the last MAX_SAMPLES."""
        return (median(self._latencies), max(self._latencies)) if self._latencies else (0.0, 0.0)

    def _after(self, number: int) -> int:
        return bisect_right(self._marks, number, key=lambda mark: mark[0])
