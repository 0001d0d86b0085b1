"""Health of one daemon on this server: what its probes show, and when it is restarted.

Owns the rules of daemon health: for daemons that every server runs, and for a managed service while it is
wanted here. Emits no effects (intake.py), and does not decide where a group belongs (candidates.py).

* One failed probe: FAILING. Failures in a row for REPAIR_S: a restart, repeated with back-off. (A daemon is
  away for a second or two while its image is swapped; that needs no restart.)
* Still failing after BROKEN_S, with a restart that had time to help: BROKEN. One good probe: GOOD.
* A managed service that is BROKEN when its group is handed over keeps being reported as BROKEN for
  VERDICT_S, doubled each time: it is not probed while it does not run here, so only another attempt could
  show that it works again, and each attempt interrupts clients.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..model import Health

REPAIR_FAULTS = 2
REPAIR_S = 3.0
BROKEN_S = 6.0
RESTART_GRACE_S = 2.5
"""Time after a restart before further failures count as a repair that did not help; a busy engine is slow."""
BACKOFF_S = 1.0
BACKOFF_MAX_S = 30.0
STEADY_S = 60.0
"""After being GOOD for this long, the back-off and the count of verdicts are reset."""
VERDICT_S = 60.0
VERDICT_MAX_S = 3600.0
STALE_S = 30.0
"""Failures of a managed service further apart are separate: it may not have been probed in between.

Longer than the time between two failed probes on a busy machine, where each is given a second, long chance.
"""


@dataclass(frozen=True, slots=True)
class Daemon:
    """The health record of one daemon. Times are monotonic seconds; None = not armed."""

    name: str
    health: Health = Health.UNKNOWN
    fault: str = ""
    failing_since: float | None = None
    fault_at: float = 0.0
    faults: int = 0
    """Failed probes in a row."""
    repaired_at: float | None = None
    """When the first restart of this failure was requested."""
    restart_at: float = 0.0
    """No restart before this time."""
    backoff_s: float = BACKOFF_S
    good_since: float | None = None
    verdict_until: float | None = None
    """A managed service that was handed over as BROKEN: reported as BROKEN until this time."""
    verdicts: int = 0
    """How often in a row it was handed over as BROKEN."""


def probe_succeeded(daemon: Daemon, now: float) -> Daemon:
    """The record after a probe that was served."""
    since = now if daemon.good_since is None else daemon.good_since
    steady = now >= since + STEADY_S
    if daemon.health is Health.GOOD and not (steady and (daemon.backoff_s > BACKOFF_S or daemon.verdicts)):
        return daemon
    return replace(
        reset(daemon), health=Health.GOOD, good_since=since,
        backoff_s=BACKOFF_S if steady else daemon.backoff_s, verdicts=0 if steady else daemon.verdicts,
    )


def probe_failed(daemon: Daemon, fault: str, now: float) -> Daemon:
    """The record after a probe that was not served."""
    since = now if daemon.failing_since is None else daemon.failing_since
    helped = daemon.repaired_at is not None and now >= daemon.repaired_at + RESTART_GRACE_S
    broken = daemon.health is Health.BROKEN or (helped and now >= since + BROKEN_S)
    return replace(
        daemon, health=Health.BROKEN if broken else Health.FAILING, fault=fault, failing_since=since,
        fault_at=now, faults=daemon.faults + 1, good_since=None,
    )


def start_failed(daemon: Daemon, fault: str, now: float) -> Daemon:
    """The record when a managed service did not start; each start attempt counts as a repair."""
    daemon = probe_failed(wanted_here(daemon, now), fault, now)
    return daemon if daemon.repaired_at is not None else replace(daemon, repaired_at=now)


def repair_due(daemon: Daemon, now: float) -> bool:
    """Whether a restart is due; evaluated after a failed probe."""
    since = daemon.failing_since
    return (
        since is not None and daemon.faults >= REPAIR_FAULTS and now >= since + REPAIR_S
        and now >= daemon.restart_at
    )


def restart_requested(daemon: Daemon, now: float) -> Daemon:
    """The record once a restart was requested."""
    return replace(
        daemon, restart_at=now + daemon.backoff_s, backoff_s=min(2.0 * daemon.backoff_s, BACKOFF_MAX_S),
        repaired_at=now if daemon.repaired_at is None else daemon.repaired_at,
    )


def reset(daemon: Daemon) -> Daemon:
    """The record with health UNKNOWN; back-off and count of verdicts stay."""
    return replace(
        daemon, health=Health.UNKNOWN, fault="", failing_since=None, faults=0, repaired_at=None,
        good_since=None, verdict_until=None,
    )


def resumed_after_sleep(daemon: Daemon, now: float) -> Daemon:
    """After a pause of this process: a failure is timed from now."""
    return daemon if daemon.health is not Health.FAILING else replace(daemon, failing_since=now, faults=0)


def handed_over(daemon: Daemon, now: float) -> Daemon:
    """A managed service is not wanted here: BROKEN is kept for a while, anything else is reset."""
    if daemon.health is not Health.BROKEN:
        return daemon if daemon.health is Health.UNKNOWN else reset(daemon)
    if daemon.verdict_until is None:
        pause = min(VERDICT_S * 2.0 ** min(daemon.verdicts, 10), VERDICT_MAX_S)
        return replace(daemon, verdict_until=now + pause, verdicts=daemon.verdicts + 1)
    return reset(daemon) if now >= daemon.verdict_until else daemon


def wanted_here(daemon: Daemon, now: float) -> Daemon:
    """A managed service is wanted here: a verdict or an old failure is reset, so that it is tried."""
    if daemon.verdict_until is not None:
        return reset(daemon)
    if daemon.health is Health.FAILING and now >= daemon.fault_at + STALE_S:
        return reset(daemon)
    return daemon
