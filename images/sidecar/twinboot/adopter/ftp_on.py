"""An FTP session after its adoption: it goes on where the dead server was, and ends when the client wills.

A read-only anonymous server for sessions that have begun elsewhere (RFC 959, 2389, 2428, 3659): what
installers say is understood, what would write is refused.
"""

from __future__ import annotations

import asyncio
import os
import posixpath
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from twinboot.adopt.ftp import Channel, Session, active_port, joined
from twinboot.adopt.lines import Lines
from twinboot.adopt.plan import FilePart

from . import listing
from .files import Tree
from .ftp_data import DataChannel, DataError
from .sending import SendError, finish, hand_over, reset, send

IDLE_S = 300.0
LOST_S = 5.0
"""As in http_on."""
LINE_LIMIT = 4096

Delivered = Callable[[], Awaitable[bool]]
"""Waits for the file that was on its way; whether the client has all of it."""


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

    async def serve(self, unsaid: bytes, delivered: Delivered | None) -> str:
        """To the end of the session; what became of it, in words.

        unsaid: replies that the client has not got. delivered: for the file that was on its way.
        """
        try:
            if unsaid:
                await asyncio.get_running_loop().sock_sendall(self._sock, unsaid)
            for number, line in enumerate(self._session.pending):
                if number == 0 and delivered is not None:
                    await self._delivered(await delivered())
                else:
                    await self._command(line)
            self._session = replace(self._session, pending=())
            await self._talk()
            await finish(self._sock)
            return "ended by the client"
        except TimeoutError:
            await self._reply("421 Timeout.")
            await finish(self._sock)
            return "idle, closed"
        except OSError as exc:
            reset(self._sock)
            return f"ended: {exc.strerror or exc}"
        finally:
            self._data.close()
            self._sock.close()

    async def _delivered(self, whole: bool) -> None:
        self._after_transfer()
        await self._reply("226 Transfer complete." if whole else "426 Failure writing network stream.")

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
            if self._lines.overrun:
                await self._reply("500 Input line too long.")
                return

    async def _reply(self, text: str) -> None:
        line = text.encode("utf-8", "surrogateescape") + b"\r\n"
        await asyncio.get_running_loop().sock_sendall(self._sock, line)

    async def _command(self, line: bytes) -> None:
        verb, _space, argument = line.lstrip(b"\xff\xf4\xf2").partition(b" ")
        name = verb.strip().upper().decode("ascii", "replace")
        handler = _HANDLERS.get(name)
        if handler is not None:
            await handler(self, argument)
        elif name in _FIXED:
            await self._reply(_FIXED[name])
        else:
            await self._reply("550 Permission denied." if name in _WRITES else "500 Unknown command.")

    # Directories --------------------------------------------------------------------------------

    async def _cwd(self, argument: bytes) -> None:
        path = joined(self._session.directory, argument)
        found = self._tree.open_directory(path) if path is not None else None
        if path is None or found is None:
            await self._reply("550 Failed to change directory.")
            return
        os.close(found)
        self._session = replace(self._session, directory=path)
        await self._reply("250 Directory successfully changed.")

    async def _cdup(self, _argument: bytes) -> None:
        await self._cwd(b"..")

    async def _pwd(self, _argument: bytes) -> None:
        shown = os.fsdecode(posixpath.normpath(self._session.directory)).replace('"', '""')
        await self._reply(f'257 "{shown}" is the current directory')

    # What a transfer is like --------------------------------------------------------------------

    async def _type(self, argument: bytes) -> None:
        kind = argument.strip().upper()
        if kind not in (b"I", b"L8", b"L 8", b"A", b"A N"):
            await self._reply("500 Unrecognised TYPE command.")
            return
        self._session = replace(self._session, binary=not kind.startswith(b"A"))
        await self._reply(f"200 Switching to {'Binary' if self._session.binary else 'ASCII'} mode.")

    async def _rest(self, argument: bytes) -> None:
        offset = argument.strip()
        if not offset.isdigit() or len(offset) > 18:
            await self._reply("501 REST needs a number of bytes.")
            return
        self._session = replace(self._session, restart=int(offset))
        await self._reply(f"350 Restart position accepted ({int(offset)}).")

    async def _size(self, argument: bytes) -> None:
        facts = self._facts(argument)
        await self._reply("550 Could not get file size." if facts is None else f"213 {facts[0]}")

    async def _mdtm(self, argument: bytes) -> None:
        facts = self._facts(argument)
        when = time.strftime("%Y%m%d%H%M%S", time.gmtime(facts[1])) if facts else ""
        await self._reply(f"213 {when}" if facts else "550 Could not get file modification time.")

    def _facts(self, argument: bytes) -> tuple[int, int] | None:
        path = joined(self._session.directory, argument)
        return self._tree.look(path) if path is not None else None

    # Data connections ---------------------------------------------------------------------------

    async def _pasv(self, _argument: bytes) -> None:
        try:
            port = self._data.passive()
        except DataError as exc:
            await self._reply(f"425 {exc}")
            return
        numbers = self._server.replace(".", ",")
        await self._reply(f"227 Entering Passive Mode ({numbers},{port // 256},{port % 256}).")

    async def _epsv(self, argument: bytes) -> None:
        if argument.strip().upper() not in (b"", b"1"):
            await self._reply("200 EPSV ALL ok." if argument.strip().upper() == b"ALL" else "522 Use (1)")
            return
        try:
            port = self._data.passive()
        except DataError as exc:
            await self._reply(f"425 {exc}")
            return
        await self._reply(f"229 Entering Extended Passive Mode (|||{port}|)")

    async def _port(self, argument: bytes) -> None:
        port = active_port(argument)
        if port is None or port < 1024:
            await self._reply("500 Illegal PORT command.")
            return
        self._data.active(port)  # to the client's own address, whatever address it named
        await self._reply("200 PORT command successful.")

    # Transfers ----------------------------------------------------------------------------------

    async def _retr(self, argument: bytes) -> None:
        path = joined(self._session.directory, argument)
        facts = self._tree.look(path) if path is not None else None
        if path is None or facts is None:
            await self._reply("550 Failed to open file.")
            return
        offset = min(self._session.restart, facts[0])
        name = os.fsdecode(argument)
        await self._transfer(
            f"150 Opening BINARY mode data connection for {name} ({facts[0]} bytes).",
            lambda sock: send(sock, [FilePart(path, offset, facts[0] - offset)], self._tree))

    async def _list(self, argument: bytes) -> None:
        await self._listing(argument, lambda found: listing.long(found, time.time()))

    async def _nlst(self, argument: bytes) -> None:
        await self._listing(argument, listing.short)

    async def _listing(self, argument: bytes, lines: Callable[[int], bytes]) -> None:
        words = [word for word in argument.split() if not word.startswith(b"-")]
        path = joined(self._session.directory, b" ".join(words) or b".")
        found = self._tree.open_directory(path) if path is not None else None
        shown = b""
        if found is not None:
            try:
                shown = await asyncio.to_thread(lines, found)  # a large directory takes its time
            finally:
                os.close(found)
        await self._transfer("150 Here comes the directory listing.",
                             lambda sock: send(sock, [shown], self._tree))

    async def _transfer(self, opening: str, job: Callable[[socket.socket], Awaitable[None]]) -> None:
        await self._reply(opening)
        try:
            sock = await self._data.connection()
        except DataError as exc:
            self._after_transfer()
            await self._reply(f"425 {exc}")
            return
        try:
            await job(sock)
            await hand_over(sock)
        except (SendError, OSError):
            reset(sock)
            self._after_transfer()
            await self._reply("426 Failure writing network stream.")
            return
        self._after_transfer()
        await self._reply("226 Transfer complete.")

    def _after_transfer(self) -> None:
        self._session = replace(self._session, transfer=None, restart=0, channel=Channel.NONE, data_port=0)

    async def _quit(self, _argument: bytes) -> None:
        self._over = True
        await self._reply("221 Goodbye.")


