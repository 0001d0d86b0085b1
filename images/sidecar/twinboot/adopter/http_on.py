"""An HTTP connection after its adoption: the rest of the answers, then this server's own HTTP service.

When the answers that were on their way are out, the connection becomes a pipe to the HTTP service on the
same address: what it says to the next request (errors, ranges, listings) is then just what it would say
to anybody. Nothing of HTTP is understood here.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence

from twinboot.adopt.plan import Piece

from .files import Tree
from .sending import SendError, finish, patient, reset, send

IDLE_S = 75.0
"""Longer than the service itself keeps an idle connection."""
_CONNECT_S = 5.0
_BLOCK_BYTES = 256 << 10

Connect = Callable[[], "asyncio.Future[socket.socket]"]


async def serve(sock: socket.socket, pieces: Sequence[Piece], unanswered: bytes, *, closes: bool,
                tree: Tree, address: tuple[str, int]) -> str:
    """Serve the connection to its end; what became of it, in words. address: of the service here."""
    patient(sock)
    try:
        await send(sock, pieces, tree)
        if closes and not unanswered:
            await finish(sock)
            return "finished and closed"
        return await _pipe(sock, unanswered, address)
    except SendError as exc:
        reset(sock)
        return f"reset: {exc}"
    except OSError as exc:
        reset(sock)
        return f"ended: {exc.strerror or exc}"
    finally:
        sock.close()


async def _pipe(sock: socket.socket, unanswered: bytes, address: tuple[str, int]) -> str:
    loop = asyncio.get_running_loop()
    if not unanswered:
        try:
            async with asyncio.timeout(IDLE_S):
                unanswered = await loop.sock_recv(sock, _BLOCK_BYTES)
        except TimeoutError:
            await finish(sock)
            return "idle, closed"
        if not unanswered:
            return "closed by the client"
    service = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        async with asyncio.timeout(_CONNECT_S):
            await loop.sock_connect(service, address)
        await loop.sock_sendall(service, unanswered)
        up = asyncio.create_task(_copy(sock, service))
        try:
            await _copy(service, sock)
        finally:
            up.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await up
        await finish(sock)
        return "went on with the service here"
    except TimeoutError:
        raise SendError("the service here does not answer") from None
    finally:
        service.close()


async def _copy(source: socket.socket, target: socket.socket) -> None:
    """Until the source says that nothing more comes."""
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(source, _BLOCK_BYTES):
        await loop.sock_sendall(target, data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
