"""Requests and replies on a socket of this server: one JSON object a line, each way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

Answer: TypeAlias = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Answers a request, which has the key cmd."""


async def serve_lines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
    """Answers every line until the other side ends. A line that is no request is told so."""
    try:
        while line := await reader.readline():
            reply = await answer_line(line, answer)
            # ten thousand machines take a tenth of a second: in a thread
            writer.write(await asyncio.to_thread(_line, reply) if "machines" in reply else _line(reply))
            await writer.drain()
    except (OSError, ValueError):
        pass  # the other side has gone, or sent a line without end
    finally:
        writer.close()


async def answer_line(line: bytes, answer: Answer) -> dict[str, Any]:
    """The reply to one line, whatever it is."""
    try:
        request = json.loads(line)
    except ValueError:
        request = None
    if not isinstance(request, dict) or "cmd" not in request:
        return {"ok": False, "error": "not a request: one JSON object with the key cmd"}
    return await answer(request)


def _line(reply: dict[str, Any]) -> bytes:
    return json.dumps(reply).encode() + b"\n"
