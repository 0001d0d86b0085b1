"""Bounds for one client address: tokens that are none, and event streams. Requests are bounded by the HTTP
service."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable

BURST, REFILL_S = 10.0, 6.0
"""So many wrong tokens at once, and then one every six seconds."""
MAX_ADDRESSES = 4096
"""Whose failures are remembered; the one that was heard longest ago is forgotten first."""


class Failures:
    """now: monotonic seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def note(self, address: str) -> None:
        """A token that is none came from there."""
        left = self._of(address)
        self._left.pop(address, None)
        self._left[address] = (max(0.0, left - 1.0), self._now())
        if len(self._left) > MAX_ADDRESSES:
            self._left.popitem(last=False)

    def wait_s(self, address: str) -> float:
        """How long until the next one is looked at; 0: at once."""
        left = self._of(address)
        return 0.0 if left >= 1.0 else (1.0 - left) * REFILL_S

    def _of(self, address: str) -> float:
        left, at = self._left.get(address, (BURST, self._now()))
        return min(BURST, left + (self._now() - at) / REFILL_S)


class Places:
    """So many at once, and so many of one address."""

    def __init__(self, whole: int, each: int) -> None:
        self._whole, self._each = whole, each
        self._taken: Counter[str] = Counter()

    def take(self, address: str) -> bool:
        if self._taken.total() >= self._whole or self._taken[address] >= self._each:
            return False
        self._taken[address] += 1
        return True

    def leave(self, address: str) -> None:
        self._taken[address] -= 1
        if self._taken[address] <= 0:
            del self._taken[address]
