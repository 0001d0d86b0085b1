"""An FTP session after its takeover, continued from the dead server's state until the client ends it.

A read-only anonymous server for sessions that began elsewhere (RFC 959, 2389, 2428, 3659): it knows the
commands that installers use, and refuses those that write.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace

from twinboot.takeover.logic.pieces import FilePart
from twinboot.takeover.logic.protocols import vsftpd_replies
from twinboot.takeover.logic.protocols.ftp import (
    Channel,
    ListingFormat,
    Session,
    Transfer,
    apply_reply,
    join_path,
    requested_transfer,
    split_command,
)
from twinboot.takeover.logic.protocols.ftp_ports import active_target
from twinboot.takeover.logic.tcp.reassembly import LineSplitter

from ..published.tree import PublishedTree
from .ftp_data import NOT_AGREED, DataChannel, DataError
from .lost_input import lost_input_s
from .sending import SendError, close_gracefully, close_socket, deliver_and_close, log_level, reset, send

log = logging.getLogger(__name__)

IDLE_S = 300.0
OVERRUN_S = 1.0
"""How long a client that sent too long a line is read on, so that it gets the reply before the close."""
LINE_LIMIT = 4096

Delivery = asyncio.Future[bool]
"""A transfer that goes on by itself on a data connection; its result: whether the client got all of it."""
WaitDelivery = Callable[[], Awaitable[Delivery | None]]
"""Waits for what became of the data connection of the transfer that is due. None: nothing was sent on it, so
the transfer has to be run here."""


class FtpSessionServer:
    """One control connection. data: the data connection of its next transfer."""

    def __init__(self, sock: socket.socket, session: Session, tree: PublishedTree, data: DataChannel,
                 server: str, *, input_may_be_lost: bool = False, away_s: float = 0.0) -> None:
        """input_may_be_lost: the client has sent more than the record contains; see plan.Rebuild. away_s: so
        long nobody had the address."""
        self._lost_input_s = lost_input_s(away_s)
        self._input_may_be_lost = input_may_be_lost
        self._sock, self._session, self._tree, self._data = sock, session, tree, data
        self._server = server
        self._lines = LineSplitter(LINE_LIMIT)
        self._ended = False
        self._opening_sent = False
        """The next transfer's 1xx reply has been sent already."""

    async def serve(self, unheard_replies: bytes, delivery: WaitDelivery | None) -> str:
        """Serve the session to its end; return how it ended, as text for the log.

        unheard_replies: replies that the client lacks. delivery: of the transfer that is due.
        """
        try:
            if unheard_replies:
                await asyncio.get_running_loop().sock_sendall(self._sock, unheard_replies)
            for number, line in enumerate(self._session.pending):
                if number == 0 and delivery is not None:
                    await self._finish_transfer(line, await delivery())
                else:
                    await self._command(line)
            self._session = replace(self._session, pending=())
            await self._read_commands()
            await close_gracefully(self._sock)
            return "ended by the client"
        except TimeoutError:
            await self._reply(b"421 Timeout.\r\n")
            await close_gracefully(self._sock)
            return "idle, closed"
        except OSError as exc:
            reset(self._sock)
            return f"ended: {exc.strerror or exc}"
        finally:
            self._data.close()
            close_socket(self._sock)

    async def _finish_transfer(self, line: bytes, delivery: Delivery | None) -> None:
        """Say what the dead server would say: the 1xx reply, unless it has, and the final one."""
        transfer = self._session.transfer
        self._opening_sent = transfer is not None and transfer.started
        if delivery is None:
            await self._command(line)
            return
        verb, argument = split_command(line)
        fails = delivery.done() and not delivery.result()
        if transfer is not None and not self._opening_sent and not fails:
            await self._reply(vsftpd_replies.opening_of(transfer, argument))
        self._opening_sent = False
        delivered = await delivery
        self._data.close()
        self._reset_transfer()
        await self._reply(vsftpd_replies.completion_reply(verb) if delivered else _TRANSFER_FAILED)

    async def _read_commands(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._ended:
            async with asyncio.timeout(self._lost_input_s if self._input_may_be_lost else IDLE_S):
                data = await loop.sock_recv(self._sock, 4096)
            self._input_may_be_lost = False
            if not data:
                return
            for line in self._lines.feed(data):
                if not self._ended:
                    await self._command(line)
                    await asyncio.sleep(0)  # no await blocks while there is input: let other tasks run
            if self._lines.overrun:
                await self._reply(b"500 Input line too long.\r\n")
                await close_gracefully(self._sock, limit_s=OVERRUN_S)
                return

    async def _reply(self, reply: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._sock, reply)

    async def _command(self, line: bytes) -> None:
        verb, argument = split_command(line)
        said = vsftpd_replies.reply_to(self._session, line, self._tree)
        if said is not None:
            self._session = apply_reply(self._session, verb, argument, said)
            self._ended = verb == b"QUIT"
            await self._reply(said)
        elif (handler := _HANDLERS.get(verb)) is not None:
            await handler(self, argument)
        else:
            await self._reply(b"500 Unknown command.\r\n")

    # Data connections ---------------------------------------------------------------------------

    async def _pasv(self, _argument: bytes) -> None:
        try:
            port = self._data.passive()
        except DataError as exc:
            await self._reply(b"425 %s\r\n" % str(exc).encode())
            return
        await self._reply(vsftpd_replies.passive_reply(port, self._server))

    async def _epsv(self, argument: bytes) -> None:
        refused = vsftpd_replies.reply_to_epsv(argument)
        if refused:
            await self._reply(refused)
            return
        try:
            port = self._data.passive()
        except DataError as exc:
            await self._reply(b"425 %s\r\n" % str(exc).encode())
            return
        await self._reply(vsftpd_replies.extended_passive_reply(port))

    async def _port(self, argument: bytes) -> None:
        await self._active(argument, vsftpd_replies.PORT_ACCEPTED, vsftpd_replies.PORT_REFUSED)

    async def _eprt(self, argument: bytes) -> None:
        await self._active(argument, vsftpd_replies.EPRT_ACCEPTED, vsftpd_replies.EPRT_REFUSED)

    async def _active(self, argument: bytes, accepted: bytes, refused: bytes) -> None:
        target = active_target(argument)
        if target is None or target[0].decode() != self._data.client or target[1] < 1024:
            await self._reply(refused)  # as vsftpd: only the client's own address, and no privileged port
            return
        self._data.active(target[1])
        await self._reply(accepted)

    async def _stat(self, argument: bytes) -> None:
        if not argument:
            await self._reply(vsftpd_replies.STATUS)
            return
        what = requested_transfer(self._session, b"LIST", argument)
        form = ListingFormat.LONG | ListingFormat.DOTS
        shown = b"" if what is None else await asyncio.to_thread(self._tree.full_listing, what.path, form)
        await self._reply(vsftpd_replies.status_of(shown))

    # Transfers ----------------------------------------------------------------------------------

    async def _retr(self, argument: bytes) -> None:
        path = join_path(self._session.directory, argument)
        facts = self._tree.file_facts(path) if path is not None else None
        if path is None or facts is None:
            await self._reply(b"550 Failed to open file.\r\n")
            return
        offset = min(self._session.restart, facts.size)
        await self._transfer(
            vsftpd_replies.opening_reply(argument, facts.size), vsftpd_replies.TRANSFER_COMPLETE,
            lambda sock: send(sock, [FilePart(path, offset, facts.size - offset)], self._tree))

    async def _list(self, argument: bytes) -> None:
        await self._listing(requested_transfer(self._session, b"LIST", argument))

    async def _nlst(self, argument: bytes) -> None:
        await self._listing(requested_transfer(self._session, b"NLST", argument))

    async def _listing(self, what: Transfer | None) -> None:
        shown = b""
        if what is not None and what.listing is not None:
            # In a thread: a large directory takes long.
            shown = await asyncio.to_thread(self._tree.full_listing, what.path, what.listing)
        await self._transfer(
            vsftpd_replies.LISTING_FOLLOWS,
            vsftpd_replies.LISTING_COMPLETE,
            lambda sock: send(sock, [shown], self._tree),
        )

    async def _transfer(self, opening: bytes, completion: bytes,
                        job: Callable[[socket.socket], Awaitable[None]]) -> None:
        if not self._data.is_agreed and not self._opening_sent:
            self._reset_transfer()
            await self._reply(b"425 %s\r\n" % NOT_AGREED.encode())
            return
        opening_sent, self._opening_sent = self._opening_sent, False
        try:
            sock = await self._data.connection()
        except DataError as exc:
            self._reset_transfer()
            await self._reply(b"425 %s\r\n" % str(exc).encode())
            return
        try:
            if not opening_sent:  # only now, as vsftpd: who has heard it has a data connection
                await self._reply(opening)
            await job(sock)
            await deliver_and_close(sock)
        except (SendError, OSError) as exc:
            log.log(log_level(exc), "a transfer to %s broke: %s", self._client(), exc)
            reset(sock)
            self._reset_transfer()
            await self._reply(_TRANSFER_FAILED)
            return
        self._reset_transfer()
        await self._reply(completion)

    def _client(self) -> str:
        try:
            return "{}:{}".format(*self._sock.getpeername())
        except OSError:
            return "a client that has gone"

    def _reset_transfer(self) -> None:
        self._session = replace(self._session, transfer=None, restart=0, channel=Channel.NONE, data_port=0)


_TRANSFER_FAILED = b"426 Failure writing network stream.\r\n"
_Handler = Callable[[FtpSessionServer, bytes], Awaitable[None]]
_HANDLERS: dict[bytes, _Handler] = {
    b"PASV": FtpSessionServer._pasv, b"EPSV": FtpSessionServer._epsv, b"PORT": FtpSessionServer._port,
    b"EPRT": FtpSessionServer._eprt, b"RETR": FtpSessionServer._retr, b"LIST": FtpSessionServer._list,
    b"NLST": FtpSessionServer._nlst, b"STAT": FtpSessionServer._stat,
}
