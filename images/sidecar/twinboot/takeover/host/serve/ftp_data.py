"""FTP data connections of a session that goes on here: those taken over, and those it agrees upon anew."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket

from twinboot.daemons import VSFTPD
from twinboot.takeover.logic.protocols.ftp import Channel

from .sending import close_socket, configure_socket, reset

FIRST_PORT, LAST_PORT = VSFTPD.data_ports[0], VSFTPD.data_ports[-1]
"""The passive ports of the site's FTP service (its configuration says the same)."""
CONNECT_S = 30.0
NOT_AGREED = "Use PORT or PASV first."


class DataError(Exception):
    """There is no data connection; in words for a reply 425."""


class DataChannel:
    """What the session's next transfer goes over. One at a time; close() at the end.

    A transfer may already wait for its connection when another place for it becomes known: when the dead
    server's data connection is taken over later than its session, say. Then it goes on there.
    """

    def __init__(self, server: str, client: str) -> None:
        self._server, self.client = server, client
        self._listener: socket.socket | None = None
        self._target: int | None = None
        self._ready: socket.socket | None = None
        self._replaced: asyncio.Event | None = None
        """Of the transfer that waits."""
        self._leftovers: list[socket.socket] = []
        """Not to be closed before nobody waits for them any more."""

    @property
    def is_agreed(self) -> bool:
        """The client has said, or been told, how it is to come."""
        return (self._listener, self._target, self._ready) != (None, None, None)

    def take_over(self, sock: socket.socket) -> None:
        """A connection that the dead server had and that has carried nothing yet."""
        self.close()
        self._ready = sock

    def expect(self, channel: Channel, port: int) -> None:
        """What the dead server had agreed upon with the client. OSError when the port is taken here."""
        if channel is Channel.PASSIVE:
            self._listen(port)
        elif channel is Channel.ACTIVE:
            self.active(port)

    def passive(self) -> int:
        """Listen on a free port of the range; the port."""
        for port in random.sample(range(FIRST_PORT, LAST_PORT + 1), 100):
            with contextlib.suppress(OSError):
                self._listen(port)
                return port
        raise DataError("no free port for a data connection")

    def active(self, port: int) -> None:
        """Connect to the client's port when a transfer begins."""
        self.close()
        self._target = port

    async def connection(self) -> socket.socket:
        """The connection for one transfer; the caller closes it."""
        try:
            async with asyncio.timeout(CONNECT_S):
                while (sock := await self._next()) is None:
                    pass
        except (OSError, TimeoutError) as exc:
            raise DataError("Failed to establish connection.") from exc
        finally:
            self._replaced = None
            self.close()
        configure_socket(sock)
        return sock

    async def _next(self) -> socket.socket | None:
        """The connection, or None: it is to be looked for elsewhere now."""
        if self._ready is not None:
            sock, self._ready = self._ready, None
            return sock
        if self._listener is not None:
            coming = asyncio.ensure_future(self._accept(self._listener))
        elif self._target is not None:
            coming = asyncio.ensure_future(self._connect(self._target))
        else:
            raise DataError(NOT_AGREED)
        self._replaced = asyncio.Event()
        changed = asyncio.ensure_future(self._replaced.wait())
        try:
            await asyncio.wait((coming, changed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (coming, changed):
                task.cancel()
            await asyncio.wait((coming, changed))
            self._replaced = None
            self._close_leftovers()
        if coming.cancelled():
            return None
        return coming.result()

    def close(self) -> None:
        self._leftovers += [sock for sock in (self._listener, self._ready) if sock is not None]
        self._listener = self._ready = self._target = None
        if self._replaced is None:
            self._close_leftovers()
        else:
            self._replaced.set()

    def _close_leftovers(self) -> None:
        while self._leftovers:
            close_socket(self._leftovers.pop())

    def _listen(self, port: int) -> None:
        if self._listener is not None and self._listener.getsockname()[1] == port:
            return
        self.close()
        listener = _new_socket()
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._server, port))
            listener.listen(1)
        except OSError:
            listener.close()
            raise
        self._listener = listener

    async def _accept(self, listener: socket.socket) -> socket.socket:
        """The client's connection; anybody else is turned away."""
        loop = asyncio.get_running_loop()
        while True:
            sock, (address, _port) = await loop.sock_accept(listener)
            if address == self.client:
                return sock
            reset(sock)

    async def _connect(self, port: int) -> socket.socket:
        sock = _new_socket()
        try:
            sock.bind((self._server, 0))
            await asyncio.get_running_loop().sock_connect(sock, (self.client, port))
        except BaseException:
            sock.close()
            raise
        return sock


def _new_socket() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
