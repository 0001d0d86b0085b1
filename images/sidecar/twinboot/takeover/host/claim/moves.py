"""What this server does with connections when an address is claimed or released here.

Owns the order of nftables rules, probes and closes. A claim has two steps (claiming: before the address is
up; claimed: it is up and announced), a release too (releasing, released); the agent reports each.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping, Set
from enum import Enum
from ipaddress import IPv4Address
from typing import Any

from twinboot.core.effects import LogLevel
from twinboot.errors import ResourceError
from twinboot.log import log_event
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord
from twinboot.takeover.logic.settle import SETTLED_AFTER_S
from twinboot.takeover.logic.tcp.segment import Segment
from twinboot.takeover.logic.tracker import CONNECTION_LIMIT

from .. import kernel_connections, silent_exit
from ..nftables import TakeoverRules
from ..outcome import ClaimOutcome
from ..published.tree import PublishedTree
from ..tcp_probe import RawTcpSender
from .claim import Claim
from .follower import ConnectionFollower

log = logging.getLogger(__name__)

FIRST_DATA_WAIT_S = 0.5
"""How long the first acknowledged data is waited for before the outcome is reported."""
NO_RST_AFTER_CLAIM_S = 3.0
"""A closing client repeats its FIN after 0.2, 0.6, 1.4, 3 s (RFC 6298)."""
REPEAT_RESET_AT_S = (0.2, 0.6, NO_RST_AFTER_CLAIM_S + 0.1, NO_RST_AFTER_CLAIM_S + 0.7)
"""At the last two times the kernel itself sends RST again."""


class TakeoverMode(Enum):
    """What is done with a service's connections: ON: take over; TICKLE: reset at once; OFF: nothing."""

    ON = "on"
    TICKLE = "tickle"
    OFF = "off"


