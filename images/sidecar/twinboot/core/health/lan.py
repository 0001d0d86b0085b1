"""What this server sees of the LAN that its clients are on.

Owns the record and the rules of LAN health. What follows from it is intake.py's and candidates.py's.

No carrier counts at once: the kernel has said so. RX_DEAD counts when it has lasted for a deadtime and
was seen twice: one look alone may fall into a quiet moment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..model import LanHealth, Timers

BAD_LAN = frozenset({LanHealth.RX_DEAD, LanHealth.NO_CARRIER})
RX_SILENT_LOOKS = 2


@dataclass(frozen=True, slots=True)
class Lan:
    """Times are absolute; None = not armed."""

    health: LanHealth = LanHealth.UNKNOWN
    mac: bytes = b""
    rx_silent_since: float | None = None
    rx_silent_looks: int = 0
    """Looks in a row at which nothing had been heard."""
    isolated: bool = False
    """No carrier and no peer heard: nothing is held here (intake.py)."""
    listen_until: float | None = None
    """Isolated, but the carrier is back: the others may still be heard until then."""

    @property
    def bad(self) -> bool:
        return self.health in BAD_LAN


def observe(lan: Lan, *, carrier: bool, rx_alive: bool, mac: bytes, now: float, timers: Timers) -> Lan:
    """Take in a look at the interface."""
    if mac and mac != lan.mac:
        lan = replace(lan, mac=mac)
    if not carrier:
        return replace(lan, health=LanHealth.NO_CARRIER, rx_silent_since=None, rx_silent_looks=0)
    if rx_alive:
        if lan.health is LanHealth.GOOD and lan.rx_silent_since is None:
            return lan
        return replace(lan, health=LanHealth.GOOD, rx_silent_since=None, rx_silent_looks=0)
    since = now if lan.rx_silent_since is None else lan.rx_silent_since
    back = lan.health is LanHealth.NO_CARRIER  # plugged in again, and nothing heard yet
    health = LanHealth.UNKNOWN if back else lan.health
    return check_silence(
        replace(lan, health=health, rx_silent_since=since, rx_silent_looks=lan.rx_silent_looks + 1),
        now,
        timers,
    )


def check_silence(lan: Lan, now: float, timers: Timers) -> Lan:
    """What silence says by now."""
    if (
        lan.rx_silent_since is None
        or lan.health is LanHealth.RX_DEAD
        or lan.rx_silent_looks < RX_SILENT_LOOKS
    ):
        return lan
    return replace(lan, health=LanHealth.RX_DEAD) if now >= lan.rx_silent_since + timers.deadtime_s else lan


def forget(lan: Lan) -> Lan:
    """We slept: silence while we did not listen says nothing."""
    return lan if lan.rx_silent_since is None else replace(lan, rx_silent_since=None, rx_silent_looks=0)


def deadlines(lan: Lan, timers: Timers) -> tuple[float | None, ...]:
    silent = (
        lan.rx_silent_since is not None
        and lan.health is not LanHealth.RX_DEAD
        and lan.rx_silent_looks >= RX_SILENT_LOOKS
    )
    return (
        lan.rx_silent_since + timers.deadtime_s if silent and lan.rx_silent_since is not None else None,
        lan.listen_until,
    )
