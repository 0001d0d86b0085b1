"""Which dialects the images of FTP and HTTP service speak, by the labels of their containers.

An operator may replace a container at any moment, so the engine is asked every few seconds, in a thread of
its own. While it does not answer, what it said last is kept.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from twinboot.core.effects import LogLevel
from twinboot.daemons import DAEMONS
from twinboot.errors import ResourceError
from twinboot.log import log_event

from ..worker import Worker

log = logging.getLogger(__name__)

ASK_EVERY_S = 5.0
SERVICES = tuple(one.name for one in DAEMONS if one.dialect)


class LabelSource(Protocol):
    """adapters.engine.EngineProxyClient, or a stand-in."""

    def dialects(self, services: Iterable[str]) -> Mapping[str, str]: ...


class DialectWatch:
    """on_change: called in the loop with all dialects when one is another than before."""

    def __init__(self, engine: LabelSource, on_change: Callable[[Mapping[str, str]], None]) -> None:
        self._engine, self._on_change = engine, on_change
        self._known: Mapping[str, str] | None = None
        self._worker = Worker("dialects")
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._run())

    def close(self) -> None:
        self._task.cancel()
        self._worker.close(0.0)

    async def _run(self) -> None:
        while True:
            if not self._worker.unfinished:
                self._worker.submit(self._ask)
            await asyncio.sleep(ASK_EVERY_S)

    def _ask(self) -> None:
        """Asks the engine, in the thread."""
        try:
            found = self._engine.dialects(SERVICES)
        except ResourceError as exc:
            log.debug("dialects: %s", exc)
            return
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._answered, found)

    def _answered(self, found: Mapping[str, str]) -> None:
        if found and found != self._known:
            self._known = found
            log_event(log, LogLevel.INFO, "dialects", **found)
            self._on_change(found)
