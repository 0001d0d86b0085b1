"""Detects that this server's disk cannot be written: full, read-only, or so slow that it hangs.

Heartbeats and addresses need no disk and go on; but dhcpd's leases and Docker's logs do, and starting a
container. So it is an alarm, never a reason to move. A thread of its own writes, since a write may hang.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from twinboot.alarms import Condition, kinds
from twinboot.core.effects import LogLevel
from twinboot.errors import ResourceError
from twinboot.log import log_event

log = logging.getLogger(__name__)

CHECK_EVERY_S = 5.0
SLOW_S = 1.5
"""A write that takes longer is worth an alarm; dhcpd answers no faster than it can write its leases."""


class DiskMonitor:
    """`write` writes something through to the disk, or raises ResourceError. Ask `fault` from any thread."""

    def __init__(self, write: Callable[[], None], now: Callable[[], float]) -> None:
        self._write = write
        self._now = now
        self._begun: float | None = None
        self._reason = ""
        self._logged = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="disk", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Does not wait: the thread may hang in a write."""
        self._stop.set()

    @property
    def fault(self) -> str:
        """The disk's fault, in words; empty when there is none."""
        begun = self._begun
        if begun is not None and self._now() - begun > SLOW_S:
            return f"a small write has not ended after {self._now() - begun:.0f} s"
        return self._reason

    def alarm_conditions(self, server: str) -> list[Condition]:
        fault = self.fault
        return [kinds.DISK_FAILING.on(server, f"the disk fails: {fault}")] if fault else []

    def check_once(self) -> None:
        """Write once; keep the result for `fault` and log its begin and end."""
        self._begun = begun = self._now()
        try:
            self._write()
            took_s = self._now() - begun
            self._reason = f"a small write took {took_s:.1f} s" if took_s > SLOW_S else ""
        except ResourceError as exc:
            self._reason = str(exc)
        self._begun = None
        if bool(self._reason) != bool(self._logged):
            if self._reason:
                log_event(log, LogLevel.WARNING, "disk-fault", reason=self._reason)
            else:
                log_event(log, LogLevel.INFO, "disk-recovered")
            self._logged = self._reason

    def _run(self) -> None:
        while True:
            self.check_once()
            if self._stop.wait(CHECK_EVERY_S):
                return
