"""One answer for all who ask within KEEP_S, however many browsers there are; and one question at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

KEEP_S = 0.4
"""Less than what follows the changes waits between two looks: it sees what is new each time."""
MAX_KEYS = 64
"""Histories of single machines among them; the one that was made first goes first."""


class Cache:
    """now: monotonic seconds. What failed is not kept, and is told to all who waited for it."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._known: dict[str, tuple[float, asyncio.Future[Any]]] = {}

    async def get(self, key: str, make: Callable[[], Awaitable[Any]]) -> Any:
        """The answer of `make`, or the one that was made for this key less than KEEP_S ago."""
        found = self._known.get(key)
        if found is not None and (not found[1].done() or self._now() - found[0] < KEEP_S):
            return await asyncio.shield(found[1])
        future: asyncio.Future[Any] = asyncio.ensure_future(make())
        self._known.pop(key, None)
        self._known[key] = (self._now(), future)
        while len(self._known) > MAX_KEYS:
            self._known.pop(next(iter(self._known)))
        future.add_done_callback(lambda done: self._made(key, done))
        return await asyncio.shield(future)

    def forget(self) -> None:
        """Something was changed: what is known is old."""
        self._known.clear()

    def _made(self, key: str, done: asyncio.Future[Any]) -> None:
        found = self._known.get(key)
        if found is None or found[1] is not done:
            return
        if done.cancelled() or done.exception() is not None:
            del self._known[key]
        else:
            self._known[key] = (self._now(), done)
