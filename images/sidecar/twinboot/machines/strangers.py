"""Machines without an entry in the site file that ask to boot from the network: what they say of themselves.

Each server hears those of its own LAN; none of it is kept over a restart. A flood of made-up ones pushes the
oldest out, and nothing else. Pure: `now` is handed in.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, replace

MAX_STRANGERS = 1024
FORGET_AFTER_S = 86_400.0
_VENDOR_CHARACTERS = 40
_UUID_BYTES = 17


@dataclass(frozen=True, slots=True)
class Stranger:
    """mac: as the site file writes it. firmware: in words. vendor: its vendor class. uuid: empty: not said.
    first, last: monotonic seconds. times: how often it has asked."""

    mac: str
    firmware: str
    vendor: str
    uuid: str
    first: float
    last: float
    times: int = 1


class Strangers:
    """The latest MAX_STRANGERS of them."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, Stranger] = OrderedDict()

    def hear(self, mac: str, *, firmware: str, vendor: str, identifier: bytes, now: float) -> None:
        """One has asked. identifier: option 97."""
        known = self._seen.pop(mac, None)
        shown = "".join(one if one.isprintable() else "?" for one in vendor[:_VENDOR_CHARACTERS])
        new = Stranger(mac, firmware, shown, uuid_of(identifier), now, now)
        self._seen[mac] = new if known is None else replace(new, first=known.first, times=known.times + 1)
        if len(self._seen) > MAX_STRANGERS:
            self._seen.popitem(last=False)

    def listed(self, known: Collection[str], now: float) -> list[Stranger]:
        """Those that are still unknown, the latest first. known: MACs of the site file."""
        return [
            one for one in reversed(self._seen.values())
            if one.mac not in known and now <= one.last + FORGET_AFTER_S
        ]  # fmt: skip


def uuid_of(identifier: bytes) -> str:
    """Option 97: a type of 0 and 16 octets (RFC 4578 section 2.3, which names no order). Most ROMs send them
    as SMBIOS has them, the first three fields with their low byte first; of others this is turned. Empty for
    what is none."""
    if len(identifier) != _UUID_BYTES or identifier[0] or identifier[1:] in (bytes(16), b"\xff" * 16):
        return ""
    return str(uuid.UUID(bytes_le=identifier[1:]))
