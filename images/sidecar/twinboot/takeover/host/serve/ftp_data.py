"""FTP data connections of a taken-over session: those taken over, and those negotiated here."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket

from twinboot.daemons import VSFTPD
from twinboot.takeover.logic.protocols.ftp import Channel

from ....kernel.socket_options import allow_missing_address
from .sending import close_socket, configure_socket, reset

FIRST_PORT, LAST_PORT = VSFTPD.data_ports[0], VSFTPD.data_ports[-1]
"""The passive ports of the site's FTP service (as in its rendered configuration)."""
CONNECT_S = 30.0
NOT_AGREED = "Use PORT or PASV first."


class DataError(Exception):
    """There is no data connection; the message is the text of a reply 425."""


class DataChannel:
    """The data connection of the session's next transfer. One at a time; close() at the end.

    While a transfer waits for its connection, another one may replace it, for example when the dead server's
    data connection is taken over later than its session. The transfer then uses that one.
    """

    def __init__(self, server: str, client: str) -> None:
        self._server, self.client = server, client
        self._listener: socket.socket | None = None
        self._last_port = 0
        self._target: int | None = None
        self._ready: socket.socket | None = None
        self._replaced: asyncio.Event | None = None
        """Set when the connection that a transfer waits for is replaced; None: none waits."""
        self._leftovers: list[socket.socket] = []
        """Replaced sockets, to be closed once no transfer waits for them."""

    @property
    def is_agreed(self) -> bool:
        """Whether a data connection is negotiated or taken over."""
        return (self._listener, self._target, self._ready) != (None, None, None)

    @property
    def has_listened(self) -> bool:
        """Whether a passive port is known, or was."""
        return bool(self._last_port)

    def listened_on(self, port: int) -> bool:
        """Whether a client that connects to this port does so for this session: it has been told the port."""
        return port == self._last_port

    def take_over(self, sock: socket.socket) -> None:
        """Use a data connection of the dead server that has carried no data yet."""
        self.close()
        self._ready = sock

    def expect(self, channel: Channel, port: int) -> None:
        """Prepare what the dead server had negotiated with the client, unless its connection was taken over:
        that may happen before its session's turn. OSError when the port is in use."""
        if self._ready is not None:
            return
        if channel is Channel.PASSIVE:
            self._listen(port)
        elif channel is Channel.ACTIVE:
            self.active(port)

    def passive(self) -> int:
        """Listen on a free port of the range; return the port."""
        for port in random.sample(range(FIRST_PORT, LAST_PORT + 1), 100):
            with contextlib.suppress(OSError):
                self._listen(port)
                return port
        raise DataError("Failed to establish connection.")  # of vsftpd's words the nearest

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
        """The connection; None when it was replaced while waiting."""
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
            allow_missing_address(listener)  # it may vanish for a moment; the client tries again
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._server, port))
            listener.listen(1)
        except OSError:
            listener.close()
            raise
        self._listener, self._last_port = listener, port

    async def _accept(self, listener: socket.socket) -> socket.socket:
        """The client's connection; connections of other hosts are reset."""
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
