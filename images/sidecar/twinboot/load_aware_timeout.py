"""How long a probe waits: a little, and longer when the machine is so busy that a daemon may just be slow.

A daemon that refuses, or answers wrongly, is at fault at once. One that says nothing in time on a machine
without an idle processor is asked once more, with patience: to restart it would make things worse.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

LIMIT_S = 1.5
PATIENT_S = 10.0
IDLE_SHARE = 0.1
"""Less than that of the processors' time was idle during the probe: the machine is busy."""

_limit_s: ContextVar[float] = ContextVar("limit_s", default=LIMIT_S)

CpuTimes = tuple[int, int]
"""Idle and all ticks of all processors since the start."""


def limit_s() -> float:
    """How long the probe of this thread may wait, seconds."""
    return _limit_s.get()


def cpu_times() -> CpuTimes:
    """From the first line of /proc/stat (proc_stat(5)): user nice system idle iowait irq softirq steal."""
    try:
        ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return ticks[3] + ticks[4], sum(ticks)
    except (OSError, ValueError, IndexError):
        return 0, 0


def patiently(probe: Callable[[], str], *, now: Callable[[], float] = time.monotonic,
              times: Callable[[], CpuTimes] = cpu_times) -> str:
    """The probe's fault, or empty. A probe that ran out of time on a busy machine gets a second, long one."""
    began, before = now(), times()
    fault = probe()
    if not fault or now() - began < LIMIT_S or not _busy(before, times()):
        return fault
    with _longer():
        return probe()


def _busy(before: CpuTimes, after: CpuTimes) -> bool:
    idle, whole = after[0] - before[0], after[1] - before[1]
    return whole > 0 and idle < IDLE_SHARE * whole


@contextmanager
def _longer() -> Iterator[None]:
    token = _limit_s.set(PATIENT_S)
    try:
        yield
    finally:
        _limit_s.reset(token)
