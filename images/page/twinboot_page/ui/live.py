"""Parts of a page, made anew twice a second for browsers that look at it: once for all who see the same.

As server-sent events (HTML Living Standard, 9.2): `parts`, those that have changed since this browser was
told; `alive`, nothing has; `down`, the sidecar does not answer, in words. Or the same once, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from ..cache import Cache
from ..client import SidecarDown
from ..facts import Refused

EVERY_S = 0.5
ALIVE_TURNS = 6
"""A browser that hears nothing for twice as long takes its server for dead."""
LASTS_TURNS = 7200
"""Then the browser connects again, and it is asked again whether it may read."""

Parts = dict[str, str]
Make = Callable[[], Awaitable[Parts]]


class Live:
    """build: of script and style sheet; a browser with another one is told to load the page again."""

    def __init__(self, build: str) -> None:
        self._build = build
        self._cache = Cache(time.monotonic)

    async def once(self, key: str, make: Make) -> dict[str, Any]:
        """What one who asks gets. key: the same for all who see the same."""
        try:
            return {"build": self._build, "parts": await self._cache.get(key, make)}
        except (SidecarDown, Refused) as exc:
            return {"build": self._build, "down": str(exc)}

    async def stream(self, key: str, make: Make, *, turns: int = LASTS_TURNS) -> AsyncIterator[bytes]:
        """The events of one browser."""
        seen: dict[str, int] = {}
        silent = 0
        yield b"retry: 1000\n\n"
        for _ in range(turns):
            found = await self.once(key, make)
            if "down" in found:
                yield _event("down", found)
                seen.clear()
            else:
                new = {name: part for name, part in found["parts"].items() if seen.get(name) != hash(part)}
                seen |= {name: hash(part) for name, part in new.items()}
                silent = 0 if new else (silent + 1) % ALIVE_TURNS
                if new or not silent:
                    yield _event("parts" if new else "alive", {**found, "parts": new})
            await asyncio.sleep(EVERY_S)


def _event(name: str, value: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(value)}\n\n".encode()
