"""What installers report: requests that the HTTP service hands on, answered when what they say is kept.

Owns the socket and its bounds; reports.py says what may be said. A machine that is told `wait` asks again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from twinboot.core.effects import LogLevel
from twinboot.log import log_event
from twinboot.machines import inventory, reports
from twinboot.machines.reports import Event, Report
from twinboot.machines.table import Unknown
from twinboot.wire.ipc import scgi

from .keeper import MachineKeeper

log = logging.getLogger(__name__)

MAX_AT_ONCE = 128
READ_S = 5.0
RATE_PER_S, BURST = 4.0, 20
MAX_ADDRESSES = 4096
"""Whose rate is remembered; the one that was heard longest ago is forgotten first."""


class Rates:
    """A token bucket for each address. Pure: `now` is handed in."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, now: float) -> bool:
        """False: this address asks too often."""
        left, at = self._left.pop(address, (float(BURST), now))
        left = min(float(BURST), left + (now - at) * RATE_PER_S)
        allowed = left >= 1.0
        self._left[address] = (left - 1.0 if allowed else left, now)
        if len(self._left) > MAX_ADDRESSES:
            self._left.popitem(last=False)
        return allowed


class ReportListener:
    """Serves the socket, for one keeper. record_inventory: answers an inventory report
    (machines.inventory)."""

    def __init__(
        self, keeper: MachineKeeper, now: Callable[[], float],
        record_inventory: Callable[[str], str] = lambda _target: "ok",
    ) -> None:
        self._keeper, self._now, self._record_inventory = keeper, now, record_inventory
        self._rates = Rates()
        self._open = 0
        self._server: asyncio.Server | None = None

    async def start(self, path: Path) -> None:
        """OSError when the socket cannot be made."""
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self._server = await asyncio.get_running_loop().create_unix_server(lambda: _Request(self), str(path))
        os.chmod(path, 0o666)  # its folder lets in the HTTP service alone

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def answer(self, method: str, target: str, address: str) -> str:
        """One line: see reports.py."""
        line = self.answer_at_once(method, target, address)
        return line if isinstance(line, str) else await self.answer_when_kept(line)

    def answer_at_once(self, method: str, target: str, address: str) -> str | Report:
        """The line; a report whose answer takes a while, for answer_when_kept()."""
        if method not in ("GET", "HEAD"):
            return "no only GET is answered here"
        if not self._rates.take(address, self._now()):
            return "wait you ask too often"
        if inventory.is_inventory(target):
            return self._record_inventory(target)
        try:
            report = reports.parse(target)
        except ValueError as exc:
            return f"no {exc}"
        if not self._keeper.ready:
            return "wait this server has just started"
        return self._judge(report, address)

    def _judge(self, report: Report, address: str) -> str | Report:
        try:
            verdict = self._keeper.table.report(report, address, time.time())
        except Unknown:
            return "no host of that name"
        if report.event is Event.PROGRESS:
            self._keeper.spread_soon()
        else:
            self._keeper.spread()
        if verdict.refused:
            log_event(log, LogLevel.WARNING, "report-refused", host=report.host, event=report.event.value,
                      address=address, reason=verdict.refused)  # fmt: skip
            return f"no {verdict.refused}"
        return "ok" if report.event in (Event.STEP, Event.PROGRESS) else report

    async def answer_when_kept(self, report: Report) -> str:
        """The line of a report that counts when all servers have it."""
        if not await self._keeper.kept():
            return "wait not every server has it yet"
        try:
            stands = self._keeper.table.stands(report)
        except Unknown:
            stands = False
        if not stands:
            return "wait there is another order"
        return "go" if report.event is Event.START else "ok"

    def came(self) -> bool:
        """One more asks; False: they are too many already. left() must follow."""
        self._open += 1
        return self._open <= MAX_AT_ONCE

    def left(self) -> None:
        self._open -= 1


class _Request(asyncio.Protocol):
    """A connection of the HTTP service, for one request. Its headers must be there within READ_S; what comes
    after them is dropped. A thousand machines report every 10 s: this costs half of what streams do."""

    def __init__(self, listener: ReportListener) -> None:
        self._listener = listener
        self._begun = b""
        self._refused = False
        self._waits: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._limit = asyncio.get_running_loop().call_later(READ_S, transport.abort)
        self._refused = not self._listener.came()

    def data_received(self, data: bytes) -> None:
        if self._limit.cancelled():
            return  # answered, or about to be
        if self._refused:  # only now: closed with something unread, the socket would give an error instead
            self._say("wait too many ask at once")
            return
        self._begun += data
        try:
            length = scgi.headers_length(self._begun)
            if length is None or len(self._begun) < length:
                return
            headers = scgi.headers(self._begun[:length])
        except scgi.NotScgi:
            self._transport.abort()  # whoever that is, it is not the HTTP service
            return
        self._limit.cancel()
        line = self._listener.answer_at_once(
            *(headers.get(name, "") for name in ("REQUEST_METHOD", "REQUEST_URI", "REMOTE_ADDR")))
        if isinstance(line, str):
            self._say(line)
        else:
            self._waits = asyncio.get_running_loop().create_task(self._say_when_kept(line))

    def eof_received(self) -> bool:
        return self._limit.cancelled()  # nothing more to read; the answer may still be due

    def connection_lost(self, exc: Exception | None) -> None:
        self._limit.cancel()
        self._listener.left()

    async def _say_when_kept(self, report: Report) -> None:
        try:
            self._say(await self._listener.answer_when_kept(report))
        finally:
            self._transport.close()

    def _say(self, line: str) -> None:
        self._limit.cancel()
        self._transport.write(scgi.answer(line))
        self._transport.close()
