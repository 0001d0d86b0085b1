"""How long a probe waits: a little, and longer when the machine is so busy that a daemon may just be slow.

A daemon that refuses, or answers wrongly, is at fault at once. One that says nothing in time on a machine
without an idle processor is probed once more, with a longer timeout: to restart it would make things worse.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

TIMEOUT_S = 1.5
BUSY_TIMEOUT_S = 10.0
MIN_IDLE_SHARE = 0.1
"""Less than that of the processors' time was idle during the probe: the machine is busy."""

_timeout_s: ContextVar[float] = ContextVar("timeout_s", default=TIMEOUT_S)

CpuTimes = tuple[int, int]
"""Idle and all ticks of all processors since the start."""


def timeout_s() -> float:
    """How long the probe of this thread may wait, seconds."""
    return _timeout_s.get()


def cpu_times() -> CpuTimes:
    """From the first line of /proc/stat (proc_stat(5)): user nice system idle iowait irq softirq steal."""
    try:
        ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return ticks[3] + ticks[4], sum(ticks)
    except (OSError, ValueError, IndexError):
        return 0, 0


def retry_if_busy(probe: Callable[[], str], *, now: Callable[[], float] = time.monotonic,
              read_cpu_times: Callable[[], CpuTimes] = cpu_times) -> str:
    """The probe's fault, or empty. A probe that ran out of time on a busy machine gets a second, long one."""
    began, before = now(), read_cpu_times()
    fault = probe()
    if not fault or now() - began < TIMEOUT_S or not busy(before, read_cpu_times()):
        return fault
    with _busy_timeout():
        return probe()


def busy(before: CpuTimes, after: CpuTimes) -> bool:
    """The machine had no idle processor between the two."""
    idle, whole = after[0] - before[0], after[1] - before[1]
    return whole > 0 and idle < MIN_IDLE_SHARE * whole


@contextmanager
def _busy_timeout() -> Iterator[None]:
    token = _timeout_s.set(BUSY_TIMEOUT_S)
    try:
        yield
    finally:
        _timeout_s.reset(token)
