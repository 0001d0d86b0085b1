"""One question to this server's sidecar, one answer: a JSON object a line, each way, on a Unix socket.

A connection for each: the sidecar may begin anew between any two.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SOCKET = Path(os.environ.get("TWINBOOT_PAGE_IPC", "/run/page-ipc/sidecar.sock"))
READ_S = 5.0
_MAX_REPLY_BYTES = 64 << 20
"""Ten thousand machines, each with its last words."""


class SidecarDown(Exception):
    """The sidecar of this server does not answer. The text says so to people."""


class SidecarClient:
    """Asks through one socket."""

    def __init__(self, path: Path = SOCKET) -> None:
        self._path = path

    async def ask(
        self, command: str, options: Mapping[str, Any] | None = None, *, timeout_s: float = READ_S
    ) -> bytes:
        """The reply, one line of JSON. SidecarDown when there is none in time."""
        request = json.dumps({**(options or {}), "cmd": command}).encode() + b"\n"
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await asyncio.open_unix_connection(self._path, limit=_MAX_REPLY_BYTES)
                try:
                    writer.write(request)
                    await writer.drain()
                    reply = await reader.readline()
                finally:
                    writer.close()
        except TimeoutError:
            raise SidecarDown(f"the sidecar of this server does not answer within {timeout_s:g} s") from None
        except (OSError, ValueError) as exc:
            raise SidecarDown(f"the sidecar of this server does not run: {exc}") from None
        if not reply.endswith(b"\n"):
            raise SidecarDown("the sidecar of this server went away while it answered")
        return reply
