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
from twinboot.machines import hello, reports
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


class ReportDoor:
    """Serves the socket, for one keeper. greet: answers a hello (machines.hello)."""

    def __init__(
        self, keeper: MachineKeeper, now: Callable[[], float],
        greet: Callable[[str], str] = lambda _target: "ok",
    ) -> None:
        self._keeper, self._now, self._greet = keeper, now, greet
        self._rates = Rates()
        self._open = 0
        self._server: asyncio.Server | None = None

    async def start(self, path: Path) -> None:
        """OSError when the socket cannot be made."""
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self._server = await asyncio.start_unix_server(self._serve, path, limit=scgi.MAX_REQUEST + 64)
        os.chmod(path, 0o666)  # its folder lets in the HTTP service alone

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def answer(self, method: str, target: str, address: str) -> str:
        """One line: see reports.py."""
        if method not in ("GET", "HEAD"):
            return "no only GET is answered here"
        if not self._rates.take(address, self._now()):
            return "wait you ask too often"
        if hello.is_hello(target):
            return self._greet(target)
        try:
            report = reports.parse(target)
        except ValueError as exc:
            return f"no {exc}"
        if not self._keeper.ready:
            return "wait this server has just started"
        return await self._judge(report, address)

    async def _judge(self, report: Report, address: str) -> str:
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
        if report.event in (Event.STEP, Event.PROGRESS):
            return "ok"
        if not await self._keeper.kept():
            return "wait not every server has it yet"
        try:
            stands = self._keeper.table.stands(report)
        except Unknown:
            stands = False
        if not stands:
            return "wait there is another order"
        return "go" if report.event is Event.START else "ok"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open > MAX_AT_ONCE:
                writer.write(scgi.answer("wait too many ask at once"))
                return
            headers = scgi.headers(await asyncio.wait_for(_read(reader), READ_S))
            method, target, address = (
                headers.get(name, "") for name in ("REQUEST_METHOD", "REQUEST_URI", "REMOTE_ADDR")
            )
            writer.write(scgi.answer(await self.answer(method, target, address)))
        except (OSError, ValueError, TimeoutError):
            pass  # the other side has gone, or is not the HTTP service
        finally:
            self._open -= 1
            with contextlib.suppress(OSError):
                writer.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    """The headers; what comes after them is dropped."""
    begun = b""
    while (length := scgi.headers_length(begun)) is None or len(begun) < length:
        more = await reader.read(scgi.MAX_REQUEST)
        if not more:
            raise ValueError("the request ends in its middle")
        begun += more
    return begun[:length]
