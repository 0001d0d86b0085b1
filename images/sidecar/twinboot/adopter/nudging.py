"""Helps rebuilt connections past a full queue of this server's own.

Hundreds may begin to send in the same moment. What the queue before a narrow link (a shaper's, say) throws
away, the kernel tries again twice a second, 15 times, and then gives the connection up (tcp(7), tcp_retries2,
which counts such tries like probes of a closed window): 11 s. A word from the client makes it try at once and
count from the beginning. So each client's last word is repeated to our kernel until it has got something out.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

EVERY_S = 0.1
WATCHED_S = 30.0
_INFO = struct.Struct("=24xI92xQ16xI")
"""Of struct tcp_info (linux/tcp.h): tcpi_unacked, tcpi_bytes_acked, tcpi_notsent_bytes."""


class Nudging:
    """Of one claim; run() is to be spawned once."""

    def __init__(self) -> None:
        self._watched: list[tuple[socket.socket, Callable[[], None]]] = []

    def watch(self, sock: socket.socket, repeat: Callable[[], None]) -> None:
        """repeat: say the client's last word to our kernel once more."""
        self._watched.append((sock, repeat))

    async def run(self) -> None:
        """For WATCHED_S; those that have got something out are left alone before."""
        loop = asyncio.get_running_loop()
        until = loop.time() + WATCHED_S
        while loop.time() < until:
            await asyncio.sleep(EVERY_S)
            self._watched = [(sock, repeat) for sock, repeat in self._watched if _looked_after(sock, repeat)]


def _looked_after(sock: socket.socket, repeat: Callable[[], None]) -> bool:
    """Is it to be looked at again?"""
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    except OSError:
        return False  # closed
    if len(info) < _INFO.size:
        return False  # an old kernel
    on_their_way, taken, waiting = _INFO.unpack(info)
    if waiting and not on_their_way and not taken:
        repeat()
    return not taken
