"""Renamed settings: a site file that uses an old name gets a fault that tells the new one."""

from __future__ import annotations

from collections.abc import Mapping

ANY = "*"
"""Stands for a name that the operator chose, or a place in a list."""

RENAMED: Mapping[tuple[str, ...], str] = {
    ("subnets", ANY, "wire"): "shared_network",
    ("heartbeat", "timers", "lease_s"): "address_lifetime_s",
    ("adopt",): "takeover",
    ("profiles", ANY, "spare"): "mirror",
}
"""Place of the old name -> the new name, at the same place."""


def renamed_to(loc: tuple[str | int, ...]) -> str | None:
    """The present name of a setting that is no longer called so; None for all others."""
    for old, new in RENAMED.items():
        if len(old) == len(loc) and all(part in (ANY, at) for part, at in zip(old, loc, strict=True)):
            return new
    return None
