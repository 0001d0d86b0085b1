"""Which addresses are in which set of the packet filter, and for how long still.

Kept so that a table which others took away is laid again with what was in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address


class SetMembers:
    """timeouts_s: by set; a set that is not in it keeps its members until they are removed."""

    def __init__(self, timeouts_s: Mapping[str, float]) -> None:
        self._timeouts_s = timeouts_s
        self._until: dict[tuple[str, IPv4Address], float] = {}

    def put(self, name: str, addresses: Iterable[IPv4Address], now: float, *, on: bool) -> None:
        """The addresses are in the set from now on, or no longer."""
        for address in addresses:
            if on:
                self._until[name, address] = now + self._timeouts_s.get(name, math.inf)
            else:
                self._until.pop((name, address), None)

    def left(self, now: float) -> list[tuple[str, IPv4Address, float]]:
        """Set, address and the seconds that are left, math.inf without an end."""
        self._until = {one: until for one, until in self._until.items() if until > now}
        return [(name, address, until - now) for (name, address), until in self._until.items()]
