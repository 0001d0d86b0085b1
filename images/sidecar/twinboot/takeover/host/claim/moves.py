"""What this server does with connections when an address comes here or leaves.

Owns the order of filter, questions, and ends. An address comes in two steps (claiming: before it is up;
claimed: it is up and announced) and leaves in two (releasing, released); the agent says when.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping, Set
from enum import Enum
from ipaddress import IPv4Address
from typing import Any

from twinboot.core.effects import Level
from twinboot.errors import ResourceError
from twinboot.log import say
from twinboot.takeover.logic.connection_table import LIMIT
from twinboot.takeover.logic.record import Key, Kind, Record
from twinboot.takeover.logic.settle import CALM_S
from twinboot.takeover.logic.tcp.segment import Segment

from ....kernel import sock_diag
from .. import silent_exit
from ..nftables import Filter
from ..outcome import Outcome
from ..published.tree import Tree
from ..tcp_probe import Voice
from .claim import Claim, Following

log = logging.getLogger(__name__)

FIRST_DATA_S = 0.5
"""So long is waited for it before the outcome is told."""
SETTLE_S = 3.0
"""A client that closes repeats it after 0.2, 0.6, 1.4, 3 s (RFC 6298)."""
INSIST_AT_S = (0.2, 0.6, SETTLE_S + 0.1, SETTLE_S + 0.7)
"""At the end this kernel answers for itself again."""


class Mode(Enum):
    """What is done for a service's connections: go on with them, reset them at once, or nothing."""

    ON = "on"
    TICKLE = "tickle"
    OFF = "off"


class Moves:
    """modes: by kind of connection (data connections follow their control connection)."""

    def __init__(self, interface: str, tree: Tree, shield: Filter, modes: Mapping[Kind, Mode],
                 following: Following, report: Callable[[Outcome], None]) -> None:
        self._interface, self._tree, self._shield = interface, tree, shield
        self._modes, self._following, self._report = dict(modes), following, report
        self._tasks: set[asyncio.Task[None]] = set()
        self._claims: dict[IPv4Address, asyncio.Task[None]] = {}
        self._latest: dict[IPv4Address, Claim] = {}
        self._voice = Voice()
        self._settling: dict[IPv4Address, asyncio.TimerHandle] = {}
        """Addresses that still are quiet after their claim."""

    @property
    def serving(self) -> int:
        """How many connections and claims are being dealt with now."""
        return len(self._tasks)

    def mode(self, kind: Kind) -> Mode:
        return self._modes.get(Kind.FTP_CONTROL if kind is Kind.FTP_DATA else kind, Mode.OFF)

    def claiming(self, address: IPv4Address) -> None:
        """Before the address is up: from now on nothing is refused on it."""
        self._settled(address)
        self._shield.frozen(address, on=False)
        self._shield.quiet(address, on=True)
        self._shield.held(address, on=True)

    def claimed(self, address: IPv4Address, records: Mapping[Key, Record], *, planned: bool) -> None:
        """The address is up and announced; or it was here before the adopter was."""
        self._shield.held(address, on=True)
        task = asyncio.create_task(self._claim(address, records, CALM_S if planned else 0.0))
        self._claims[address] = task
        self._keep(task)

    def begun(self, key: Key) -> None:
        """A client begins a connection here."""
        claim = self._latest.get(key.server)
        if claim is not None:
            claim.begun(key)

    def closes(self, one: Segment) -> None:
        """A client closes a connection that nobody here knows.

        Shortly after a claim it may have told the dead server, which could not confirm it any more. So it is
        confirmed here: the kernel, which has no such connection, would say something ruder.
        """
        if one.target in self._settling:
            self._voice.confirm(one)

    def releasing(self, address: IPv4Address) -> None:
        """Before the address goes: its connections stand still.

        Nobody is reset here, not even where the taker cannot go on: a reset from here would come after data
        that is still on its way, and a client ignores such a one (RFC 5961 section 3.2). The taker knows from
        the client's answer which one it will heed.
        """
        self._shield.frozen(address, on=True)

    def released(self, address: IPv4Address) -> None:
        """The address is gone: end what is left of its connections here, without a word to the clients."""
        self._latest.pop(address, None)
        claim = self._claims.pop(address, None)
        if claim is not None:
            claim.cancel()
        for key in sock_diag.connections(frozenset((address,))):
            sock_diag.destroy(key)
        self._settled(address)
        self._shield.frozen(address, on=False)
        self._shield.quiet(address, on=False)
        self._shield.held(address, on=False)

    async def close(self, addresses: Set[IPv4Address]) -> None:
        """The end of this adopter. addresses: that are held here; what it serves on them the next one may."""
        for address in tuple(self._settling):
            self._settled(address)
        with contextlib.suppress(ResourceError):
            for address in addresses:
                self._shield.quiet(address, on=True)
        left = silent_exit.silently(addresses)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if left:
            say(log, Level.INFO, "connections-left", count=left)
            return  # the filter goes on for some seconds, and the next adopter's takes its place
        with contextlib.suppress(ResourceError):
            self._shield.close()

    # Inside -------------------------------------------------------------------------------------

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        self._keep(asyncio.create_task(job))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _claim(self, address: IPv4Address, records: Mapping[Key, Record], calm_s: float) -> None:
        adopted = {key: one for key, one in records.items() if self.mode(one.kind) is Mode.ON}
        if {*self._modes.values()} <= {Mode.OFF}:
            self._settle(address)
            return
        tickled = {key: one for key, one in records.items() if self.mode(one.kind) is Mode.TICKLE}
        try:
            claim = Claim(address, self._interface, adopted, tickled, self._tree, self._spawn,
                          self._following, lambda: len(self._tasks) < LIMIT, self._voice, calm_s=calm_s)
        except ResourceError as exc:
            log.warning("connections of %s were not taken over: %s", address, exc)
            self._settle(address)
            return
        self._latest[address] = claim
        try:
            outcome = await claim.run()
            self._spawn(self._tell(outcome))
            self._settle(address)
            await claim.insist(INSIST_AT_S)
        finally:
            claim.close()

    def _settle(self, address: IPv4Address) -> None:
        """Leave it quiet for a moment: who was closing when its server died says so once more."""
        self._settled(address)
        self._settling[address] = asyncio.get_running_loop().call_later(
            SETTLE_S, self._shout, address)

    def _settled(self, address: IPv4Address) -> None:
        timer = self._settling.pop(address, None)
        if timer is not None:
            timer.cancel()

    def _shout(self, address: IPv4Address) -> None:
        self._settled(address)
        with contextlib.suppress(ResourceError):
            self._shield.quiet(address, on=False)
            self._shield.revived()

    async def _tell(self, outcome: Outcome) -> None:
        await outcome.diary.first_data(FIRST_DATA_S)
        self._report(outcome)
