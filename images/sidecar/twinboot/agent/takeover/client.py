"""The socket between the agent and the takeover process: lines of JSON, requests and replies, and its
faults.

A takeover process that is dead, hung or slow never blocks the agent: a write backlog over BACKLOG_BYTES
closes the connection, after a request without a reply in time no caller waits for the next one, and a
report is requested once a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from twinboot.core.effects import LogLevel
from twinboot.load_aware_timeout import busy, cpu_times
from twinboot.log import log_event
from twinboot.wire.ipc import takeover as protocol
from twinboot.wire.ipc.takeover import BACKLOG_BYTES, LINE_LIMIT, TakeoverReport

from .restarts import Restarts

log = logging.getLogger(__name__)

REPLY_TIMEOUT_S = 0.2
"""How long a move waits for the reply. The takeover process has little to do before it; but on a busy
machine, just after its start, 0.05 s were too few, and an address that is up before the filter resets its
clients."""
POLL_EVERY_S = 1.0
SILENT_ALARM_S = 3.0
RECONNECT_S = 1.0
GRACE_S = 5.0
"""An absence shorter than this (a start, a new image) is no alarm."""
LINES_PER_TURN = 50
"""Lines handled in one turn; then the loop's other tasks run."""


class TakeoverClient:
    """on_connected: called to send a new takeover process everything. on_message: all lines but replies."""

    def __init__(self, path: Path, on_connected: Callable[[], None],
                 on_message: Callable[[protocol.TakeoverMessage], None]) -> None:
        self._path, self._on_connected, self._on_message = path, on_connected, on_message
        self._loop = asyncio.get_running_loop()
        self._writer: asyncio.StreamWriter | None = None
        self._pending: dict[int, tuple[float, asyncio.Future[None]]] = {}
        self._number = 0
        self._missing_reason = "it has not started"
        self._since = self._loop.time()
        self._slow = False
        self.report: TakeoverReport | None = None
        """The last report of the takeover process that is connected; None without one."""
        self.last_report: TakeoverReport | None = None
        """The last report of any; kept when its process has gone, until the next one has reported."""
        self.unknown_messages = 0
        """Messages of a newer build, which were skipped."""
        self.restart: Callable[[], None] | None = None
        """Called when the takeover process hangs, or has gone for long."""
        self._answered = False
        """It has answered, whatever was asked, since the last look of _watch()."""
        self._tasks = tuple(self._loop.create_task(one) for one in (self._run(), self._poll(), self._watch()))

    @property
    def usable(self) -> bool:
        """It is connected and replies in time: a caller may wait for it. Read from any thread."""
        return self._writer is not None and not self._slow

    @property
    def fault(self) -> str:
        """Why no connection can be taken over, in words; empty without a fault or within GRACE_S."""
        now = self._loop.time()
        if self._writer is None:
            return self._missing_reason if now >= self._since + GRACE_S else ""
        waits = min((at for at, _answer in self._pending.values()), default=now)
        return f"it has not answered for {now - waits:.0f} s" if now >= waits + SILENT_ALARM_S else ""

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    def write(self, message: protocol.AgentMessage) -> None:
        """Send a message; without a takeover process nothing happens."""
        writer = self._writer
        if writer is None:
            return
        if writer.transport.get_write_buffer_size() > BACKLOG_BYTES:
            writer.transport.abort()
            return
        writer.write(protocol.agent_line(message))

    def request(self, request: protocol.Request) -> asyncio.Future[None] | None:
        """Send a request; the future is done when the reply comes. None without a takeover process."""
        if self._writer is None:
            return None
        self._number += 1
        number = self._number
        answer: asyncio.Future[None] = self._loop.create_future()
        self._pending[number] = self._loop.time(), answer
        answer.add_done_callback(lambda _done: self._pending.pop(number, None))
        self.write(replace(request, number=number))
        return answer

    async def request_and_wait(self, request: protocol.MoveRequest) -> bool:
        """Send a request and wait REPLY_TIMEOUT_S for the reply; False when there was none in time."""
        answer = self.request(request)
        if answer is None:
            return False
        try:
            await asyncio.wait_for(asyncio.shield(answer), REPLY_TIMEOUT_S)
        except (TimeoutError, asyncio.CancelledError):
            if not self._slow:
                log_event(
                    log,
                    LogLevel.WARNING,
                    "takeover-process-slow",
                    asked=request.move.value,
                    waited_s=REPLY_TIMEOUT_S,
                )
            self._slow = True
            return False
        return True

    # Inside -------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(self._path, limit=LINE_LIMIT)
            except OSError as exc:
                self._disconnected(f"it is not running ({exc.strerror or exc})")
            else:
                await self._serve(reader, writer)
                self._disconnected("it has ended")
            await asyncio.sleep(RECONNECT_S)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer, self._slow = writer, False
        if self._missing_reason:
            log_event(log, LogLevel.INFO, "takeover-process-connected")
        self._missing_reason = ""
        try:
            self._on_connected()
            count = 0
            while line := await reader.readline():
                self._handle(protocol.parse_takeover_line(line))
                count += 1
                if count % LINES_PER_TURN == 0:
                    await asyncio.sleep(0)  # readline does not wait while there is more: heartbeats first
        except (OSError, ValueError) as exc:
            log_event(log, LogLevel.WARNING, "takeover-process-line-broken", reason=str(exc))
        finally:
            self._writer = None
            self.report = None
            writer.close()

    def _handle(self, message: protocol.TakeoverMessage | protocol.Unknown) -> None:
        if isinstance(message, protocol.Unknown):
            self.unknown_messages += 1
            return
        if not isinstance(message, protocol.Reply):
            self._on_message(message)
            return
        asked = self._pending.get(message.number)
        if asked is not None and not asked[1].done():
            asked[1].set_result(None)
        self._slow, self._answered = False, True
        if message.report is not None:
            self.report = self.last_report = message.report

    def _disconnected(self, why: str) -> None:
        for _at, answer in tuple(self._pending.values()):
            answer.cancel()
        self._pending.clear()
        if not self._missing_reason:
            self._since = self._loop.time()
        if why != self._missing_reason:
            self._missing_reason = why
            log_event(log, LogLevel.WARNING, "takeover-process-missing", reason=why)

    async def _poll(self) -> None:
        """Request a report once a second, one at a time. Without a reply by then, no move waits."""
        while True:
            answer = self.request(protocol.ReportRequest())
            await asyncio.sleep(POLL_EVERY_S)
            if answer is not None:
                self._slow = self._slow or not answer.done()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait((answer,))

    async def _watch(self) -> None:
        """Once a second: does it answer? A connection alone says nothing, for the kernel accepts it."""
        restarts, before_s, before = Restarts(), self._loop.time(), cpu_times()
        while True:
            await asyncio.sleep(POLL_EVERY_S)
            now_s, now = self._loop.time(), cpu_times()
            wanted = restarts.tick(now_s - before_s, answered=self._answered,
                                   connected=self._writer is not None, busy=busy(before, now))
            self._answered, before_s, before = False, now_s, now
            if wanted and self.restart is not None:
                log_event(log, LogLevel.WARNING, "takeover-process-restart",
                          reason="it hangs" if self._writer is not None else "it has gone")
                self.restart()
