"""Watches the connections of the addresses held here, and tells each change of a record as it is seen.

What a server has answered but not told of is lost with it: so a change is told at once, not gathered.
Owns the pace: of a flood only so much a second is told, the newest word on each connection, and what has
only shaken hands comes last.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Protocol

from twinboot.errors import ResourceError
from twinboot.takeover.logic.record import Key, Kind, Record
from twinboot.takeover.logic.tcp.segment import ACK, FIN, SYN, Segment
from twinboot.takeover.logic.tracker import Tracker

from ....kernel import sock_diag
from ....kernel.nflog import ThrownAway
from ..input_hold import Gate
from .capture import Capture

log = logging.getLogger(__name__)

COMPARE_EVERY_S = 2.0
TOLD_S = 2000.0
TOLD_AT_ONCE = 1000
PACE_S = 0.02

Tell = Callable[[Key, Record | None], None]


class Hooks(Protocol):
    """What moves must see of the connections: moves.Moves."""

    def begun(self, key: Key) -> None: ...
    def closes(self, one: Segment) -> None: ...


class Recorder:
    """capture: None where connections cannot be seen; nothing is ever told then."""

    def __init__(self, capture: Capture | None, tracker: Tracker, tell: Tell, gate: Gate,
                 thrown_away: ThrownAway | None, hooks: Hooks) -> None:
        """thrown_away: what the gate is to hold; None where it stands open for ever.

        hooks: told of what moves have to know, before anything else is done for it."""
        self._capture, self.tracker, self._tell, self._gate = capture, tracker, tell, gate
        self._thrown_away, self._hooks = thrown_away, hooks
        self._tokens, self._filled_at = float(TOLD_AT_ONCE), 0.0
        self._pacing: asyncio.TimerHandle | None = None
        self._comparing: asyncio.Task[None] | None = None
        self.told = 0

    def start(self) -> None:
        """In the running loop."""
        loop = asyncio.get_running_loop()
        self._filled_at = loop.time()
        self.tracker.woken = self._soon
        if self._capture is not None:
            loop.add_reader(self._capture.fileno(), self.captured)
            if self._thrown_away is not None:
                loop.add_reader(self._thrown_away.fileno(), self.captured)
            self._comparing = loop.create_task(self._compare())

    def close(self) -> None:
        if self._comparing is not None:
            self._comparing.cancel()
        if self._pacing is not None:
            self._pacing.cancel()
        if self._capture is not None:
            asyncio.get_running_loop().remove_reader(self._capture.fileno())
            self._capture.close()
        if self._thrown_away is not None:
            asyncio.get_running_loop().remove_reader(self._thrown_away.fileno())
            self._thrown_away.close()
        self._gate.close()

    def watch(self, addresses: set[IPv4Address]) -> None:
        """From now on these addresses."""
        self.tracker.addresses = set(addresses)
        if self._capture is not None:
            self._capture.watch(sorted(addresses))
            self._gate.watch(addresses)

    def captured(self) -> None:
        """Take in what has come, and tell."""
        if self._capture is None:
            return
        try:
            for segment in self._capture.read():
                self._take(segment)
        except ResourceError as exc:
            log.warning("%s", exc)
        # What was thrown away for the gate has mostly been seen just now; the log comes a little later.
        for packet in self._thrown_away.read() if self._thrown_away is not None else ():
            held = self._gate.hold(packet)
            if held is not None:
                self._take(held)
        self.flush()
        self._gate.told()

    def _take(self, segment: Segment) -> None:
        if segment.flags & (SYN | ACK) == SYN:
            self._hooks.begun(Key.of_client(segment))
        elif segment.source in self.tracker.addresses:
            self._gate.heeded()
        elif segment.flags & FIN and Key.of_client(segment) not in self.tracker:
            self._hooks.closes(segment)
        self.tracker.segment(segment)

    def flush(self, *, everything: bool = False) -> None:
        """Tell what has changed, as far as the pace allows (`everything`: all of it, now)."""
        now = asyncio.get_running_loop().time()
        self._tokens = min(float(TOLD_AT_ONCE), self._tokens + (now - self._filled_at) * TOLD_S)
        self._filled_at = now
        most = self.tracker.waiting
        if not everything:
            # The last half is for those whose loss would be felt.
            most = min(most, max(int(self._tokens - TOLD_AT_ONCE / 2),
                                 min(int(self._tokens), self.tracker.urgent)))
        self._tokens = max(0.0, self._tokens - most)
        for key, record in self.tracker.changes(most):
            self.told += 1
            self._tell(key, record)
        if self.tracker.waiting and self._pacing is None:
            self._pacing = asyncio.get_running_loop().call_later(PACE_S, self._paced)

    def report(self) -> dict[str, object]:
        """How much there is to see, for status and metrics."""
        counts = self.tracker.counts()
        return {
            "followed": {
                "ftp": counts[Kind.FTP_CONTROL], "ftp-data": counts[Kind.FTP_DATA], "http": counts[Kind.HTTP],
            },
            "told": self.told,
            "waiting": self.tracker.waiting,
            "left_out": self.tracker.forgotten,
            "segments": self._capture.segments if self._capture is not None else 0,
            "frames_lost": self._capture.lost if self._capture is not None else 0,
            **self._gate.report(),
        }

    def _soon(self) -> None:
        """There are changes, and perhaps no segment comes for long: bulk data is not shown to us."""
        if self._pacing is None:
            self._pacing = asyncio.get_running_loop().call_later(0.0, self._paced)

    def _paced(self) -> None:
        self._pacing = None
        self.flush()

    async def _compare(self) -> None:
        """Every two seconds: what the kernel has, and whether frames were lost."""
        while True:
            await asyncio.sleep(COMPARE_EVERY_S)
            assert self._capture is not None
            try:
                if self.tracker.addresses:
                    self.captured()
                    self.tracker.retain(
                        sock_diag.connections(frozenset(self.tracker.addresses), ending=True))
                    self.flush()
                lost = self._capture.check()
            except ResourceError as exc:
                log.warning("%s", exc)
                continue
            if lost:
                log.warning("%d frames were not seen: some connections may be known in part", lost)
