"""Sends the pieces of a plan on a rebuilt connection: bytes as they are, files by sendfile(2)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import socket
import struct
import termios
from collections.abc import Sequence

from twinboot.takeover.logic.plan import FilePart, Piece

from .. import silent_exit
from ..published.tree import PublishedTree

USER_TIMEOUT_S = 120
"""A client that acknowledges nothing for so long is gone (tcp(7), TCP_USER_TIMEOUT)."""
_TCP_USER_TIMEOUT, _TCP_NOTSENT_LOWAT = 18, 25
_UNSENT_LIMIT_BYTES = 256 << 10
"""More does not wait in the kernel: what was handed over to it is then nearly what the client has."""
_CHUNK_BYTES = 256 << 10
"""After so much the other connections have their turn."""


def log_level(exc: Exception) -> int:
    """How loud to say it in the log: a client that has gone, or an address that has moved on, is no news."""
    if isinstance(exc, OSError):
        return logging.WARNING if exc.errno == errno.ETIMEDOUT else logging.DEBUG
    return logging.DEBUG if isinstance(exc.__cause__, asyncio.SendfileNotAvailableError) else logging.WARNING


class SendError(Exception):
    """The pieces could not be sent to their end; the client has been told by a reset."""


def split_pieces(pieces: Sequence[Piece], count: int, tree: PublishedTree) -> tuple[bytes, tuple[Piece, ...]]:
    """The first `count` bytes of the pieces, and what comes after them. SendError when not to be had."""
    taken: list[bytes] = []
    left = list(pieces)
    while count and left:
        piece = left.pop(0)
        if isinstance(piece, bytes):
            taken.append(piece[:count])
            if len(piece) > count:
                left.insert(0, piece[count:])
        else:
            size = min(count, piece.length)
            taken.append(_read(piece, size, tree))
            if piece.length > size:
                left.insert(0, FilePart(piece.path, piece.offset + size, piece.length - size))
        count -= len(taken[-1])
    return b"".join(taken), tuple(left)


def _read(part: FilePart, size: int, tree: PublishedTree) -> bytes:
    found = tree.open(part.path)
    if found is None:
        raise SendError(f"{part.path!r} has gone")
    with os.fdopen(found, "rb", buffering=0) as file:
        data = os.pread(file.fileno(), size, part.offset)
    if len(data) != size:
        raise SendError(f"{part.path!r} has become shorter")
    return data


def configure_socket(sock: socket.socket) -> None:
    """Give a silent client its time, and no more; say to it at once what there is to say; and let it hear
    nothing if this process is killed."""
    silent_exit.mark_silent(sock)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as vsftpd: a reply does not wait for an ACK
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_USER_TIMEOUT, USER_TIMEOUT_S * 1000)
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, _UNSENT_LIMIT_BYTES)


async def send(sock: socket.socket, pieces: Sequence[Piece], tree: PublishedTree) -> None:
    """All of it. OSError when the client has gone, SendError when a file has."""
    loop = asyncio.get_running_loop()
    for piece in pieces:
        if isinstance(piece, bytes):
            await loop.sock_sendall(sock, piece)
        elif piece.length:
            await _send_file(sock, piece, tree)


async def _send_file(sock: socket.socket, part: FilePart, tree: PublishedTree) -> None:
    loop = asyncio.get_running_loop()
    found = tree.open(part.path)
    if found is None:
        raise SendError(f"{part.path!r} has gone")
    with os.fdopen(found, "rb", buffering=0) as file:
        offset, end = part.offset, part.offset + part.length
        while offset < end:
            size = min(_CHUNK_BYTES, end - offset)
            try:
                sent = await loop.sock_sendfile(sock, file, offset, size, fallback=False)
            except asyncio.SendfileNotAvailableError as exc:
                # So asyncio calls every error before the first byte: mostly a client that has gone.
                raise SendError(f"{part.path!r} could not be sent: {exc}") from exc
            if not sent:
                raise SendError(f"{part.path!r} has become shorter")
            offset += sent


def reset(sock: socket.socket) -> None:
    """Close with a reset: the client knows at once."""
    silent_exit.mark_deliberate(sock)
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))
    sock.close()


def shutdown_write(sock: socket.socket) -> None:
    """Say that nothing more comes. OSError when the client has gone."""
    silent_exit.clear_mark(sock)
    sock.shutdown(socket.SHUT_WR)


def close_socket(sock: socket.socket) -> None:
    """Close it, if it is not closed."""
    silent_exit.clear_mark(sock)
    sock.close()


async def deliver_and_close(sock: socket.socket) -> None:
    """Wait until the client's kernel has it all, say that nothing more comes, wait for that, and close.

    In this order: until the client has all, another takeover process can go on. It may leave its end open
    until it has been told how it went. OSError: it has gone.
    """
    async with asyncio.timeout(2 * USER_TIMEOUT_S):
        await _wait_all_acked(sock)
        shutdown_write(sock)
        await _wait_all_acked(sock)
    sock.close()


def unacked_bytes(sock: socket.socket) -> int:
    """Bytes that were sent and have not been acknowledged (tcp(7), SIOCOUTQ)."""
    return int(struct.unpack("=i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0])


async def _wait_all_acked(sock: socket.socket) -> None:
    """All that was sent has been acknowledged."""
    pause_s, before = 0.001, 0
    while left := unacked_bytes(sock):
        _raise_socket_error(sock)
        await asyncio.sleep(pause_s)
        # Seldom with a client that takes nothing, and as soon as it may be with one that does.
        pause_s = min(2 * pause_s, 0.01 if left < before else 1.0)
        before = left
    _raise_socket_error(sock)


def _raise_socket_error(sock: socket.socket) -> None:
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


async def close_gracefully(sock: socket.socket, limit_s: float = 60.0) -> None:
    """Say that nothing more comes, wait until the client has closed too, and close."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError, TimeoutError):
        shutdown_write(sock)
        async with asyncio.timeout(limit_s):
            while await loop.sock_recv(sock, 4096):
                await asyncio.sleep(0)  # nothing waits while there is more: others first
    close_socket(sock)
