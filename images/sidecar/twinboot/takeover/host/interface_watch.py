"""Waits until the interface is another one: made anew under its name, or there at last.

Packet sockets stay with the interface that they were opened for, and see nothing of one that a network
restart made in its place. So the takeover process ends then, in order, and Docker starts it anew.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

LOOK_EVERY_S = 1.0


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
