"""Hold-down: a server that loses its health repeatedly must stay healthy longer each time.

A simple form of route flap damping (RFC 2439): every loss within WINDOW_S doubles the time that the server
must be healthy without a break before a group is given back to it, from failback_delay_s to HOLDDOWN_MAX_S.
A loss is a bad LAN, a broken daemon, or a silence after which the same boot is heard again (for example a
cable, where it is the only link). A silence that ends with a restart is no loss: the cause may be gone.

Every server keeps this record of every server, itself included, since the holder of a group needs it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

WINDOW_S = 300.0
HOLDDOWN_MAX_S = 300.0
MIN_STEADY_S = 1.0
MAX_LOSSES = 8
FLAPPING_LOSSES = 2
"""From this many losses on the server is shown as flapping."""


@dataclass(frozen=True, slots=True)
class HoldDown:
    """One server's record."""

    healthy: bool = True
    since: float = 0.0
    """Since when `healthy` has had its value without a break."""
    losses: tuple[float, ...] = ()
    silent_boot_id: int | None = None
    """The boot id in which the server fell silent; None: it is heard."""


def went_silent(record: HoldDown, boot_id: int | None, now: float) -> HoldDown:
    """The record once the server is not heard; it becomes a loss only if the same boot comes back."""
    return (
        record
        if record.silent_boot_id == boot_id
        else replace(record, healthy=False, since=now, silent_boot_id=boot_id)
    )


def came_back(record: HoldDown, boot_id: int | None, *, healthy: bool, now: float) -> HoldDown:
    """The record when the server is heard again."""
    losses = (
        _with_loss(record.losses, now) if record.silent_boot_id == boot_id or not healthy else record.losses
    )
    return replace(record, healthy=healthy, since=now, silent_boot_id=None, losses=losses)


def health_observed(record: HoldDown, *, healthy: bool, now: float) -> HoldDown:
    """The record after an observation of the server's health."""
    if healthy is record.healthy:
        return record
    return replace(
        record,
        healthy=healthy,
        since=now,
        losses=record.losses if healthy else _with_loss(record.losses, now),
    )


def _with_loss(losses: tuple[float, ...], now: float) -> tuple[float, ...]:
    """The losses with one more; those older than WINDOW_S are dropped."""
    return (*(at for at in losses if now < at + WINDOW_S), now)[-MAX_LOSSES:]


def recent_losses(record: HoldDown, now: float) -> int:
    """How many losses are within WINDOW_S."""
    return sum(now < at + WINDOW_S for at in record.losses)


def required_healthy_s(record: HoldDown, now: float, failback_delay_s: float) -> float:
    """How long the server must be healthy without a break; 0 without recent losses."""
    lost = recent_losses(record, now)
    if not lost:
        return 0.0
    base_s = max(failback_delay_s, MIN_STEADY_S)
    return min(base_s * 2.0 ** (lost - 1), max(HOLDDOWN_MAX_S, failback_delay_s))


def ends_at(record: HoldDown, now: float, failback_delay_s: float) -> float:
    """When the hold-down ends if the server stays healthy."""
    return record.since + required_healthy_s(record, now, failback_delay_s) if record.losses else record.since


def is_alarm(record: HoldDown, now: float, failback_delay_s: float) -> bool:
    """Whether an alarm is shown: the server flaps, and is unhealthy or still held down."""
    if len(record.losses) < FLAPPING_LOSSES or recent_losses(record, now) < FLAPPING_LOSSES:
        return False
    return not record.healthy or now < ends_at(record, now, failback_delay_s)