class MoveHandler:
    """modes: by kind of connection (data connections follow their control connection)."""

    def __init__(
        self,
        interface: str,
        tree: PublishedTree,
        rules: TakeoverRules,
        modes: Mapping[ConnectionKind, TakeoverMode],
        follower: ConnectionFollower,
        report: Callable[[ClaimOutcome], None],
    ) -> None:
        self._interface, self._tree, self._rules = interface, tree, rules
        self._modes, self._follower, self._report = dict(modes), follower, report
        self._tasks: set[asyncio.Task[None]] = set()
        self._claims: dict[IPv4Address, asyncio.Task[None]] = {}
        self._latest_claims: dict[IPv4Address, Claim] = {}
        self._sender = RawTcpSender()
        self.http_dialect: str | None = None
        """Dialect of the HTTP service here; None: not known."""
        self._no_rst_timers: dict[IPv4Address, asyncio.TimerHandle] = {}
        """Addresses that are still in the set no_rst after their claim."""

    @property
    def serving(self) -> int:
        """How many connections and claims are being served now."""
        return len(self._tasks)

    def mode(self, kind: ConnectionKind) -> TakeoverMode:
        return self._modes.get(
            ConnectionKind.FTP_CONTROL if kind is ConnectionKind.FTP_DATA else kind, TakeoverMode.OFF
        )

    def claiming(self, address: IPv4Address) -> None:
        """Before the address is up: from now on the kernel refuses nothing on it."""
        self._cancel_no_rst_timer(address)
        self._rules.freeze(address, on=False)
        self._rules.no_rst(address, on=True)
        self._rules.no_refusal(address, on=True)

    def claimed(
        self, address: IPv4Address, records: Mapping[ConnectionKey, ConnectionRecord], *, planned: bool,
        away_s: float = 0.0,
    ) -> None:
        """The address is up and announced; or it was here before the takeover process started. away_s: so
        long nobody had it before it came back to this server."""
        self._rules.no_refusal(address, on=True)
        latest = self._latest_claims.get(address)
        asked = latest.asked() if latest is not None else ()  # the address had vanished for a moment
        records = {key: one for key, one in records.items() if key not in asked}
        settle_s = SETTLED_AFTER_S if planned else 0.0
        task = asyncio.create_task(self._claim(address, records, settle_s, away_s))
        self._claims[address] = task
        self._keep(task)

    def client_connects(self, key: ConnectionKey) -> None:
        """A client opens a connection here."""
        claim = self._latest_claims.get(key.server)
        if claim is not None:
            claim.client_connects(key)

    def client_accepts(self, key: ConnectionKey) -> None:
        """A client answers a SYN for a data connection."""
        claim = self._latest_claims.get(key.server)
        if claim is not None:
            claim.client_accepts(key)

    def client_closes(self, one: Segment) -> None:
        """A client closes a connection that is not known here.

        Shortly after a claim the dead server may have got the FIN without acknowledging it. So it is
        acknowledged here; the kernel, which has no such connection, would answer with RST.
        """
        if one.target in self._no_rst_timers:
            self._sender.acknowledge(one)

    def releasing(self, address: IPv4Address) -> None:
        """Before the address is dropped: freeze its connections.

        None is reset here, even if the next holder cannot continue it: the RST would have a number beyond the
        data still in transit, and the client would ignore it (RFC 5961 section 3.2). The next holder learns
        the right number from the client's reply.
        """
        self._rules.freeze(address, on=True)

    def released(self, address: IPv4Address) -> Mapping[ConnectionKey, ConnectionRecord]:
        """The address is gone: destroy what is left of its connections here, without FIN or RST. Returns
        those of which its claim has not decided yet."""
        latest = self._latest_claims.pop(address, None)
        undecided = latest.undecided() if latest is not None else {}
        claim = self._claims.pop(address, None)
        if claim is not None:
            claim.cancel()
        try:
            kernel_connections.end_connections(address)
        except ResourceError as exc:
            log.warning("connections of %s were not ended: %s", address, exc)
        self._cancel_no_rst_timer(address)
        self._rules.freeze(address, on=False)
        self._rules.no_rst(address, on=False)
        self._rules.no_refusal(address, on=False)
        return undecided

    async def close(self, addresses: Set[IPv4Address]) -> None:
        """End this takeover process. addresses: those held here; the next process may take over the
        connections that are served on them."""
        for address in tuple(self._no_rst_timers):
            self._cancel_no_rst_timer(address)
        for address in addresses:
            self._rules.no_rst(address, on=True)
        left = silent_exit.freeze_connections(addresses)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if left:
            log_event(log, LogLevel.INFO, "connections-left", count=left)
            return  # the rules stay until they time out, or the next takeover process replaces them
        with contextlib.suppress(ResourceError):
            self._rules.close()

    # Inside -------------------------------------------------------------------------------------

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        self._keep(asyncio.create_task(job))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _claim(
        self, address: IPv4Address, records: Mapping[ConnectionKey, ConnectionRecord], settle_s: float,
        away_s: float,
    ) -> None:
        to_take_over = {key: one for key, one in records.items() if self.mode(one.kind) is TakeoverMode.ON}
        if {*self._modes.values()} <= {TakeoverMode.OFF}:
            self._schedule_rst_again(address)
            return
        tickled = {key: one for key, one in records.items() if self.mode(one.kind) is TakeoverMode.TICKLE}
        try:
            claim = Claim(
                address,
                self._interface,
                to_take_over,
                tickled,
                self._tree,
                self._spawn,
                self._follower,
                lambda: len(self._tasks) < CONNECTION_LIMIT,
                self._sender,
                settle_s=settle_s,
                away_s=away_s,
                http_dialect=self.http_dialect,
            )
        except ResourceError as exc:
            log.warning("connections of %s were not taken over: %s", address, exc)
            self._schedule_rst_again(address)
            return
        self._latest_claims[address] = claim
        try:
            outcome = await claim.run()
            self._spawn(self._report_outcome(outcome))
            self._schedule_rst_again(address)
            await claim.repeat_resets(REPEAT_RESET_AT_S)
        finally:
            claim.close()

    def _schedule_rst_again(self, address: IPv4Address) -> None:
        """Keep no_rst for a moment: a client that was closing when its server died repeats its FIN."""
        self._cancel_no_rst_timer(address)
        self._no_rst_timers[address] = asyncio.get_running_loop().call_later(
            NO_RST_AFTER_CLAIM_S, self._allow_rst, address)

    def _cancel_no_rst_timer(self, address: IPv4Address) -> None:
        timer = self._no_rst_timers.pop(address, None)
        if timer is not None:
            timer.cancel()

    def _allow_rst(self, address: IPv4Address) -> None:
        self._cancel_no_rst_timer(address)
        self._rules.no_rst(address, on=False)
        self._rules.clear_orphaned()

    async def _report_outcome(self, outcome: ClaimOutcome) -> None:
        await outcome.timeline.wait_for_first_data(FIRST_DATA_WAIT_S)
        self._report(outcome)
