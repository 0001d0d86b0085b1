"""Does the takeover process live, and must it begin anew?

Its container asks by a socket of its own, for who connects to the process's other one is its agent. Who
connects here is told one line by the loop itself, and the loop ends when one of its lasting tasks does: so
the line says that all go on.

Packet sockets stay with the interface that they were opened for, and see nothing of one that a network
restart made in its place. So the process ends then, in order, and Docker starts it anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

LOOK_EVERY_S = 1.0


async def serve_health(path: Path) -> asyncio.Server:
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


def index_of(interface: str) -> int:
    """The kernel's number of the interface; 0: there is none of this name."""
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        return 0


async def made_anew(interface: str, index: int, look: Callable[[str], int] = index_of) -> None:
    """Return when the interface is there and its number is not `index` any more."""
    while look(interface) in (0, index):
        await asyncio.sleep(LOOK_EVERY_S)
