"""The socket between the agent and the takeover process: lines of JSON, questions and answers, and how it
fares.

A takeover process that is dead, hung or slow costs the agent nothing: what is written to it is bounded (it is
then taken for dead), a question that is not answered in time makes nobody wait for the next one, and once a
second it is asked how it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from twinboot.core.effects import LogLevel
from twinboot.log import log_event
from twinboot.wire.ipc import takeover as protocol
from twinboot.wire.ipc.takeover import BACKLOG_BYTES, LINE_LIMIT, TakeoverReport

log = logging.getLogger(__name__)

REPLY_TIMEOUT_S = 0.2
"""The takeover process's word is waited for so long. It has little to do before it gives it; but on a busy
machine, just after its start, 0.05 s were too few, and an address that comes before the filter resets its
clients."""
POLL_EVERY_S = 1.0
SILENT_ALARM_S = 3.0
RECONNECT_S = 1.0
GRACE_S = 5.0
"""A lack of it shorter than this (it starts, its image is changed) is no alarm."""
LINES_PER_TURN = 50
"""So many of its lines, then the others on the loop have theirs."""


class TakeoverLine:
    """opened: called when a takeover process is there, to tell it all; told: all that it says but answers."""

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
        """What the takeover process last said of itself; None without one."""
        self.unknown_messages = 0
        """Of a newer build, skipped."""
        self._tasks = (self._loop.create_task(self._run()), self._loop.create_task(self._poll()))

    @property
    def usable(self) -> bool:
        """It is there and keeps up: waiting for it makes sense. May be asked from any thread."""
        return self._writer is not None and not self._slow

    @property
    def fault(self) -> str:
        """Why nothing is carried over, in words; empty when it is, or may soon be."""
        now = self._loop.time()
        if self._writer is None:
            return self._missing_reason if now >= self._since + GRACE_S else ""
        waits = min((at for at, _answer in self._pending.values()), default=now)
        return f"it has not answered for {now - waits:.0f} s" if now >= waits + SILENT_ALARM_S else ""

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    def write(self, message: protocol.AgentMessage) -> None:
        """Tell it; without a takeover process nothing happens."""
        writer = self._writer
        if writer is None:
            return
        if writer.transport.get_write_buffer_size() > BACKLOG_BYTES:
            writer.transport.abort()
            return
        writer.write(protocol.agent_line(message))

    def request(self, request: protocol.Request) -> asyncio.Future[None] | None:
        """A line that it will answer; None without a takeover process."""
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
        """Tell, and wait a little for the answer; False when there was none in time."""
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
            taken = 0
            while line := await reader.readline():
                self._handle(protocol.parse_takeover_line(line))
                taken += 1
                if taken % LINES_PER_TURN == 0:
                    await asyncio.sleep(0)  # readline does not wait while there is more: heartbeats first
        except (OSError, ValueError) as exc:
            log_event(log, LogLevel.WARNING, "takeover-process-line-broken", reason=str(exc))
        finally:
            self._writer = None
            self.report = None
            writer.close()

    def _handle(self, word: protocol.TakeoverMessage | protocol.Unknown) -> None:
        if isinstance(word, protocol.Unknown):
            self.unknown_messages += 1
            return
        if not isinstance(word, protocol.Reply):
            self._on_message(word)
            return
        asked = self._pending.get(word.number)
        if asked is not None and not asked[1].done():
            asked[1].set_result(None)
        self._slow = False
        if word.report is not None:
            self.report = word.report

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
        """Once a second: how is it? One question at a time. Without an answer by then no move waits."""
        while True:
            answer = self.request(protocol.ReportRequest())
            await asyncio.sleep(POLL_EVERY_S)
            if answer is not None:
                self._slow = self._slow or not answer.done()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait((answer,))
