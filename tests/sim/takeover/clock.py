"""Virtual time: one queue of events for the whole world, and an asyncio loop for each server's process on it.

A Loop runs the takeover process' own coroutines; its sock_* methods work on the model kernel's sockets
(sockets.py). A stopped loop (its server has lost power) runs nothing any more.
"""

from __future__ import annotations

import asyncio
import heapq
import os
from asyncio import events
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .kernel import Kernel
    from .sockets import ModelSocket

BLOCK_BYTES = 256 << 10
MOST_ROUNDS = 20


class Event:
    """Something that happens at a time, unless it is cancelled."""

    __slots__ = ("args", "call", "dropped", "loop", "time")

    def __init__(
        self, time: float, call: Callable[..., Any], args: tuple[Any, ...], loop: Loop | None
    ) -> None:
        self.time, self.call, self.args, self.loop, self.dropped = time, call, args, loop, False

    def cancel(self) -> None:
        self.dropped = True

    def cancelled(self) -> bool:
        return self.dropped

    def when(self) -> float:
        return self.time


class Clock:
    """now: seconds. Events of one moment happen in the order in which they were planned."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._queue: list[tuple[float, int, Event]] = []
        self._count = count()

    def at(self, time: float, call: Callable[..., Any], *args: Any, loop: Loop | None = None) -> Event:
        event = Event(max(time, self.now), call, args, loop)
        self.put(event, event.time)
        return event

    def put(self, event: Event, time: float) -> None:
        heapq.heappush(self._queue, (time, next(self._count), event))

    def after(self, delay_s: float, call: Callable[..., Any], *args: Any) -> Event:
        return self.at(self.now + delay_s, call, *args)

    def planned(self) -> list[tuple[float, int, Event]]:
        return sorted(self._queue)

    def run(self, until: float, over: Callable[[], bool] = lambda: False) -> None:
        """Let happen what is due until then, or until it is over."""
        while self._queue and self._queue[0][0] <= until and not over():
            self.now, _, event = heapq.heappop(self._queue)
            self._happen(event)
        if not over():
            self.now = max(self.now, until)

    @staticmethod
    def _happen(event: Event) -> None:
        if event.dropped:
            return
        if event.loop is None:
            event.call(*event.args)
        elif event.loop.stopped:
            event.loop.missed.append(event)
        else:
            events._set_running_loop(event.loop)
            try:
                event.call(*event.args)
            finally:
                events._set_running_loop(None)


class Loop(asyncio.AbstractEventLoop):
    """The event loop of one process on one server. kernel: that of its server."""

    def __init__(self, clock: Clock, kernel: Kernel) -> None:
        self.clock, self.kernel = clock, kernel
        self.stopped = False
        self._faults: list[BaseException] = []
        self.missed: list[Event] = []
        """What would have happened, had the power been on."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._failed: list[asyncio.Task[Any]] = []
        self._readers: dict[int, tuple[Callable[..., Any], tuple[Any, ...]]] = {}

    # What asyncio asks of a loop ----------------------------------------------------------------

    def time(self) -> float:
        return self.clock.now

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.clock.at(self.clock.now, callback, *args, loop=self)

    call_soon_threadsafe = call_soon

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.clock.at(self.clock.now + delay, callback, *args, loop=self)

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.clock.at(when, callback, *args, loop=self)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Any = None) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        found = self.create_future()
        found.set_result(func(*args))
        return found

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        fault = context.get("exception")
        if fault is not None and not self.stopped:
            self._faults.append(fault)

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:
        self._readers[fd] = callback, args

    def remove_reader(self, fd: Any) -> bool:
        return self._readers.pop(fd, None) is not None

    def readable(self, fd: int, delay_s: float) -> None:
        """There is something to read on this descriptor: its reader is called a little later."""
        self.clock.at(self.clock.now + delay_s, self._read, fd, loop=self)

    def _read(self, fd: int) -> None:
        found = self._readers.get(fd)
        if found is not None:
            found[0](*found[1])

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task._log_traceback and not self.stopped:  # type: ignore[attr-defined]
            self._failed.append(task)

    @property
    def faults(self) -> list[BaseException]:
        """What tasks ended with that nobody has asked for."""
        return self._faults + [task.exception() for task in self._failed if task._log_traceback]  # type: ignore[attr-defined, misc]

    # Its end ------------------------------------------------------------------------------------

    def stop(self) -> None:
        """The power is off."""
        self.stopped = True

    def dispose(self) -> None:
        """End what is left of the tasks, without effect: nothing of a stopped loop reaches the world."""
        self.kernel.alive = False
        left = [*self.missed, *(event for _, _, event in self.clock.planned() if event.loop is self)]
        self.clock, self.stopped = Clock(), False
        for event in left:
            self.clock.put(event, self.clock.now)
        for _ in range(MOST_ROUNDS):
            for task in tuple(self._tasks):
                task.cancel()
            self.clock.run(self.clock.now)
            if not self._tasks:
                break
        self.stopped = True

    # Sockets ------------------------------------------------------------------------------------

    async def _until(self, sock: ModelSocket, ready: Callable[[], bool]) -> None:
        while not ready():
            waiter = self.create_future()
            sock.waiters.append(waiter)
            try:
                await waiter
            finally:
                if waiter in sock.waiters:
                    sock.waiters.remove(waiter)

    async def sock_recv(self, sock: Any, nbytes: int) -> bytes:
        await self._until(sock, lambda: sock.readable)
        return sock.take(nbytes)

    async def sock_sendall(self, sock: Any, data: Any) -> None:
        rest = memoryview(bytes(data))
        while rest:
            rest = rest[sock.put(rest) :]
            if rest:
                await self._until(sock, lambda: sock.writable)

    async def sock_sendfile(
        self, sock: Any, file: Any, offset: int = 0, count: int | None = None, *, fallback: bool | None = None
    ) -> int:
        """As asyncio's: until all is in the kernel, or the file ends; see sending.py for its errors."""
        sent, most = 0, count or 0
        while sent < most:
            data = os.pread(file.fileno(), min(BLOCK_BYTES, most - sent), offset + sent)
            if not data:
                break
            try:
                taken = sock.put(data)
            except OSError as exc:
                if not sent:
                    raise asyncio.SendfileNotAvailableError("os.sendfile call failed") from exc
                raise
            sent += taken
            if taken < len(data):
                await self._until(sock, lambda: sock.writable)
        return sent

    async def sock_accept(self, sock: Any) -> Any:
        await self._until(sock, lambda: bool(sock.backlog) or sock.closed)
        return sock.accept()

    async def sock_connect(self, sock: Any, address: Any) -> None:
        sock.start_connect(address)
        await self._until(sock, lambda: sock.connected or sock.failed)
        sock.raise_error()
