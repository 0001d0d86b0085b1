"""Balancing by load on this server: what it hears and sends, joined with machines.by_load, which decides.

Owns the times: at once when a machine asks, soon when something has changed, and every second. What each
server sends is told to the peers in a table of one row.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

from twinboot.adapters.steer_links import GROUPS, INSTALL, QUEUE, Way
from twinboot.core.effects import LogLevel
from twinboot.log import log_event
from twinboot.machines.by_load.least_work import Rules
from twinboot.machines.by_load.sharing import QueuePosition, Sharing
from twinboot.machines.record import Order
from twinboot.machines.table import MachineTable
from twinboot.replication.node import RowChange, TableReset

from .steering import OWED_LIMIT_S

log = logging.getLogger(__name__)

TABLE = "load"
MAX_ROWS = 1
_SENT = b"sent"
_EVERY_S = 1.0
_PAUSE_S = 0.02
"""Between two looks at all that waits, when one machine after the other asks."""
_CHANGED_S = 0.25
"""Pause between two looks where installs go on."""
_TELL_S, _TELLS_PER_S = 3.0, 50.0
"""So old may be what a machine is told of its place; older, where many wait, for each has files of its
own."""
_AVERAGE_S = 30.0
"""Over such a time what is sent counts."""


class Replicator(Protocol):
    """agent.replication.replicator.Replicator, or a stand-in."""

    def put(self, table: str, key: bytes, value: bytes) -> bool: ...
    def remove(self, table: str, key: bytes) -> None: ...
    def subscribe(self, table: str, handler: Callable[[TableReset | RowChange], None]) -> None: ...
    def head(self, table: str) -> int: ...
    def has(self, table: str, upto: int, *, without: Collection[str] = ()) -> bool: ...
    def unheard(self, table: str) -> set[str]: ...
    def complete(self, peer: str, table: str) -> bool: ...
    def hurry(self, table: str) -> None: ...


class LoadSharing:
    """holders: server by group, of those that are held. sent: octets that this server's LAN interface has
    sent; None: not known. told: whether all live peers have the table of machines up to a change. In a site
    that does not balance by load it does nothing."""

    def __init__(
        self, server: str, table: MachineTable, replicator: Replicator, *, now: Callable[[], float],
        holders: Callable[[], Mapping[str, str]], sent: Callable[[], int | None],
        told: Callable[[int], bool],
    ) -> None:
        self._server, self._table, self._replicator = server, table, replicator
        self._now, self._holders, self._sent, self._told = now, holders, sent, told
        self._sharing = Sharing(server, table, now)
        self._rates: dict[str, int] = {}
        self._counted: tuple[float, int] | None = None
        self._rate = 0.0
        self._asked: dict[str, tuple[int, float]] = {}
        """Machines that wait: the change of the table that says so, and until when peers are waited for."""
        self._new: list[str] = []
        self._subscribed = False
        self._changed = False
        self._gave_at = self._looked_at = self._told_at = 0.0
        self._turns: dict[str, QueuePosition] = {}

    @property
    def rules(self) -> Rules | None:
        return self._sharing.rules

    def set_rules(self, rules: Rules | None) -> None:
        """Takes the rules of the site that is rendered now."""
        if rules is not None and not self._subscribed:
            self._subscribed = True
            self._replicator.subscribe(TABLE, self._peer_sends)
        self._sharing.set_rules(rules)
        self._sharing.sent_kib_s = self._rates
        self._look_around()

    def note(self, names: Iterable[str]) -> None:
        """The records of these hosts are others."""
        self._sharing.note(names)
        self._changed = True

    def ask(self, name: str) -> None:
        """A machine asks for its boot file, or looks whether its turn has come."""
        if self.rules is None:
            return
        if self._sharing.ask(name, time.time()):
            self._new.append(name)

    def look(self, head: int) -> None:
        """Something was told to the peers, up to this change of the table; or some time has passed."""
        until = self._now() + OWED_LIMIT_S
        self._asked |= dict.fromkeys(self._new, (head, until))
        self._new.clear()
        if self._asked and self._now() >= self._gave_at + _PAUSE_S:
            self._give()

    @property
    def waits(self) -> bool:
        """look() is to be called soon."""
        return bool(self._asked)

    def tick(self) -> list[str]:
        """Called some times a second; the hosts whose boot files may be others by now."""
        if self.rules is None:
            return []
        now = self._now()
        due = now >= self._looked_at + _EVERY_S
        if due:
            self._looked_at = now
            self._look_around()
            self._measure(now)
        if due or (self._changed and now >= self._gave_at + _CHANGED_S):
            self._give()
        concerned = self._sharing.concerned() if due else []
        if now >= self._told_at + _TELL_S + len(self._turns) / _TELLS_PER_S:
            self._told_at = now
            before, self._turns = self._turns, self._sharing.turns()
            concerned += {**before, **self._turns}
        return concerned

    def way(self, name: str) -> Way:
        """The boot files of a host that is to be installed."""
        if self.rules is None:
            return Way(INSTALL)
        home, group = self._table.facts[name].group, self._sharing.group_of(name)
        if group:
            return Way(INSTALL if group == home else f"{GROUPS}/{group}")
        turn = self._turns.get(name)
        mine = turn is not None and self._sharing.holders.get(home) == self._server
        return Way(QUEUE, _words(turn) if mine and turn is not None else "")

    def needs_to_ask(self, name: str) -> bool:
        """It is to be installed, and has been given no group: what it fetches says that it is there."""
        installs = self.rules is not None and self._table.offered(name) is Order.INSTALL
        return installs and not self._sharing.group_of(name)

    def of(self, name: str) -> dict[str, Any]:
        """For `twinboot machines`: the group that its install has, its place in the queue."""
        if self.rules is None:
            return {}
        turn = self._turns.get(name)
        place = {"turn": turn.number, "turns": turn.of} if turn is not None else {}
        return {"given": self._sharing.runs_on(name), **place}

    def status(self) -> dict[str, Any] | None:
        """What `twinboot status` and the metrics show."""
        rules = self.rules
        if rules is None:
            return None
        return {"at_once": rules.at_once, "running": self._sharing.running(), "queue": len(self._turns),
                "sent_kib_s": dict(self._rates)}  # fmt: skip

    # Inside -------------------------------------------------------------------------------------

    def _give(self) -> None:
        self._changed, self._gave_at = False, self._now()
        now = self._now()
        for name, (head, until) in list(self._asked.items()):
            if self._told(head) or now >= until:
                del self._asked[name]
        for name in self._sharing.give(lambda name: name not in self._asked):
            group = self._table.of(name).place.group
            log_event(log, LogLevel.INFO, "group-given", name=name, group=group)

    def _look_around(self) -> None:
        self._sharing.holders = self._holders()

    def _measure(self, now: float) -> None:
        """An average in which what was sent _AVERAGE_S ago counts a third as much as what is sent now."""
        count = self._sent()
        if count is not None and self._counted is not None and count >= self._counted[1]:
            took = max(now - self._counted[0], 1e-3)
            rate = (count - self._counted[1]) / took / 1024
            self._rate += (rate - self._rate) * min(1.0, took / _AVERAGE_S)
        self._counted = (now, count) if count is not None else None
        mine = round(self._rate)
        if self._rates.get(self._server) != mine:
            self._rates[self._server] = mine
            self._replicator.put(TABLE, _SENT, str(mine).encode())

    def _peer_sends(self, news: TableReset | RowChange) -> None:
        """What a peer sends; one that says it in another way counts as one that sends nothing."""
        self._rates.pop(news.peer, None)
        if isinstance(news, RowChange) and news.value is not None and news.value.isdigit():
            self._rates[news.peer] = int(news.value[:12])


def _words(turn: QueuePosition) -> str:
    return f"place {turn.number} of {turn.of}, {turn.running} installs run"
