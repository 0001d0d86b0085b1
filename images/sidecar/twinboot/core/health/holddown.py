"""Hold-down: a server that loses its health again and again must prove itself longer each time.

The idea is route flap damping (RFC 2439): a penalty for each flap, suppressed while it is high. Here
plainer: every loss within WINDOW_S doubles the time that the server must be well without a break before
a group is given back to it, from failback_delay to HOLD_MAX_S. A loss is a lost LAN or a broken daemon,
or a silence that the same life came back from: a cable, where it is the only link. A server that was
started anew has lost nothing by that: what was wrong with it may be over.

Every server keeps this record of every server, itself included: the holder of a group needs it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

WINDOW_S = 300.0
HOLD_MAX_S = 300.0
MIN_STEADY_S = 1.0
MAX_LOSSES = 8
FLAPPING = 2
"""From so many losses on it is shown."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One server's record."""

    well: bool = True
    since: float = 0.0
    """Well or not without a break since then."""
    losses: tuple[float, ...] = ()
    gone: int | None = None
    """It fell silent in this life (boot id)."""


def silent(hold: Hold, boot: int | None, now: float) -> Hold:
    """The record while the server is not heard: not yet a loss."""
    return hold if hold.gone == boot else replace(hold, well=False, since=now, gone=boot)


def back(hold: Hold, boot: int | None, *, well: bool, now: float) -> Hold:
    """The record when it is heard again."""
    losses = _with(hold.losses, now) if hold.gone == boot or not well else hold.losses
    return replace(hold, well=well, since=now, gone=None, losses=losses)


def seen(hold: Hold, *, well: bool, now: float) -> Hold:
    """The record after a look at the server's health."""
    if well is hold.well:
        return hold
    return replace(hold, well=well, since=now, losses=hold.losses if well else _with(hold.losses, now))


def _with(losses: tuple[float, ...], now: float) -> tuple[float, ...]:
    """One more; those of long ago are dropped."""
    return (*(at for at in losses if now < at + WINDOW_S), now)[-MAX_LOSSES:]


def flaps(hold: Hold, now: float) -> int:
    """Losses that still count."""
    return sum(now < at + WINDOW_S for at in hold.losses)


def steady_s(hold: Hold, now: float, failback_delay_s: float) -> float:
    """How long the server must be well without a break; 0 when it has lost nothing lately."""
    lost = flaps(hold, now)
    if not lost:
        return 0.0
    base_s = max(failback_delay_s, MIN_STEADY_S)
    return min(base_s * 2.0 ** (lost - 1), max(HOLD_MAX_S, failback_delay_s))


def ends(hold: Hold, now: float, failback_delay_s: float) -> float:
    """When a server that stays well will have been so for long enough."""
    return hold.since + steady_s(hold, now, failback_delay_s) if hold.losses else hold.since


def shown(hold: Hold, now: float, failback_delay_s: float) -> bool:
    """Does the operator want to know?"""
    if len(hold.losses) < FLAPPING or flaps(hold, now) < FLAPPING:
        return False
    return not hold.well or now < ends(hold, now, failback_delay_s)
