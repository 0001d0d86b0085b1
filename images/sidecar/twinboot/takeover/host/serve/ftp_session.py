"""An FTP session after its adoption: it goes on where the dead server was, and ends when the client wills.

A read-only anonymous server for sessions that have begun elsewhere (RFC 959, 2389, 2428, 3659): what
installers say is understood, what would write is refused.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace

from twinboot.takeover.logic.plan import FilePart
from twinboot.takeover.logic.protocols import vsftpd_replies
from twinboot.takeover.logic.protocols.ftp import (
    Channel,
    Session,
    Transfer,
    active_target,
    after,
    asked,
    joined,
    split,
)
from twinboot.takeover.logic.tcp.reassembly import Lines

from ..published.tree import Tree
from .ftp_data import NOT_AGREED, DataChannel, DataError
from .sending import SendError, end, finish, hand_over, level, reset, send

log = logging.getLogger(__name__)

IDLE_S = 300.0
CUT_S = 1.0
"""Who sends lines without end is listened to for so long, to have heard why it is left."""
LOST_S = 15.0
"""As in http_on."""
LINE_LIMIT = 4096

Delivered = Callable[[], Awaitable[bool | None]]
"""Waits for what was on its way; whether the client has all of it. None: it is not on its way, and has to be
sent, though that has been said already."""


class FtpSession:
    """One control connection. data: how its next transfer goes over."""

    def __init__(self, sock: socket.socket, session: Session, tree: Tree, data: DataChannel,
                 server: str, *, expects: bool = False) -> None:
        """expects: the client has said something more, which may be lost."""
        self._expects = expects
        self._sock, self._session, self._tree, self._data = sock, session, tree, data
        self._server = server
        self._lines = Lines(LINE_LIMIT)
        self._over = False
        self._opened = False
        """The next transfer's 1xx has been said."""

    async def serve(self, unsaid: bytes, delivered: Delivered | None) -> str:
        """To the end of the session; what became of it, in words.

        unsaid: replies that the client has not got. delivered: for the file that was on its way.
        """
        try:
            if unsaid:
                await asyncio.get_running_loop().sock_sendall(self._sock, unsaid)
            for number, line in enumerate(self._session.pending):
                if number == 0 and delivered is not None:
                    await self._delivered(line, await delivered())
                else:
                    await self._command(line)
            self._session = replace(self._session, pending=())
            await self._talk()
            await finish(self._sock)
            return "ended by the client"
        except TimeoutError:
            await self._say(b"421 Timeout.\r\n")
            await finish(self._sock)
            return "idle, closed"
        except OSError as exc:
            reset(self._sock)
            return f"ended: {exc.strerror or exc}"
        finally:
            self._data.close()
            end(self._sock)

    async def _delivered(self, line: bytes, whole: bool | None) -> None:
        if whole is None:
            self._opened = True
            await self._command(line)
            return
        self._after_transfer()
        await self._say(vsftpd_replies.whole(split(line)[0]) if whole else _BROKEN)

    async def _talk(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._over:
            async with asyncio.timeout(LOST_S if self._expects else IDLE_S):
                data = await loop.sock_recv(self._sock, 4096)
            self._expects = False
            if not data:
                return
            for line in self._lines.feed(data):
                if not self._over:
                    await self._command(line)
                    await asyncio.sleep(0)  # nothing waits while the client has said more: others first
            if self._lines.overrun:
                await self._say(b"500 Input line too long.\r\n")
                await finish(self._sock, limit_s=CUT_S)
                return

    async def _say(self, reply: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._sock, reply)

    async def _command(self, line: bytes) -> None:
        verb, argument = split(line)
        said = vsftpd_replies.reply_to(self._session, line, self._tree)
        if said is not None:
            self._session = after(self._session, verb, argument, said)
            self._over = verb == b"QUIT"
            await self._say(said)
        elif (handler := _HANDLERS.get(verb)) is not None:
            await handler(self, argument)
        else:
            await self._say(b"502 Command not implemented.\r\n")

    # Data connections ---------------------------------------------------------------------------

    async def _pasv(self, _argument: bytes) -> None:
        try:
            port = self._data.passive()
        except DataError as exc:
            await self._say(b"425 %s\r\n" % str(exc).encode())
            return
        await self._say(vsftpd_replies.passive(port, self._server))

    async def _epsv(self, argument: bytes) -> None:
        if argument.strip().upper() not in (b"", b"1"):
            allowed = argument.strip().upper() == b"ALL"
            await self._say(b"200 EPSV ALL ok.\r\n" if allowed else b"522 Bad network protocol.\r\n")
            return
        try:
            port = self._data.passive()
        except DataError as exc:
            await self._say(b"425 %s\r\n" % str(exc).encode())
            return
        await self._say(vsftpd_replies.extended_passive(port))

    async def _port(self, argument: bytes) -> None:
        await self._active(argument, vsftpd_replies.PORT_TAKEN, b"500 Illegal PORT command.\r\n")

    async def _eprt(self, argument: bytes) -> None:
        await self._active(argument, vsftpd_replies.EPRT_TAKEN, b"500 Bad EPRT command.\r\n")

    async def _active(self, argument: bytes, taken: bytes, refused: bytes) -> None:
        target = active_target(argument)
        if target is None or target[0].decode() != self._data.client or target[1] < 1024:
            await self._say(refused)  # as vsftpd: to the client itself, and to no service of its machine
            return
        self._data.active(target[1])
        await self._say(taken)

    # Transfers ----------------------------------------------------------------------------------

    async def _retr(self, argument: bytes) -> None:
        path = joined(self._session.directory, argument)
        facts = self._tree.look(path) if path is not None else None
        if path is None or facts is None:
            await self._say(b"550 Failed to open file.\r\n")
            return
        offset = min(self._session.restart, facts[0])
        await self._transfer(
            vsftpd_replies.opening(argument, facts[0]), vsftpd_replies.WHOLE,
            lambda sock: send(sock, [FilePart(path, offset, facts[0] - offset)], self._tree))

    async def _list(self, argument: bytes) -> None:
        await self._listing(asked(self._session, b"LIST", argument))

    async def _nlst(self, argument: bytes) -> None:
        await self._listing(asked(self._session, b"NLST", argument))

    async def _listing(self, what: Transfer | None) -> None:
        shown = b""
        if what is not None and what.listing is not None:
            # A large directory takes its time.
            shown = await asyncio.to_thread(self._tree.listing_of_any, what.path, what.listing)
        await self._transfer(
            vsftpd_replies.LISTING, vsftpd_replies.LISTED, lambda sock: send(sock, [shown], self._tree)
        )

    async def _transfer(self, opening: bytes, whole: bytes,
                        job: Callable[[socket.socket], Awaitable[None]]) -> None:
        if not self._data.agreed and not self._opened:
            self._after_transfer()
            await self._say(b"425 %s\r\n" % NOT_AGREED.encode())
            return
        if not self._opened:
            await self._say(opening)
        self._opened = False
        try:
            sock = await self._data.connection()
        except DataError as exc:
            self._after_transfer()
            await self._say(b"425 %s\r\n" % str(exc).encode())
            return
        try:
            await job(sock)
            await hand_over(sock)
        except (SendError, OSError) as exc:
            log.log(level(exc), "a transfer to %s broke: %s", self._client(), exc)
            reset(sock)
            self._after_transfer()
            await self._say(_BROKEN)
            return
        self._after_transfer()
        await self._say(whole)

    def _client(self) -> str:
        try:
            return "{}:{}".format(*self._sock.getpeername())
        except OSError:
            return "a client that has gone"

    def _after_transfer(self) -> None:
        self._session = replace(self._session, transfer=None, restart=0, channel=Channel.NONE, data_port=0)


_BROKEN = b"426 Failure writing network stream.\r\n"
_Handler = Callable[[FtpSession, bytes], Awaitable[None]]
_HANDLERS: dict[bytes, _Handler] = {
    b"PASV": FtpSession._pasv, b"EPSV": FtpSession._epsv, b"PORT": FtpSession._port,
    b"EPRT": FtpSession._eprt, b"RETR": FtpSession._retr, b"LIST": FtpSession._list,
    b"NLST": FtpSession._nlst,
}
