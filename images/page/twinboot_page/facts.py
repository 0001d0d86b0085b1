"""What the sidecar of this server knows, as typed values: routes and the page's views ask here alone.

`facts = request.app.state.facts`, then `await facts.status()` and so on. Each answer is kept for a moment,
for all who ask. SidecarDown when the sidecar does not answer; Refused, with its words, when it says no.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from .cache import Cache
from .client import SidecarClient, SidecarDown
from .models import Alarm, Caller, Machine, MachineWithHistory, Move, Status, Tree, Unknown

PIECE = 1_000
"""Machines of one answer, where all are told."""
LARGE_BYTES = 1 << 18
"""Longer replies are read in a thread, so that nobody waits for them."""


_SHOWS = frozenset((
    "audit", "exposed", "login", "site", "site-diff", "sites", "site-change", "hosts", "choices", "log",
))
"""Questions that change nothing."""


class Refused(Exception):
    """The sidecar said no. The text is its own, as the command line shows it. status: as of HTTP; 0: none was
    told. errors: each fault of a site file."""

    def __init__(self, text: str, status: int = 0, errors: list[str] | None = None) -> None:
        super().__init__(text)
        self.status, self.errors = status, errors


class _Reply(BaseModel):
    model_config = ConfigDict(extra="allow")

    ok: bool = True
    error: str = ""
    status: int = 0
    errors: list[str] | None = None


class _Machines(_Reply):
    ready: bool = True
    mark: str = ""
    whole: bool = True
    more: bool = False
    machines: list[Machine] = []


class _Machine(_Reply):
    machine: MachineWithHistory | None = None


class _Unknown(_Reply):
    unknown: list[Unknown] = []


Answer = TypeVar("Answer", bound=_Reply)
Cached = TypeVar("Cached")
Parsed = TypeVar("Parsed", bound=BaseModel)


class Facts:
    """What one sidecar knows. now: monotonic seconds."""

    def __init__(self, client: SidecarClient, now: Callable[[], float] = time.monotonic) -> None:
        self._client, self._now = client, now
        self._cache = Cache(now)
        self._machines_known: dict[str, Machine] = {}
        self._heard: dict[str, float] = {}
        self._mark = ""

    async def status(self) -> Status:
        """This server's view: servers, groups, links, daemons, trees, alarms."""
        return await self._kept("status", self._status)

    async def alarms(self) -> list[Alarm]:
        return (await self.status()).alarms

    async def trees(self) -> list[Tree]:
        """Install trees by name, with their state on each server."""
        status = await self.status()
        return [
            Tree(name=name, servers=servers, copies={
                server: copies[name] for server, copies in status.tree_copies.items() if name in copies})
            for name, servers in sorted(status.trees.items())
        ]  # fmt: skip

    async def history(self) -> list[Move]:
        """Moves of this server's memory, the oldest first."""
        return await self._kept("history", self._history)

    async def machines(self) -> list[Machine]:
        """Every host of the site file, in its order. One that did not change since it was told is the same
        value: its `silent_s` is of then, and aged() makes it of now."""
        return await self._kept("machines", self._machines)

    def aged(self, machine: Machine) -> Machine:
        """The machine with `silent_s` as it is now."""
        heard = self._heard.get(machine.name)
        if heard is None or machine.silent_s is None:
            return machine
        return machine.model_copy(update={"silent_s": round(machine.silent_s + self._now() - heard, 1)})

    async def machine(self, name: str) -> MachineWithHistory:
        """One of them with its state history. Refused when there is none of that name."""
        async def ask() -> MachineWithHistory:
            found = (await self._ask(_Machine, "machine", {"name": name})).machine
            if found is None:
                raise Refused(f"no host {name!r} in the site file")
            return found

        return await self._kept(f"machine {name}", ask)

    async def unknown(self) -> list[Unknown]:
        """Machines without an entry that this server has heard."""
        return await self._kept("unknown", self._unknown)

    async def who(self, key: str, caller: Mapping[str, Any]) -> Caller:
        """What a caller may do. key: of the caller, for keeping the answer a moment."""
        async def ask() -> Caller:
            reply = (await self._ask(_Reply, "who", {"caller": caller})).model_dump()
            return _value(Caller, reply)

        return await self._kept(f"who {key}", ask)

    async def rollout(self) -> dict[str, Any]:
        """Which site is in use where, and how far the present attempt to change it is."""
        async def ask() -> dict[str, Any]:
            return (await self._ask(_Reply, "rollout")).model_dump()

        return await self._kept("rollout", ask)

    async def order(self, command: str, options: Mapping[str, Any], *, timeout_s: float) -> dict[str, Any]:
        """Something that changes, or that nobody else may see; never kept."""
        reply = await self._ask(_Reply, command, options, timeout_s=timeout_s)
        if command not in _SHOWS:
            self._cache.forget()
        return reply.model_dump()

    async def _status(self) -> Status:
        return _value(Status, (await self._ask(_Reply, "status")).model_dump())

    async def _history(self) -> list[Move]:
        moves = (await self._ask(_Reply, "history")).model_dump().get("moves") or []
        return [_value(Move, {**one, "source": one.get("from"), "target": one.get("to")}) for one in moves]

    async def _machines(self) -> list[Machine]:
        reply = _Machines(more=True, mark=self._mark)
        known, heard = self._machines_known, self._heard
        while reply.more:
            reply = await self._ask(_Machines, "machines", {"since": reply.mark, "most": PIECE})
            if reply.whole:
                known, heard = {}, {}
            now = self._now()
            for one in reply.machines:
                known[one.name], heard[one.name] = one, now
        self._machines_known, self._heard, self._mark = known, heard, reply.mark
        return list(known.values())

    async def _unknown(self) -> list[Unknown]:
        return (await self._ask(_Unknown, "unknown")).unknown

    async def _kept(self, key: str, make: Callable[[], Awaitable[Cached]]) -> Cached:
        found: Cached = await self._cache.get(key, make)
        return found

    async def _ask(self, form: type[Answer], command: str, options: Mapping[str, Any] | None = None,
                   **more: float) -> Answer:
        line = await self._client.ask(command, options, **more)
        try:
            if len(line) > LARGE_BYTES:
                reply = await asyncio.to_thread(form.model_validate_json, line)
            else:
                reply = form.model_validate_json(line)
        except ValidationError as exc:
            raise _not_understood(exc) from None
        if not reply.ok:
            raise Refused(reply.error or "the sidecar refused it", reply.status, reply.errors)
        return reply


def _value(form: type[Parsed], said: Mapping[str, Any]) -> Parsed:
    try:
        return form.model_validate(said)
    except ValidationError as exc:
        raise _not_understood(exc) from None


def _not_understood(exc: ValidationError) -> SidecarDown:
    return SidecarDown(f"the sidecar's answer is not understood: {exc.errors()[0]['msg']}")
