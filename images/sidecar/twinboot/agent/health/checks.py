"""Probes the services of this server periodically, each in a thread of its own.

A daemon that hangs blocks its own thread and nothing else. Each result becomes a ServiceProbed event; the
core decides what follows from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Mapping

from twinboot.core.events import Event, ServiceProbed

from ..worker import Worker

log = logging.getLogger(__name__)

CHECK_EVERY_S = 2.0
RECHECK_EVERY_S = 1.0
"""After a fault: shows sooner whether it lasts and whether a repair helped."""
FIRST_CHECK_S = 0.5


class HealthMonitor:
    """probes: service -> a function that waits a bounded time and returns a fault, or an empty text.

    wanted: whether the service should serve here now. handle: called on the loop with each event.
    """

    def __init__(self, probes: Mapping[str, Callable[[], str]], *, wanted: Callable[[str], bool],
                 handle: Callable[[Event], None]) -> None:
        self._wanted, self._handle = wanted, handle
        self._checks = {name: _ServiceCheck(name, probe, self._found) for name, probe in probes.items()}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def start(self) -> None:
        """Needs the running loop. First probes are staggered, so that their load is spread."""
        self._loop = asyncio.get_running_loop()
        for number, name in enumerate(self._checks):
            self._arm(name, FIRST_CHECK_S + number * CHECK_EVERY_S / len(self._checks))

    def close(self) -> None:
        """Does not wait for running probes: each ends within its time limit."""
        for timer in self._timers.values():
            timer.cancel()
        for check in self._checks.values():
            check.close()

    def _arm(self, name: str, delay_s: float) -> None:
        self._timers[name] = self._loop.call_later(delay_s, self._turn, name)

    def _turn(self, name: str) -> None:
        check = self._checks[name]
        wanted = self._wanted(name)
        if wanted:
            check.start_probe()
        self._arm(name, RECHECK_EVERY_S if wanted and check.failing else CHECK_EVERY_S)

    def _found(self, name: str, fault: str) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: no one needs the result
            self._loop.call_soon_threadsafe(self._report, name, fault)

    def _report(self, name: str, fault: str) -> None:
        if self._wanted(name):  # the service may have been stopped during the probe
            self._handle(ServiceProbed(name, fault))


class _ServiceCheck:
    """One service and its thread."""

    def __init__(self, name: str, probe: Callable[[], str], found: Callable[[str, str], None]) -> None:
        self._name, self._probe, self._found = name, probe, found
        self.failing = False
        self._worker = Worker(f"probe-{name}")
        self._worker.submit(_drop_realtime_priority)

    def start_probe(self) -> None:
        """Probe once, unless a probe is still running."""
        if self._worker.unfinished == 0:
            self._worker.submit(self._run)

    def close(self) -> None:
        self._worker.close(0.0)

    def _run(self) -> None:
        fault = self._probe()
        self.failing = bool(fault)
        self._found(self._name, fault)


def _drop_realtime_priority() -> None:
    """Leave the heartbeat's real-time priority, for this thread (sched_setscheduler(2): 0 is the caller)."""
    try:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except OSError:
        log.debug("probes keep the priority of the loop")
