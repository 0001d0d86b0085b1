"""What leaves over a line that may be slower than its sender: at most one message on its way, and the
newest of those that came meanwhile. So a slow line carries fewer messages, and never old ones.

Owns the reckoning of the line's time. The kernel takes a few thousand bytes at once, whatever the speed
of the line: without this a second of heartbeats would wait there. Knows no clock and no device.
"""

from __future__ import annotations

BITS_PER_BYTE = 10
"""8N1: a start bit, eight bits of data, a stop bit."""


class LineQueue:
    """What waits for one line with this speed in bit/s. Times are seconds of the caller's clock."""

    def __init__(self, speed: int) -> None:
        self.superseded = 0
        """Messages that were not sent, because a newer one came before the line was free."""
        self._speed = speed
        self._partial = b""
        self._queued = b""
        self._free_at = 0.0

    @property
    def partly_written(self) -> bool:
        """Whether a message was written in part: the rest of it must follow."""
        return bool(self._partial)

    @property
    def waiting(self) -> bool:
        """Whether anything is left to write."""
        return bool(self._partial or self._queued)

    def put(self, message: bytes) -> None:
        """Another message, to be sent in the place of any that was not begun."""
        self.superseded += bool(self._queued)
        self._queued = message

    def busy_s(self, now: float, unsent: int = 0) -> float:
        """How long until a message may be begun; `unsent` bytes are in the kernel still, as it says."""
        return 0.0 if self._partial else max(0.0, self._free_at - now, self._transmission_s(unsent))

    def take(self) -> bytes:
        """What to write now that the line is free, or takes more."""
        if not self._partial:
            self._partial, self._queued = self._queued, b""
        return self._partial

    def wrote(self, size: int, now: float) -> None:
        """So many bytes of it went into the kernel."""
        self._partial = self._partial[size:]
        self._free_at = max(now, self._free_at) + self._transmission_s(size)

    def overdue_s(self, now: float) -> float:
        """For how long the line should have been free while something waits for it."""
        return max(0.0, now - self._free_at) if self.waiting else 0.0

    def drop_partial(self, now: float) -> None:
        """The line does not move: forget what was begun. The other end drops its half at the next frame."""
        self.superseded += bool(self._partial)
        self._partial = b""
        self._free_at = now

    def clear(self, now: float) -> None:
        """A line that was opened anew: nothing is on its way."""
        self._partial = self._queued = b""
        self._free_at = now

    def _transmission_s(self, size: int) -> float:
        return size * BITS_PER_BYTE / self._speed
