"""Scheduling priority of this process (sched(7), nice(2)): a heartbeat must not wait for a busy machine."""

from __future__ import annotations

import os

_NICE = -10


def raise_priority() -> str:
    """Ask for real-time scheduling, else for a better nice value; say what came of it.

    Threads started afterwards have it too, so a claim does not wait either.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))
        return "real-time"
    except OSError:
        pass
    try:
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
        return f"nice {_NICE}"
    except OSError:
        return "ordinary"
