"""The health of the takeover process, as its container asks for it: does its loop turn?

A socket of its own, for who connects to the process's other one is its agent. Who connects here is told one
line by the loop itself, and the loop ends when one of its lasting tasks does: so the line says that all go
on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any


async def serve(path: Path) -> asyncio.Server:
    """Answer on this socket, for root alone."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    server = await asyncio.start_unix_server(_answer, path)
    os.chmod(path, 0o600)
    return server


async def run_until_one_ends(job: Coroutine[Any, Any, None], *others: asyncio.Task[None]) -> None:
    """Run the job beside tasks that run already, until cancelled. The first that ends is a fault: its error
    is raised, and RuntimeError when it has none."""
    task = asyncio.create_task(job)
    try:
        done, _ = await asyncio.wait((task, *others), return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()
    for one in done:
        one.result()
    raise RuntimeError("a task of the takeover process has ended")


async def _answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"well\n")
    writer.close()
