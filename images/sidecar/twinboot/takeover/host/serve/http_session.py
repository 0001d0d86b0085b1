"""An HTTP connection after its takeover: the rest of the responses, then this server's own HTTP service.

When the responses that were being sent are complete, the connection becomes a pipe to the HTTP service on the
same address, so later requests get exactly that service's answers (errors, ranges, listings). HTTP is not
parsed here.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
from collections.abc import Awaitable, Callable, Sequence

from twinboot.takeover.logic.pieces import Piece
from twinboot.takeover.logic.plan import Rebuild
from twinboot.takeover.logic.protocols.http_heads import HEAD_END, is_same_server

from ....kernel.tcp_repair import append_as_sent
from ..published.tree import PublishedTree
from .lost_input import lost_input_s
from .sending import SendError, close_gracefully, close_socket, reset, send, shutdown_write, unacked_bytes

IDLE_S = 310.0
"""Longer than the service itself keeps an idle connection."""
_CONNECT_S = 5.0
_SKIP_S = 10.0
_BLOCK_BYTES = 32 << 10
OnUnseen = Callable[[int, bytes], None]


async def serve(sock: socket.socket, pieces: Sequence[Piece], plan: Rebuild, *, tree: PublishedTree,
                address: tuple[str, int], on_unseen: OnUnseen = lambda _at, _data: None,
                away_s: float = 0.0) -> str:
    """Serve the connection to its end; return how it ended, as text for the log.

    pieces: what is left to be sent of the plan's. address: of the service here. on_unseen: called with
    what the client counts as having been sent, but no capture here has seen to leave, and its place in the
    responses; of what the client has from the dead server, with the beginning only.
    """
    try:
        await send(sock, pieces, tree)
        if plan.close_after and not plan.unanswered:
            await close_gracefully(sock)
            return "finished and closed"
        return await _pipe(sock, plan, address, on_unseen, lost_input_s(away_s))
    except SendError as exc:
        reset(sock)
        return f"reset: {exc}"
    except OSError as exc:
        reset(sock)
        return f"ended: {exc.strerror or exc}"
    finally:
        close_socket(sock)


async def _pipe(sock: socket.socket, plan: Rebuild, address: tuple[str, int],
                on_unseen: OnUnseen, patience_s: float) -> str:
    loop = asyncio.get_running_loop()
    asked = plan.unanswered
    if (plan.input_may_be_lost and plan.answers_bytes is None) or not asked:
        said = await _next_input(sock, patience_s if plan.input_may_be_lost else IDLE_S)
        if said is None:
            if plan.input_may_be_lost:
                raise SendError("what the client said last was lost with its server")
            await close_gracefully(sock)
            return "idle, closed"
        if not said:
            return "closed by the client"
        asked += said
    service = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        async with asyncio.timeout(_CONNECT_S):
            await loop.sock_connect(service, address)
        answers = _Answers(service, plan.answers_bytes)
        await loop.sock_sendall(service, asked)
        async with asyncio.timeout(_SKIP_S):
            begin = await _skip(answers, plan.skip_bytes)
        _check_answer(begin, plan)
        on_unseen(0, begin)
        up = asyncio.create_task(_copy_requests(sock, service))
        try:
            await _copy_as_sent(answers, sock, plan, on_unseen)
            await _copy(answers.read, sock)
        finally:
            up.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await up
        await close_gracefully(sock)
        return "went on with the service here"
    except TimeoutError:
        raise SendError("the service here does not answer") from None
    finally:
        service.close()


async def _next_input(sock: socket.socket, limit_s: float) -> bytes | None:
    """The client's next bytes; None when it sends nothing for limit_s and has acknowledged everything."""
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                return await asyncio.get_running_loop().sock_recv(sock, _BLOCK_BYTES)
        if not unacked_bytes(sock):
            return None


class _Answers:
    """What the service here answers. limit: the dead server closed after so many bytes; None: it has not."""

    def __init__(self, service: socket.socket, limit: int | None) -> None:
        self._service, self._left = service, limit

    async def read(self, count: int = _BLOCK_BYTES) -> bytes:
        """The client's next bytes; empty at the end."""
        if self._left is not None:
            count = min(count, self._left)
        data = await asyncio.get_running_loop().sock_recv(self._service, count) if count else b""
        if self._left is not None:
            self._left -= len(data)
            if self._left and not data:
                raise SendError("the service here answers otherwise than the dead one did")
        return data


async def _skip(answers: _Answers, count: int) -> bytes:
    """Read and discard `count` bytes that the client already has; return their beginning."""
    begin = b""
    while count:
        data = await answers.read(min(count, _BLOCK_BYTES))
        if not data and count == 1:  # the client has the dead server's FIN, too
            break
        if not data:
            raise SendError("the service here answers otherwise than the dead one did")
        await asyncio.sleep(0)  # no await blocks while there is data: let other tasks run
        count -= len(data)
        begin += data[:_BLOCK_BYTES - len(begin)]
    return begin


def _check_answer(begin: bytes, plan: Rebuild) -> None:
    """SendError when the skipped answer is not what the dead server gave."""
    head, end, _body = begin.partition(HEAD_END)
    if not end:
        return
    if plan.known_head and not is_same_server(plan.known_head, head + end):
        raise SendError("the service here is another one than the dead server's")
    if plan.skipped_head and len(head + end) != len(plan.skipped_head):
        raise SendError("the service here answers otherwise than the dead one did")


async def _copy_as_sent(
    answers: _Answers, sock: socket.socket, plan: Rebuild, on_unseen: OnUnseen
) -> None:
    """Copy the plan's answers_sent as if the client had been sent them: it may hold them beyond a hole, and
    the FIN after the last one."""
    done = 0
    while left := plan.answers_sent - done:
        data = await answers.read(min(left, _BLOCK_BYTES))
        if not data:
            if done:
                append_as_sent(sock, b"", fin=True)
            break
        on_unseen(plan.skip_bytes + done, data)
        append_as_sent(sock, data)
        done += len(data)
        await asyncio.sleep(0)


async def _copy_requests(sock: socket.socket, service: socket.socket) -> None:
    """Until the client has closed, or is gone: then the service is done, too, and is not kept for nothing."""
    try:
        await _copy(functools.partial(asyncio.get_running_loop().sock_recv, sock, _BLOCK_BYTES), service)
    except OSError:
        with contextlib.suppress(OSError):
            shutdown_write(service)


async def _copy(read: Callable[[], Awaitable[bytes]], target: socket.socket) -> None:
    """Copy until the source has ended; pass the FIN on."""
    loop = asyncio.get_running_loop()
    while data := await read():
        await loop.sock_sendall(target, data)
        await asyncio.sleep(0)
    with contextlib.suppress(OSError):
        shutdown_write(target)
