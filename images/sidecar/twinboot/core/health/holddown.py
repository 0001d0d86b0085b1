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
HOLDDOWN_MAX_S = 300.0
MIN_STEADY_S = 1.0
MAX_LOSSES = 8
FLAPPING_LOSSES = 2
"""From so many losses on it is shown."""


@dataclass(frozen=True, slots=True)
class HoldDown:
    """One server's record."""

    healthy: bool = True
    since: float = 0.0
    """Well or not without a break since then."""
    losses: tuple[float, ...] = ()
    silent_boot_id: int | None = None
    """It fell silent in this life (boot id)."""


def went_silent(record: HoldDown, boot_id: int | None, now: float) -> HoldDown:
    """The record while the server is not heard: not yet a loss."""
    return (
        record
        if record.silent_boot_id == boot_id
        else replace(record, healthy=False, since=now, silent_boot_id=boot_id)
    )


def came_back(record: HoldDown, boot_id: int | None, *, healthy: bool, now: float) -> HoldDown:
    """The record when it is heard again."""
    losses = (
        _with_loss(record.losses, now) if record.silent_boot_id == boot_id or not healthy else record.losses
    )
    return replace(record, healthy=healthy, since=now, silent_boot_id=None, losses=losses)


def health_observed(record: HoldDown, *, healthy: bool, now: float) -> HoldDown:
    """The record after a look at the server's health."""
    if healthy is record.healthy:
        return record
    return replace(
        record,
        healthy=healthy,
        since=now,
        losses=record.losses if healthy else _with_loss(record.losses, now),
    )


def _with_loss(losses: tuple[float, ...], now: float) -> tuple[float, ...]:
    """One more; those of long ago are dropped."""
    return (*(at for at in losses if now < at + WINDOW_S), now)[-MAX_LOSSES:]


def recent_losses(record: HoldDown, now: float) -> int:
    """Losses that still count."""
    return sum(now < at + WINDOW_S for at in record.losses)


def required_healthy_s(record: HoldDown, now: float, failback_delay_s: float) -> float:
    """How long the server must be well without a break; 0 when it has lost nothing lately."""
    lost = recent_losses(record, now)
    if not lost:
        return 0.0
    base_s = max(failback_delay_s, MIN_STEADY_S)
    return min(base_s * 2.0 ** (lost - 1), max(HOLDDOWN_MAX_S, failback_delay_s))


def ends_at(record: HoldDown, now: float, failback_delay_s: float) -> float:
    """When a server that stays well will have been so for long enough."""
    return record.since + required_healthy_s(record, now, failback_delay_s) if record.losses else record.since


def is_alarm(record: HoldDown, now: float, failback_delay_s: float) -> bool:
    """Does the operator want to know?"""
    if len(record.losses) < FLAPPING_LOSSES or recent_losses(record, now) < FLAPPING_LOSSES:
        return False
    return not record.healthy or now < ends_at(record, now, failback_delay_s)
