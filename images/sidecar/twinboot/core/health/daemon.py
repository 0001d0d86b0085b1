"""One daemon of this server as a client finds it: what its probes say, and when it is repaired.

Owns the rules of daemon health: for those that every server runs, and for a managed service while it is
to run here. Asks for nothing (intake.py), and does not decide where a group belongs (candidates.py).

* One fault is FAILING. Faults in a row for REPAIR_S ask for a restart, again with back-off: while an
  image is swapped a daemon is away for a second or two, and that needs no help.
* Still failing after BROKEN_S, with a restart that had time to help: BROKEN. One good probe is GOOD.
* A managed service that could not be made to run stays BROKEN in our word for a while after it was
  handed over, longer each time: nobody asks it any more, so only a new trial can tell, and each trial
  costs clients a pause.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..model import Health

REPAIR_FAULTS = 2
REPAIR_S = 3.0
BROKEN_S = 6.0
RESTART_GRACE_S = 2.5
"""A restarted daemon gets that long before its faults count against the repair: a busy engine takes its
time, too."""
BACKOFF_S = 1.0
BACKOFF_MAX_S = 30.0
STEADY_S = 60.0
"""Good for that long makes earlier repairs and verdicts forgotten."""
VERDICT_S = 60.0
VERDICT_MAX_S = 3600.0
STALE_S = 10.0
"""Faults of a managed service further apart are separate mishaps: nothing may have probed it in between."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """Times are absolute; None = not armed."""

    name: str
    health: Health = Health.UNKNOWN
    fault: str = ""
    failing_since: float | None = None
    fault_at: float = 0.0
    faults: int = 0
    """In a row."""
    repaired_at: float | None = None
    """The first repair of this failure."""
    restart_at: float = 0.0
    """No restart before then."""
    backoff_s: float = BACKOFF_S
    good_since: float | None = None
    verdict_until: float | None = None
    """A managed service, handed over as BROKEN: not to be tried again before."""
    verdicts: int = 0


def probe_succeeded(daemon: Daemon, now: float) -> Daemon:
    """It served."""
    since = now if daemon.good_since is None else daemon.good_since
    steady = now >= since + STEADY_S
    if daemon.health is Health.GOOD and not (steady and (daemon.backoff_s > BACKOFF_S or daemon.verdicts)):
        return daemon
    return replace(
        reset(daemon), health=Health.GOOD, good_since=since,
        backoff_s=BACKOFF_S if steady else daemon.backoff_s, verdicts=0 if steady else daemon.verdicts,
    )


def probe_failed(daemon: Daemon, fault: str, now: float) -> Daemon:
    """It did not serve."""
    since = now if daemon.failing_since is None else daemon.failing_since
    helped = daemon.repaired_at is not None and now >= daemon.repaired_at + RESTART_GRACE_S
    broken = daemon.health is Health.BROKEN or (helped and now >= since + BROKEN_S)
    return replace(
        daemon, health=Health.BROKEN if broken else Health.FAILING, fault=fault, failing_since=since,
        fault_at=now, faults=daemon.faults + 1, good_since=None,
    )


def start_failed(daemon: Daemon, fault: str, now: float) -> Daemon:
    """A managed service does not run though it is asked to: each start is a repair by itself."""
    daemon = probe_failed(wanted_here(daemon, now), fault, now)
    return daemon if daemon.repaired_at is not None else replace(daemon, repaired_at=now)


def repair_due(daemon: Daemon, now: float) -> bool:
    """To be asked after a fault."""
    since = daemon.failing_since
    return (
        since is not None and daemon.faults >= REPAIR_FAULTS and now >= since + REPAIR_S
        and now >= daemon.restart_at
    )


def restart_requested(daemon: Daemon, now: float) -> Daemon:
    """A restart is asked for now."""
    return replace(
        daemon, restart_at=now + daemon.backoff_s, backoff_s=min(2.0 * daemon.backoff_s, BACKOFF_MAX_S),
        repaired_at=now if daemon.repaired_at is None else daemon.repaired_at,
    )


def reset(daemon: Daemon) -> Daemon:
    """Nothing is known of it any more; how often it was repaired is."""
    return replace(
        daemon, health=Health.UNKNOWN, fault="", failing_since=None, faults=0, repaired_at=None,
        good_since=None, verdict_until=None,
    )


def resumed_after_sleep(daemon: Daemon, now: float) -> Daemon:
    """We slept: the time of a failure begins anew."""
    return daemon if daemon.health is not Health.FAILING else replace(daemon, failing_since=now, faults=0)


def handed_over(daemon: Daemon, now: float) -> Daemon:
    """A managed service is not to run here any more: what was found out holds for a while."""
    if daemon.health is not Health.BROKEN:
        return daemon if daemon.health is Health.UNKNOWN else reset(daemon)
    if daemon.verdict_until is None:
        pause = min(VERDICT_S * 2.0 ** min(daemon.verdicts, 10), VERDICT_MAX_S)
        return replace(daemon, verdict_until=now + pause, verdicts=daemon.verdicts + 1)
    return reset(daemon) if now >= daemon.verdict_until else daemon


def wanted_here(daemon: Daemon, now: float) -> Daemon:
    """A managed service is to run here: an old verdict is put to the test, an old mishap forgotten."""
    if daemon.verdict_until is not None:
        return reset(daemon)
    if daemon.health is Health.FAILING and now >= daemon.fault_at + STALE_S:
        return reset(daemon)
    return daemon
