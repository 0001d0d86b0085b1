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

from twinboot.takeover.logic.pieces import FilePart, Piece

from .. import silent_exit
from ..published.tree import PublishedTree

USER_TIMEOUT_S = 120
"""A client that acknowledges nothing for this long is gone (tcp(7), TCP_USER_TIMEOUT)."""
_TCP_USER_TIMEOUT, _TCP_NOTSENT_LOWAT = 18, 25
_UNSENT_LIMIT_BYTES = 256 << 10
"""Bound on unsent bytes in the kernel, so that what was written is nearly what the client has."""
_CHUNK_BYTES = 256 << 10
"""After this many bytes other connections have their turn."""


def log_level(exc: Exception) -> int:
    """The log level of an error: DEBUG when the client has gone or the address has moved on."""
    if isinstance(exc, OSError):
        return logging.WARNING if exc.errno == errno.ETIMEDOUT else logging.DEBUG
    return logging.DEBUG if isinstance(exc.__cause__, asyncio.SendfileNotAvailableError) else logging.WARNING


class SendError(Exception):
    """The pieces cannot be sent completely; the caller resets the connection."""


def split_pieces(pieces: Sequence[Piece], count: int, tree: PublishedTree) -> tuple[bytes, tuple[Piece, ...]]:
    """The first `count` bytes of the pieces, and the pieces after them. SendError: they cannot be read."""
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
    """Set time limits for a silent client, send without delay, and mark the socket for silent exit."""
    silent_exit.mark_silent(sock)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as vsftpd: a reply does not wait for an ACK
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_USER_TIMEOUT, USER_TIMEOUT_S * 1000)
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, _UNSENT_LIMIT_BYTES)


async def send(sock: socket.socket, pieces: Sequence[Piece], tree: PublishedTree) -> None:
    """Send all pieces. OSError when the client has gone, SendError when a file has."""
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
                # asyncio raises this for every error before the first byte: mostly the client has gone.
                raise SendError(f"{part.path!r} could not be sent: {exc}") from exc
            if not sent:
                raise SendError(f"{part.path!r} has become shorter")
            offset += sent


def reset(sock: socket.socket) -> None:
    """Close with RST, so that the client knows at once."""
    silent_exit.mark_deliberate(sock)
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))
    sock.close()


def shutdown_write(sock: socket.socket) -> None:
    """Send FIN. OSError when the client has gone."""
    silent_exit.clear_mark(sock)
    sock.shutdown(socket.SHUT_WR)


def close_socket(sock: socket.socket) -> None:
    """Close on purpose: FIN reaches the client. A closed socket is left as it is."""
    silent_exit.clear_mark(sock)
    sock.close()


async def deliver_and_close(sock: socket.socket, *, fin_sent: bool = False) -> None:
    """Wait until the client has acknowledged all data, send FIN, wait for its acknowledgement, close.

    In this order, because until the client has all data another takeover process can continue. The client may
    keep its end open until it has the final reply. OSError: the client has gone.
    fin_sent: the FIN counts as sent from the beginning (Rebuild.fin_sent).
    """
    async with asyncio.timeout(2 * USER_TIMEOUT_S):
        if fin_sent:
            silent_exit.clear_mark(sock)
        else:
            await _wait_all_acked(sock)
            shutdown_write(sock)
        await _wait_all_acked(sock)
    sock.close()


def unacked_bytes(sock: socket.socket) -> int:
    """Bytes that were sent and have not been acknowledged (tcp(7), SIOCOUTQ)."""
    return int(struct.unpack("=i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0])


async def _wait_all_acked(sock: socket.socket) -> None:
    """Wait until all that was sent is acknowledged."""
    pause_s, before = 0.001, 0
    while left := unacked_bytes(sock):
        _raise_socket_error(sock)
        await asyncio.sleep(pause_s)
        # Poll often while the client makes progress, and seldom while it does not.
        pause_s = min(2 * pause_s, 0.01 if left < before else 1.0)
        before = left
    _raise_socket_error(sock)


def _raise_socket_error(sock: socket.socket) -> None:
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


async def close_gracefully(sock: socket.socket, limit_s: float = 60.0) -> None:
    """Send FIN, wait until the client has closed too, and close."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError, TimeoutError):
        shutdown_write(sock)
        async with asyncio.timeout(limit_s):
            while await loop.sock_recv(sock, 4096):
                await asyncio.sleep(0)  # no await blocks while there is data: let other tasks run
    close_socket(sock)
