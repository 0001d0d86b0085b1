"""What others can take from this server's own network while it runs: the route to the LAN, the ARP setting.

`make up` has checked both; a network restart, `ip route flush` or `sysctl --system` changes them later, and
then this server answers nobody, with everything else as ever. A route that was there is put back, as the
kernel had it; a setting cannot be written from the sidecar's container. Both are alarms while they last. A
thread of its own looks, for routes are asked for under a lock that Docker may hold for long.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from twinboot.alarms import Condition, kinds
from twinboot.core.effects import LogLevel
from twinboot.errors import ResourceError
from twinboot.log import log_event

log = logging.getLogger(__name__)

CHECK_EVERY_S = 2.0


class Route(Protocol):
    """adapters.lan.route.LanRoute, or a stand-in."""

    def there(self) -> bool: ...
    def put_back(self) -> None: ...


class HostNetworkMonitor:
    """ignores_arp: the setting by which ARP is not answered, or empty. Alarms may be asked for from any
    thread."""

    def __init__(self, route: Route, ignores_arp: Callable[[], str]) -> None:
        self._route, self._ignores_arp = route, ignores_arp
        self._no_route, self._setting = "", ""
        self._had_route = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="host-network", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Does not wait."""
        self._stop.set()

    def alarm_conditions(self, server: str) -> list[Condition]:
        found = []
        if self._no_route:
            text = f"nobody on the LAN can be answered: {self._no_route}"
            found.append(kinds.LAN_NO_ROUTE.on(server, text))
        if self._setting:
            text = f"the kernel does not answer ARP for virtual addresses: {self._setting}"
            found.append(kinds.ARP_IGNORED.on(server, text))
        return found

    def check_once(self) -> None:
        """Look at both, and put the route back."""
        self._setting = self._ignores_arp()
        try:
            there = self._route.there()
        except ResourceError as exc:
            log.debug("%s", exc)  # the kernel is busy: what was known last holds
            return
        try:
            if there:
                self._had_route = True
            elif not self._had_route:  # it may be as somebody wants it: told, not changed
                raise ResourceError("route to the LAN", "there was none since the sidecar's start")
            else:
                self._route.put_back()
                log_event(log, LogLevel.WARNING, "lan-route-put-back")
            self._no_route = ""
        except ResourceError as exc:
            self._no_route = str(exc)

    def _run(self) -> None:
        while True:
            self.check_once()
            if self._stop.wait(CHECK_EVERY_S):
                return
