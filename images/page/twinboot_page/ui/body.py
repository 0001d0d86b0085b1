"""The body of a request, read no further than it may be long."""

from __future__ import annotations

from fastapi import Request


async def body_of(request: Request, max_bytes: int) -> bytes | None:
    """The body of a request; None: it is longer than that."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > max_bytes:
            return None
    return bytes(body)