_Handler = Callable[[FtpSession, bytes], Awaitable[None]]

_HANDLERS: dict[str, _Handler] = {
    "CWD": FtpSession._cwd, "XCWD": FtpSession._cwd, "CDUP": FtpSession._cdup, "XCUP": FtpSession._cdup,
    "PWD": FtpSession._pwd, "XPWD": FtpSession._pwd, "TYPE": FtpSession._type, "REST": FtpSession._rest,
    "SIZE": FtpSession._size, "MDTM": FtpSession._mdtm, "PASV": FtpSession._pasv, "EPSV": FtpSession._epsv,
    "PORT": FtpSession._port, "EPRT": FtpSession._port, "RETR": FtpSession._retr, "LIST": FtpSession._list,
    "NLST": FtpSession._nlst, "QUIT": FtpSession._quit,
}
_FIXED = {
    "NOOP": "200 NOOP ok.", "SYST": "215 UNIX Type: L8", "USER": "230 Already logged in.",
    "PASS": "230 Already logged in.", "ABOR": "225 No transfer to ABOR.", "ALLO": "202 ALLO not needed.",
    "MODE": "200 Mode set to S.", "STRU": "200 Structure set to F.", "STAT": "211 Twinboot, taken over.",
    "HELP": "214 CWD LIST PASV RETR and their like.", "OPTS": "200 Always in UTF8 mode.",
    "FEAT": "211-Features:\r\n EPRT\r\n EPSV\r\n MDTM\r\n PASV\r\n REST STREAM\r\n SIZE\r\n UTF8\r\n211 End",
}
_WRITES = ("STOR", "STOU", "APPE", "DELE", "MKD", "XMKD", "RMD", "XRMD", "RNFR", "RNTO", "SITE")
