"""Addresses of servers that speak for the cluster, but that this server's site file does not name."""

from __future__ import annotations

MAX_UNKNOWN_SERVERS = 8
KEPT_S = 3.0
"""How long one is answered after its last message."""


class UnknownServers:
    """Times are monotonic seconds."""

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(self._heard)

    def heard(self, address: str, now: float) -> None:
        """It proved to be of the cluster. One more than MAX_UNKNOWN_SERVERS is not taken in."""
        if address in self._heard or len(self._heard) < MAX_UNKNOWN_SERVERS:
            self._heard[address] = now

    def forget(self, now: float) -> None:
        """Forget those that are silent."""
        self._heard = {address: at for address, at in self._heard.items() if now < at + KEPT_S}
