"""What changed since the last look, half a second ago, told to all who listen. Nobody listens: nobody asks
the sidecar."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from pydantic import BaseModel

from .client import SidecarDown
from .facts import Facts, Refused
from .models import Machine, Status

LOOK_S = 0.5
QUIET_S = 15.0
LASTS_S = 3600.0
"""Then a browser connects again, and is asked again whether it may read."""
MAX_CHANGED = 200
MAX_WAITING = 32
"""Events that a listener who reads slowly has not got yet; beyond, it is told to load everything again."""
_NOT_NEWS = {"uptime_s", "counters", "hold_down_s", "connections", "tree_copies", "tree_reading"}
RETRY = b"retry: 2000\n\n"
RELOAD = b'event: machines\ndata: {"changed": [], "gone": [], "reload": true}\n\n'


class EventStream:
    """now: monotonic seconds."""

    def __init__(self, facts: Facts, now: Callable[[], float]) -> None:
        self._facts, self._now = facts, now
        self._listeners: set[asyncio.Queue[bytes]] = set()
        self._task: asyncio.Task[None] | None = None
        self._status: str | None = None
        self._alarms: str | None = None
        self._machines: dict[str, Machine] = {}
        self._down = False

    async def listen(self) -> AsyncIterator[bytes]:
        """Events as they go over the wire; first the way things are."""
        mine: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)
        yield RETRY
        for one in self._present():
            yield one
        self._listeners.add(mine)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look_on())
        end = self._now() + LASTS_S
        try:
            while self._now() < end:
                try:
                    yield await asyncio.wait_for(mine.get(), QUIET_S)
                except TimeoutError:
                    yield b": nothing new\n\n"
        finally:
            self._listeners.discard(mine)

    def _present(self) -> list[bytes]:
        """For one who comes later than others: what they were told. The first one waits for the next look."""
        if not self._listeners:
            self._status, self._alarms, self._machines, self._down = None, None, {}, False
            return []
        told = [("status", self._status), ("alarms", self._alarms)]
        return [*(_event(name, data) for name, data in told if data is not None), RELOAD]

    async def _look_on(self) -> None:
        while self._listeners:
            try:
                for one in await self.look():
                    self._tell(one)
            except (SidecarDown, Refused) as exc:
                if not self._down:
                    self._down, self._status = True, None
                    self._tell(_event("down", json.dumps({"detail": str(exc)})))
            await asyncio.sleep(LOOK_S)

    async def look(self) -> list[bytes]:
        """Events of what differs from the last look."""
        found: list[bytes] = []
        status, machines = await self._facts.status(), await self._facts.machines()
        text = _without_times(status)
        if text != self._status or self._down:
            found.append(_event("status", text))
        alarms = json.dumps([one.model_dump() for one in status.alarms])
        if alarms != self._alarms or self._down:
            found.append(_event("alarms", alarms))
        changes = _changes(self._machines, machines)
        if changes is not None:
            found.append(changes)
        self._status, self._alarms, self._down = text, alarms, False
        self._machines = {one.name: one for one in machines}
        return found

    def _tell(self, event: bytes) -> None:
        for one in self._listeners:
            if one.full():
                with contextlib.suppress(asyncio.QueueEmpty):
                    while True:
                        one.get_nowait()
                one.put_nowait(RELOAD)
            one.put_nowait(event)


def _event(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()


def _without_times(status: Status) -> str:
    """What grows by itself is no news."""
    said = status.model_dump(exclude=_NOT_NEWS)
    for group in said["groups"].values():
        group.pop("since_s", None)
    for peer in said["peers"].values():
        peer.pop("hold_down_s", None)
        peer.pop("site_differs_s", None)
        for link in peer["links"].values():
            link.pop("age_ms", None)
    return json.dumps(said)


def _changes(before: dict[str, Machine], now: list[Machine]) -> bytes | None:
    """The event for machines that changed, or None. How long a machine has been silent is no change."""
    changed = [one for one in now if _differs(before.get(one.name), one)]
    names = {one.name for one in now}
    gone = [name for name in before if name not in names]
    if not changed and not gone:
        return None
    if len(changed) + len(gone) > MAX_CHANGED:
        return RELOAD
    said: dict[str, Any] = {"changed": [one.model_dump() for one in changed], "gone": gone, "reload": False}
    return _event("machines", json.dumps(said))


def _differs(before: BaseModel | None, now: Machine) -> bool:
    if before is now:
        return False
    if before is None:
        return True
    return before.model_dump(exclude={"silent_s"}) != now.model_dump(exclude={"silent_s"})
