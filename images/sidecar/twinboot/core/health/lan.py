"""What this server sees of the LAN that its clients are on.

Owns the record and the rules of LAN health. What follows from it is condition.py's and ownership.py's.

No carrier counts at once: the kernel has said so. Deafness counts when it has lasted for a deadtime and
was seen twice: one look alone may fall into a quiet moment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..model import LanHealth, Timers

BAD = frozenset({LanHealth.DEAF, LanHealth.NO_CARRIER})
DEAF_LOOKS = 2


@dataclass(frozen=True, slots=True)
class Lan:
    """Times are absolute; None = not armed."""

    health: LanHealth = LanHealth.UNKNOWN
    mac: bytes = b""
    deaf_since: float | None = None
    deaf_looks: int = 0
    """Looks in a row at which nothing had been heard."""
    isolated: bool = False
    """No carrier and no peer heard: nothing is held here (condition.py)."""
    listen_until: float | None = None
    """Isolated, but the carrier is back: the others may still be heard until then."""

    @property
    def bad(self) -> bool:
        return self.health in BAD


def observe(lan: Lan, *, carrier: bool, hears: bool, mac: bytes, now: float, timers: Timers) -> Lan:
    """Take in a look at the interface."""
    if mac and mac != lan.mac:
        lan = replace(lan, mac=mac)
    if not carrier:
        return replace(lan, health=LanHealth.NO_CARRIER, deaf_since=None, deaf_looks=0)
    if hears:
        if lan.health is LanHealth.GOOD and lan.deaf_since is None:
            return lan
        return replace(lan, health=LanHealth.GOOD, deaf_since=None, deaf_looks=0)
    since = now if lan.deaf_since is None else lan.deaf_since
    back = lan.health is LanHealth.NO_CARRIER  # plugged in again, and nothing heard yet
    health = LanHealth.UNKNOWN if back else lan.health
    return age(replace(lan, health=health, deaf_since=since, deaf_looks=lan.deaf_looks + 1), now, timers)


def age(lan: Lan, now: float, timers: Timers) -> Lan:
    """What silence says by now."""
    if lan.deaf_since is None or lan.health is LanHealth.DEAF or lan.deaf_looks < DEAF_LOOKS:
        return lan
    return replace(lan, health=LanHealth.DEAF) if now >= lan.deaf_since + timers.deadtime_s else lan


def forget(lan: Lan) -> Lan:
    """We slept: silence while we did not listen says nothing."""
    return lan if lan.deaf_since is None else replace(lan, deaf_since=None, deaf_looks=0)


def deadlines(lan: Lan, timers: Timers) -> tuple[float | None, ...]:
    silent = lan.deaf_since is not None and lan.health is not LanHealth.DEAF and lan.deaf_looks >= DEAF_LOOKS
    return (
        lan.deaf_since + timers.deadtime_s if silent and lan.deaf_since is not None else None,
        lan.listen_until,
    )
