"""The socket for the service `page`: one JSON object a line, as on the control socket, but of what can be
asked there a fixed part.

Its folder lets in the page's user alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path
from typing import Any

from .lines import Answer, serve_lines

READS = frozenset(("status", "history", "machines", "machine", "unknown", "rollout", "diff"))
"""They change nothing."""
MAX_AT_ONCE = 32
MAX_LINE_BYTES = 8 << 20
"""A site file of ten thousand hosts has two million bytes, and JSON may double them."""


class PageDoor:
    """ask: what the control socket answers to a request."""

    def __init__(self, ask: Answer) -> None:
        self._ask = ask
        self._open = 0
        self._server: asyncio.Server | None = None

    async def start(self, path: Path) -> None:
        """OSError when the socket cannot be made."""
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self._server = await asyncio.start_unix_server(self._serve, path, limit=MAX_LINE_BYTES)
        os.chmod(path, 0o666)  # its folder lets in the page alone

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        command = request.get("cmd")
        if command not in READS:
            return {"ok": False, "error": f"{json.dumps(command)} cannot be asked here"}
        return await self._ask(request)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open >= MAX_AT_ONCE:
            writer.close()
            return
        self._open += 1
        try:
            await serve_lines(reader, writer, self.answer)
        finally:
            self._open -= 1
