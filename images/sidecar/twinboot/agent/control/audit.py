"""Every action is kept on this server's disk: before it is done, and when it has ended.

An action that cannot be kept is done all the same when root asks for it here, and refused to others: an
operator must be able to act on a server whose disk is full.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from twinboot.access import audit
from twinboot.access.audit import Who
from twinboot.access.roles import is_action
from twinboot.core.effects import LogLevel
from twinboot.errors import ResourceError
from twinboot.log import log_event

from .lines import Answer

log = logging.getLogger(__name__)


class Lines(Protocol):
    """adapters.records.audit_file.AuditFile, or a stand-in."""

    def add(self, line: bytes) -> None: ...
    def read(self) -> list[bytes]: ...


class Audit:
    """wall_time: seconds since 1970."""

    def __init__(self, server: str, file: Lines, wall_time: Callable[[], float] = time.time) -> None:
        self._server, self._file, self._wall_time = server, file, wall_time
        self._numbers = (f"{int(wall_time() * 1000):x}-{count}" for count in itertools.count(1))

    async def do(self, who: Who, request: dict[str, Any], answer: Answer) -> dict[str, Any]:
        """Have it answered; when it is an action, it is kept who asked for it and how it ended. The action
        gets `by`, whatever the request says of that."""
        if not is_action(request):
            return await answer(request)
        number, what = next(self._numbers), audit.what_of(request)
        begun = audit.asked(number, self._wall_time(), self._server, who, what)
        if not await self._add(begun) and who.address:
            return {"ok": False, "error": "nothing was done: who asked for it could not be kept, for this "
                    "server's disk cannot be written"}
        reply = await answer({**request, "by": {"who": who.name, "via": who.via}})
        log_event(log, LogLevel.INFO, "action", who=who.name, address=who.address or "-", via=who.via,
                  what=what, result="done" if reply.get("ok") else "refused")
        await self._add(audit.ended(number, self._wall_time(), reply))
        return reply

    async def note(self, who: Who, what: str) -> None:
        """Something that happened and is worth keeping, such as a token that everybody could read."""
        number, now = next(self._numbers), self._wall_time()
        begun = audit.asked(number, now, self._server, who, what)
        await self._add(begun + audit.ended(number, now, {"ok": True}))

    async def newest(self, limit: int) -> dict[str, Any]:
        """The last of them, the newest first."""
        try:
            found = await asyncio.to_thread(lambda: audit.entries(self._file.read()))
        except ResourceError as exc:
            return {"ok": False, "error": str(exc)}
        return {"ok": True, "server": self._server, "entries": found[::-1][:max(0, limit)]}

    async def _add(self, line: bytes) -> bool:
        try:
            await asyncio.to_thread(self._file.add, line)
        except ResourceError as exc:
            log_event(log, LogLevel.WARNING, "action-not-kept", reason=str(exc))
            return False
        return True
