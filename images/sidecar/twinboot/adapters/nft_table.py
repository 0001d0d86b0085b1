"""One nftables table of our own that others may take away: noticed at once, and laid again.

`nft flush ruleset` (so begins Debian's nftables.conf), a firewalld reload or a command typed by hand removes
what it did not make. Owns the watch (news of the kernel, and a look every few seconds in case news were
lost), the comparison, and a bound on how often the table is laid again. What the table says is the business
of `lay`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable

from twinboot.core.effects import LogLevel
from twinboot.errors import ResourceError
from twinboot.kernel import nftables_notifications
from twinboot.kernel.nftables_notifications import TableFamily, TableNotifications, TablePart
from twinboot.log import log_event

log = logging.getLogger(__name__)

CHECK_EVERY_S = 5.0
"""A look without news; one that finds the table as it was costs some tenths of a millisecond."""
CHECK_WITHOUT_NEWS_S = 1.0
BURST = 10
"""So often the table is laid again at once; a reload of a firewall takes it away once or twice."""
FIRST_TRIES = 3
LAY_EVERY_S = 1.0
"""After the burst: who takes it away in a loop must not keep this process from its work."""


class Allowance:
    """How often something may be done: `burst` times at once, then every `every_s`. Pure."""

    def __init__(self, burst: int, every_s: float) -> None:
        self._burst, self._every_s = burst, every_s
        self._left, self._at = float(burst), 0.0

    def wait_s(self, now: float) -> float:
        """0.0: it may be done now, and that is counted. Otherwise: when to ask again, from now."""
        self._fill(now)
        if self._left < 1:
            return (1 - self._left) * self._every_s
        self._left -= 1
        return 0.0

    def replenished(self, now: float) -> bool:
        """Half of the burst is there again."""
        self._fill(now)
        return self._left >= self._burst / 2

    def _fill(self, now: float) -> None:
        self._left = min(float(self._burst), self._left + max(0.0, now - self._at) / self._every_s)
        self._at = now


class NftTable:
    """lay: makes the whole table, elements included; ResourceError. Called with True it deletes what is left
    of it first, otherwise it keeps what can be kept. refill: adds the elements that should be there, called
    every CHECK_EVERY_S, since news of elements are not looked at.

    lay() first, then watch() on a running loop.
    """

    def __init__(self, family: TableFamily, name: str, lay: Callable[[bool], None],
                 refill: Callable[[], None] = lambda: None, *,
                 list_parts: Callable[[TableFamily, str],
                                      frozenset[TablePart]] = nftables_notifications.list_parts,
                 now: Callable[[], float] = time.monotonic) -> None:
        self._family, self._name, self._lay, self._now = family, name, lay, now
        self._refill = refill
        self._list_parts = list_parts
        self._laid: frozenset[TablePart] = frozenset()
        self._shape: Counter[tuple[str, bytes, bytes]] = Counter()
        self._shape_anew = self._shape
        self._allowance = Allowance(BURST, LAY_EVERY_S)
        self._reason, self._flapping = "", False
        self._notifications: TableNotifications | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.laid_again = 0
        """How often it was laid again because others had changed it."""

    @property
    def fault(self) -> str:
        """Why the table is not there, or not for long; empty when it is."""
        return self._reason or ("another program takes it away again and again" if self._flapping else "")

    def lay(self) -> None:
        """Make the table, or make it anew because `lay` has other rules now. ResourceError."""
        for _ in range(FIRST_TRIES):
            self._lay(False)
            self._laid = self._parts()
            if self._laid:
                break  # else somebody has taken it away this moment
        self._shape = _shape(self._laid)

    def watch(self) -> None:
        """From now on, on the running loop, the table is kept as it was laid."""
        loop = asyncio.get_running_loop()
        try:
            self._notifications = TableNotifications()
        except OSError as exc:
            log_event(log, LogLevel.WARNING, "table-notifications-failed", table=self._name, reason=str(exc))
        else:
            loop.add_reader(self._notifications.fileno(), self._on_notification)
        self._arm(0.0)  # it may have gone since lay()

    def close(self) -> None:
        """The table is left as it is, and nobody looks after it any more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._notifications is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                asyncio.get_running_loop().remove_reader(self._notifications.fileno())
            self._notifications.close()

    def check(self) -> float:
        """Look, and lay the table again if others changed it. Returns when to look again, from now."""
        try:
            found = self._parts()
        except ResourceError as exc:
            self._failed(str(exc))
            return LAY_EVERY_S
        if found == self._laid:
            self._whole()
            return self._next_look_s()
        wait_s = self._allowance.wait_s(self._now())
        if wait_s > 0:
            self._begin_storm()
            return wait_s
        return self._next_look_s() if self.lay_again() else LAY_EVERY_S

    def lay_again(self) -> bool:
        """Lay it now, whatever is left of it; False, and a fault, when that failed."""
        if not self._flapping and not self._reason:
            log_event(log, LogLevel.WARNING, "table-taken-away", table=self._name)
        try:
            self._lay(False)
            laid = self._parts()
            if _shape(laid) != self._shape:
                laid = self._lay_anew()
        except ResourceError as exc:
            self._failed(str(exc))
            return False
        self._laid, self._shape = laid, _shape(laid)
        self.laid_again += 1
        if not self._flapping:
            log_event(log, LogLevel.INFO, "table-laid-again", table=self._name)
        self._reason = ""
        return True

    # Inside -------------------------------------------------------------------------------------

    def _lay_anew(self) -> frozenset[TablePart]:
        """Something foreign is in the table: delete it. What two layings in a row make is the table's shape,
        for the first one may have kept parts of another release's table."""
        self._lay(True)
        laid = self._parts()
        shape, before = _shape(laid), self._shape_anew
        self._shape_anew = shape
        if not laid or shape not in (self._shape, before):
            raise ResourceError("packet filter", "was changed again while it was laid")
        return laid

    def _next_look_s(self) -> float:
        told = self._notifications is not None and not self._flapping
        return CHECK_EVERY_S if told else CHECK_WITHOUT_NEWS_S

    def _parts(self) -> frozenset[TablePart]:
        try:
            return self._list_parts(self._family, self._name)
        except OSError as exc:
            raise ResourceError("packet filter", f"table {self._name} cannot be read: {exc}") from exc

    def _on_notification(self) -> None:
        if self._notifications is not None and self._notifications.concerns(self._family,
            self._name) and not self._flapping:
            self._arm(self.check())

    def _arm(self, delay_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._look)

    def _look(self) -> None:
        self._arm(self.check())
        if not self.fault:
            self._refill()

    def _failed(self, reason: str) -> None:
        if not self._reason:
            log_event(log, LogLevel.WARNING, "table-not-laid", table=self._name, reason=reason)
        self._reason = reason
        if self._timer is not None:
            self._arm(LAY_EVERY_S)

    def _begin_storm(self) -> None:
        if not self._flapping:
            log_event(log, LogLevel.WARNING, "table-taken-away-again-and-again", table=self._name)
        self._flapping = True

    def _whole(self) -> None:
        self._reason = ""
        if self._flapping and self._allowance.replenished(self._now()):
            self._flapping = False
            log_event(log, LogLevel.INFO, "table-stays", table=self._name, laid_again=self.laid_again)


def _shape(parts: frozenset[TablePart]) -> Counter[tuple[str, bytes, bytes]]:
    return Counter(part.shape for part in parts)
