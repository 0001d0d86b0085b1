"""Health of this server's connection to the clients' LAN.

Owns the record and the rules of LAN health. What follows from it is intake.py's and candidates.py's.

A lost carrier counts at once, since the kernel reports it. RX_DEAD counts when it has lasted for a deadtime
and was observed twice: a single observation may fall into a quiet moment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..model import LanHealth, Timers

BAD_LAN = frozenset({LanHealth.RX_DEAD, LanHealth.NO_CARRIER})
UNREACHABLE_LOOKS = 2


@dataclass(frozen=True, slots=True)
class Lan:
    """The record of LAN health. Times are monotonic seconds; None = not armed."""

    health: LanHealth = LanHealth.UNKNOWN
    mac: bytes = b""
    unreachable_since: float | None = None
    unreachable_looks: int = 0
    """Observations in a row that found it unreachable."""
    unanswered_by: tuple[str, ...] = ()
    """Peers that prove that our kernel does not answer on the LAN (reach.py): it is RX_DEAD then."""
    isolated: bool = False
    """No carrier and no peer heard: no group is held here (intake.py)."""
    listen_until: float | None = None
    """Isolated, and the carrier is back: isolation ends at this time even if no peer is heard."""

    @property
    def bad(self) -> bool:
        return self.health in BAD_LAN


def observe(lan: Lan, *, carrier: bool, reachable: bool, mac: bytes, now: float, timers: Timers) -> Lan:
    """Apply an observation of the interface."""
    if mac and mac != lan.mac:
        lan = replace(lan, mac=mac)
    if not carrier:
        return replace(lan, health=LanHealth.NO_CARRIER, unreachable_since=None, unreachable_looks=0)
    if reachable:
        health = LanHealth.RX_DEAD if lan.unanswered_by else LanHealth.GOOD
        if lan.health is health and lan.unreachable_since is None:
            return lan
        return replace(lan, health=health, unreachable_since=None, unreachable_looks=0)
    since = now if lan.unreachable_since is None else lan.unreachable_since
    back = lan.health is LanHealth.NO_CARRIER  # the carrier is back, but nothing was received yet
    health = LanHealth.UNKNOWN if back else lan.health
    return check_silence(
        replace(lan, health=health, unreachable_since=since, unreachable_looks=lan.unreachable_looks + 1),
        now,
        timers,
    )


def check_silence(lan: Lan, now: float, timers: Timers) -> Lan:
    """RX_DEAD when it was unreachable for a deadtime, and was observed often enough."""
    if (
        lan.unreachable_since is None
        or lan.health is LanHealth.RX_DEAD
        or lan.unreachable_looks < UNREACHABLE_LOOKS
    ):
        return lan
    return replace(lan, health=LanHealth.RX_DEAD) if now >= lan.unreachable_since + timers.deadtime_s else lan


def unanswered(lan: Lan, peers: tuple[str, ...]) -> Lan:
    """These peers prove that our kernel does not answer; none: it is not proven any more."""
    health = lan.health
    if peers and health is not LanHealth.NO_CARRIER:
        health = LanHealth.RX_DEAD
    elif not peers and health is LanHealth.RX_DEAD and lan.unreachable_since is None:
        health = LanHealth.GOOD
    return replace(lan, health=health, unanswered_by=peers)


def forget(lan: Lan) -> Lan:
    """After a pause of this process: the silence before it does not count."""
    return lan if lan.unreachable_since is None else replace(lan, unreachable_since=None, unreachable_looks=0)


def deadlines(lan: Lan, timers: Timers) -> tuple[float | None, ...]:
    silent = (
        lan.unreachable_since is not None
        and lan.health is not LanHealth.RX_DEAD
        and lan.unreachable_looks >= UNREACHABLE_LOOKS
    )
    return (
        lan.unreachable_since + timers.deadtime_s if silent and lan.unreachable_since is not None else None,
        lan.listen_until,
    )
