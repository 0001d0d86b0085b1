"""The line to the process tree-sync: a question a second tells it the World, its answer is its Report.

One JSON line each. A process that is dead, hung or slow delays nobody: whoever asks waits in a task of its
own, and not for long (ANSWER_LIMIT_S).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from twinboot.tree_sync.logic.codec import Report, report_of, world_document
from twinboot.tree_sync.logic.model import World

ASK_EVERY_S = 1.0
ANSWER_LIMIT_S = 5.0
_LINE_MAX = 4 << 20


class TreeSyncClient:
    """world: what is known now. heard: called on the loop with each answer; None: there was none."""

    def __init__(
        self, path: Path, world: Callable[[], World], heard: Callable[[Report | None], None]
    ) -> None:
        self._path, self._world, self._heard = path, world, heard
        self._task = asyncio.get_running_loop().create_task(self._run())

    def close(self) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            try:
                await self._talk()
            except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError):
                self._heard(None)
            await asyncio.sleep(ASK_EVERY_S)

    async def _talk(self) -> None:
        """Talks to tree-sync until one side ends."""
        reader, writer = await asyncio.wait_for(
            asyncio.open_unix_connection(self._path, limit=_LINE_MAX), ANSWER_LIMIT_S)
        try:
            while True:
                writer.write(json.dumps(world_document(self._world())).encode() + b"\n")
                line = await asyncio.wait_for(reader.readline(), ANSWER_LIMIT_S)
                self._heard(report_of(json.loads(line)))
                await asyncio.sleep(ASK_EVERY_S)
        finally:
            writer.close()
