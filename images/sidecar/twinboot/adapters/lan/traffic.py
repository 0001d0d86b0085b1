"""What an interface has sent, in octets, as its driver counts.

Source: the kernel's Documentation/ABI/testing/sysfs-class-net-statistics.
"""

from __future__ import annotations

from pathlib import Path

_COUNTER = "/sys/class/net/{}/statistics/tx_bytes"


class SentCounter:
    """Counts the bytes that one interface has sent."""

    def __init__(self, interface: str) -> None:
        self._path = Path(_COUNTER.format(interface))

    def read(self) -> int | None:
        """None while there is no such interface. It begins anew with 0 when the interface is made anew."""
        try:
            return int(self._path.read_text())
        except (OSError, ValueError):
            return None
