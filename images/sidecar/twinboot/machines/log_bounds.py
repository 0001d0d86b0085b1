"""How much of what installers say is taken: a bound for each machine and one for all.

Pure: `now` is handed in. What is over it is not kept, and counted: a line says how much was left out.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

HOST_PER_S, HOST_BURST = 100.0, 4000.0
"""Lines. An installer says most when it begins: what its kernel has said until then."""
ALL_PER_S, ALL_BURST = 2000.0, 8000.0
MAX_HOSTS = 4096
"""Whose rate is remembered."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float
    dropped: int = 0

    def take(self, now: float, per_s: float, burst: float) -> bool:
        self.left = min(burst, self.left + (now - self.at) * per_s)
        self.at = now
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True


class LineBounds:
    """A token bucket for each host, and one for all."""

    def __init__(self, now: float) -> None:
        self._all = _Bucket(ALL_BURST, now)
        self._hosts: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, host: str, now: float) -> int | None:
        """None: this line is left out. Otherwise how many were left out before it."""
        bucket = self._hosts.pop(host, None) or _Bucket(HOST_BURST, now)
        self._hosts[host] = bucket
        if len(self._hosts) > MAX_HOSTS:
            self._hosts.popitem(last=False)
        if not (bucket.take(now, HOST_PER_S, HOST_BURST) and self._all.take(now, ALL_PER_S, ALL_BURST)):
            bucket.dropped += 1
            return None
        dropped, bucket.dropped = bucket.dropped, 0
        return dropped
