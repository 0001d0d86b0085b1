"""Keeps the history of moves over a restart: in a file of the sidecar's state volume.

Owns when the file is read and written, and how it is validated. A thread waits for the disk; the loop only
collects the moves, at most once in two seconds, and only when something changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from twinboot.core.effects import LogLevel
from twinboot.errors import ResourceError
from twinboot.log import log_event

from ..worker import Worker
from .history import MAX_EVENTS, MAX_MOVES, History, MoveKind

log = logging.getLogger(__name__)

VERSION = 1
MAX_BYTES = 1 << 20
SAVE_EVERY_S = 2.0
_CLOSE_LIMIT_S = 0.5
_MOVE: dict[str, type | tuple[type, ...]] = {
    "number": int, "group": str, "address": str, "kind": str, "from": str, "to": str, "reason": str,
    "done": bool, "left_out": int, "at": (int, float), "events": list,
}
_EVENT: dict[str, type | tuple[type, ...]] = {
    "at": (int, float), "after_s": (int, float), "kind": str, "text": str,
}


class StateFile(Protocol):
    """adapters.statefile.StateFile, or a stand-in."""

    def read(self) -> bytes | None: ...
    def write(self, data: bytes) -> None: ...


class HistoryKeeper:
    """Build it in the running loop, before the first move."""

    def __init__(self, history: History, file: StateFile, now: Callable[[], float]) -> None:
        self._history, self._file, self._now = history, file, now
        self._loop = asyncio.get_running_loop()
        self._worker = Worker("history")
        self._saved_revision = history.revision
        self._loaded = False
        self._failed = False
        self._worker.submit(self._load)
        self._timer = self._loop.call_later(SAVE_EVERY_S, self._turn)

    def close(self) -> None:
        """Save what changed; waits at most _CLOSE_LIMIT_S for the disk."""
        self._timer.cancel()
        self._save(last=True)
        self._worker.close(_CLOSE_LIMIT_S)

    def _turn(self) -> None:
        self._timer = self._loop.call_later(SAVE_EVERY_S, self._turn)
        self._save()

    def _save(self, *, last: bool = False) -> None:
        if not self._loaded or self._saved_revision == self._history.revision:
            return  # (what was not read yet would be overwritten)
        if self._worker.unfinished and not last:
            return
        self._saved_revision = self._history.revision
        moves = self._history.as_dicts(now=self._now(), wall_time=time.time())
        self._worker.submit(lambda: self._write(moves))

    def _restore(self, moves: list[dict[str, Any]]) -> None:
        self._loaded = True
        self._history.restore(moves)

    # In the thread ------------------------------------------------------------------------------

    def _load(self) -> None:
        moves: list[dict[str, Any]] = []
        try:
            moves = parse(self._file.read())
        except (ResourceError, ValueError) as exc:
            log_event(log, LogLevel.WARNING, "history-lost", reason=str(exc))
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._restore, moves)

    def _write(self, moves: list[dict[str, Any]]) -> None:
        try:
            self._file.write(serialize(moves))
        except ResourceError as exc:
            if not self._failed:
                log_event(log, LogLevel.WARNING, "history-not-kept", reason=str(exc))
            self._failed = True
        else:
            self._failed = False


def serialize(moves: list[dict[str, Any]]) -> bytes:
    """The newest ones, as many as there is room for."""
    while True:
        data = json.dumps({"version": VERSION, "moves": moves}).encode() + b"\n"
        if len(data) <= MAX_BYTES:
            return data
        moves = moves[1:]


def parse(data: bytes | None) -> list[dict[str, Any]]:
    """The moves of a file, the oldest first. ValueError when the file is not a valid history."""
    if data is None:
        return []
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise ValueError(f"no JSON: {exc}") from None
    found = found if isinstance(found, dict) else {}
    if found.get("version") != VERSION or not isinstance(found.get("moves"), list):
        raise ValueError(f"no history of version {VERSION}")
    moves: list[dict[str, Any]] = found["moves"][-MAX_MOVES:]
    for move in moves:
        _check(move, _MOVE)
        MoveKind(move["kind"])
        if len(move["events"]) > MAX_EVENTS:
            raise ValueError("a move with too many events")
        for event in move["events"]:
            _check(event, _EVENT)
    return moves


def _check(one: Any, fields: dict[str, type | tuple[type, ...]]) -> None:
    if not isinstance(one, dict) or set(one) != set(fields):
        raise ValueError("a move or an event with other fields")
    for name, kind in fields.items():
        if not isinstance(one[name], kind) or (isinstance(one[name], bool) and kind is not bool):
            raise ValueError(f"{name}: {one[name]!r}")
