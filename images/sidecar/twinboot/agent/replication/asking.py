"""A server asks its peers something that only they know, and that is too much to be told to all at all times.

By replicated tables, so that it goes by every link and is authentic: a row is the question, rows are the
reply; both are taken back when the asker has it. A peer that is of an older release, or busy, gives none.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from twinboot.core.effects import LogLevel
from twinboot.log import log_event
from twinboot.replication.node import RowChange, TableReset

from .documents import document_of, rows_of

log = logging.getLogger(__name__)

QUESTIONS, REPLIES = "questions", "replies"
MAX_ASKED, MAX_ANSWERED = 4, 8
"""At once: by this server, and of its peers."""
MAX_REPLY_ROWS = 128
MAX_QUESTION_ROWS = 4 * MAX_ASKED
MAX_ROWS = 2 * MAX_ANSWERED * MAX_REPLY_ROWS
"""Those that were taken back count until every peer knows it."""
LIMIT_S = 4.0
_FORGOTTEN_S = 30.0
_MAX_BYTES = 16 << 20
_ID_BYTES = 8


class Replicator(Protocol):
    """replicator.Replicator, or a stand-in."""

    def put(self, table: str, key: bytes, value: bytes) -> bool: ...
    def remove(self, table: str, key: bytes) -> None: ...
    def subscribe(self, table: str, handler: Callable[[TableReset | RowChange], None]) -> None: ...


class Busy(Exception):
    """As many questions are open as there may be."""


class _Open:
    """A question of ours. rows: of the replies, by peer."""

    def __init__(self, peers: list[str]) -> None:
        self.rows: dict[str, dict[bytes, bytes]] = {name: {} for name in peers}
        self.replies: dict[str, dict[str, Any]] = {}
        self.complete = asyncio.Event()


class PeerQuestions:
    """answer: to a peer's question, as JSON values. shorter: called with a reply that does not fit, gives a
    shorter one."""

    def __init__(self, replicator: Replicator, live_peers: Callable[[], list[str]],
                 answer: Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]],
                 shorter: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self._replicator, self._live_peers = replicator, live_peers
        self._answer, self._shorter = answer, shorter
        self._open: dict[bytes, _Open] = {}
        self._told: dict[tuple[str, bytes], int] = {}
        """Rows of our reply, by peer and question."""
        self._tasks: set[asyncio.Task[None]] = set()
        replicator.subscribe(QUESTIONS, self._question_changed)
        replicator.subscribe(REPLIES, self._reply_changed)

    def close(self) -> None:
        for one in self._tasks:
            one.cancel()

    async def ask(self, question: Mapping[str, Any]) -> dict[str, dict[str, Any] | None]:
        """Reply by live peer; None: it gave none in time. Raises Busy."""
        peers = self._live_peers()
        if len(self._open) >= MAX_ASKED:
            raise Busy
        if not peers:
            return {}
        number = secrets.token_bytes(_ID_BYTES)
        mine = self._open[number] = _Open(peers)
        try:
            if self._replicator.put(QUESTIONS, number, json.dumps(dict(question)).encode()):
                await asyncio.wait_for(mine.complete.wait(), LIMIT_S)
        except TimeoutError:
            pass
        finally:
            del self._open[number]
            self._replicator.remove(QUESTIONS, number)
        return {name: mine.replies.get(name) for name in peers}

    # What peers tell ----------------------------------------------------------------------------

    def _reply_changed(self, news: TableReset | RowChange) -> None:
        if isinstance(news, TableReset) or news.value is None:
            return
        mine = self._open.get(news.key[:_ID_BYTES])
        if mine is None or news.peer not in mine.rows:
            return
        rows = mine.rows[news.peer]
        if len(rows) < MAX_REPLY_ROWS:
            rows[news.key] = news.value
        if (found := document_of(rows, _MAX_BYTES)) is not None:
            mine.replies[news.peer] = found
            if len(mine.replies) == len(mine.rows):
                mine.complete.set()

    def _question_changed(self, news: TableReset | RowChange) -> None:
        if isinstance(news, TableReset):
            for peer, number in [one for one in self._told if one[0] == news.peer]:
                self._take_back(peer, number)
        elif news.value is None:
            self._take_back(news.peer, news.key)
        elif (news.peer, news.key) not in self._told and len(self._told) < MAX_ANSWERED:
            self._told[news.peer, news.key] = 0
            task = asyncio.get_running_loop().create_task(self._reply(news.peer, news.key, news.value))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            asyncio.get_running_loop().call_later(_FORGOTTEN_S, self._take_back, news.peer, news.key)

    async def _reply(self, peer: str, number: bytes, question: bytes) -> None:
        try:
            reply = await self._answer(json.loads(question))
            rows = await asyncio.to_thread(self._packed, reply)
        except (ValueError, OSError) as exc:
            log_event(log, LogLevel.WARNING, "question-not-answered", peer=peer, reason=str(exc))
            return
        if (peer, number) not in self._told:
            return  # taken back meanwhile
        self._told[peer, number] = len(rows)
        for at, row in enumerate(rows):
            self._replicator.put(REPLIES, number + at.to_bytes(2, "big"), row)

    def _take_back(self, peer: str, number: bytes) -> None:
        for at in range(self._told.pop((peer, number), 0)):
            self._replicator.remove(REPLIES, number + at.to_bytes(2, "big"))

    def _packed(self, reply: dict[str, Any]) -> list[bytes]:
        while len(rows := rows_of(reply)) > MAX_REPLY_ROWS:
            reply = self._shorter(reply)
        return rows
