"""What vsftpd does with a control connection, and with the data connections that it agrees upon."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from twinboot.takeover.host.published.tree import PublishedTree
from twinboot.takeover.host.serve.ftp_data import FIRST_PORT, LAST_PORT
from twinboot.takeover.logic.protocols import vsftpd_replies
from twinboot.takeover.logic.protocols.ftp import (
    Session,
    apply_reply,
    join_path,
    requested_transfer,
    split_command,
)
from twinboot.takeover.logic.protocols.ftp_ports import active_target

from .files import Files
from .kernel import Kernel, Listener
from .reactor import Reactor

TRANSFER_FAILED = b"426 Failure writing network stream.\r\n"
ACCEPT_S = 60.0


class FtpConversation(Reactor):
    """One session with vsftpd: one command after the other."""

    def __init__(
        self,
        kernel: Kernel,
        conn: Any,
        files: Files,
        tree: PublishedTree,
        server: IPv4Address,
        *,
        lingers: bool,
    ) -> None:
        """lingers: the final reply waits until the client has acknowledged all of the data."""
        super().__init__(kernel)
        self._conn, self._files, self._tree, self._server = conn, files, tree, server
        self._lingers = lingers
        self._session = Session()
        self._said = bytearray()
        self._replies = bytearray(vsftpd_replies.GREETING)
        self._listener: Listener | None = None
        self._target: int | None = None
        self._data: Any = None
        self._job: tuple[bytes, bytes, bytes] | None = None
        """A transfer that waits for its connection: opening, data, completion."""
        self._left: memoryview | None = None
        self._closing = False
        self._gives_up_at = 0.0
        self._over = False
        conn.on_event = self.wake
        self.wake()

    def work(self) -> None:
        try:
            self._work()
        except OSError:
            self._close()

    def _work(self) -> None:
        while True:
            self._said += self._conn.read(4096)
            if self._replies:
                taken = self._conn.write(bytes(self._replies))
                del self._replies[:taken]
                if self._replies:
                    return
            if self._over:
                self._close()
                return
            if self._job is not None or self._left is not None or self._closing:
                if not self._transfer():
                    return
                continue
            line, end, rest = bytes(self._said).partition(b"\n")
            if not end:
                if self._conn.ended or self._conn.error:
                    self._close()
                return
            self._said = bytearray(rest)
            self._command(line.removesuffix(b"\r"))

    def _close(self) -> None:
        self._forget_channel()
        if self._data is not None:
            self._data.close()
        self._conn.close()

    # Commands -----------------------------------------------------------------------------------

    def _command(self, line: bytes) -> None:
        verb, argument = split_command(line)
        said = vsftpd_replies.reply_to(self._session, line, self._tree)
        if said is not None:
            self._over = verb == b"QUIT"
        elif verb in (b"PASV", b"EPSV"):
            said = self._passive(verb)
        elif verb in (b"PORT", b"EPRT"):
            target = active_target(argument)
            assert target is not None
            self._forget_channel()
            self._target = target[1]
            said = vsftpd_replies.PORT_ACCEPTED if verb == b"PORT" else vsftpd_replies.EPRT_ACCEPTED
        elif verb in (b"RETR", b"LIST", b"NLST"):
            said = self._begin_transfer(verb, argument)
            if said is None:
                return
        else:
            said = b"502 Command not implemented.\r\n"
        self._session = apply_reply(self._session, verb, argument, said)
        self._replies += said

    def _passive(self, verb: bytes) -> bytes:
        self._forget_channel()
        port = next(
            port
            for port in self.kernel.draw.sample(range(FIRST_PORT, LAST_PORT + 1), 100)
            if port not in self.kernel.listeners
        )
        self._listener = self.kernel.listen(port, self._accepted)
        if verb == b"PASV":
            return vsftpd_replies.passive_reply(port, str(self._server))
        return vsftpd_replies.extended_passive_reply(port)

    def _accepted(self, conn: Any) -> None:
        if self._data is not None:
            conn.abort()
            return
        self._data = conn
        conn.on_event = self.wake
        self.wake()

    def _forget_channel(self) -> None:
        if self._listener is not None:
            self.kernel.unlisten(self._listener)
        self._listener = self._target = None

    # Transfers ----------------------------------------------------------------------------------

    def _begin_transfer(self, verb: bytes, argument: bytes) -> bytes | None:
        if self._listener is None and self._target is None and self._data is None:
            return b"425 Use PORT or PASV first.\r\n"
        what = requested_transfer(self._session, verb, argument)
        if verb == b"RETR":
            path = join_path(self._session.directory, argument)
            data = self._files.content.get(path or b"")
            if data is None:
                return b"550 Failed to open file.\r\n"
            opening = vsftpd_replies.opening_reply(argument, len(data))
            data = data[self._session.restart :]
        else:
            assert what is not None
            data = self._tree.full_listing(what.path, what.listing) if what.listing is not None else b""
            opening = vsftpd_replies.LISTING_FOLLOWS
        self._job = opening, data, vsftpd_replies.completion_reply(verb)
        self._gives_up_at = self.kernel.clock.now + ACCEPT_S
        self.kernel.clock.after(ACCEPT_S + 0.01, self.wake)
        if self._target is not None and self._data is None:
            self._data = self.kernel.connect(self._server, 0, self._conn.place.there, self._target)
            self._data.on_event = self.wake
        return None

    def _transfer(self) -> bool:
        """One step; whether there may be another at once."""
        data = self._data
        if self._job is not None and self._left is None and not self._closing:
            if data is not None and data.error:
                return self._end(b"425 Failed to establish connection.\r\n")
            if data is None or not (data.established or data.ended):
                if self.kernel.clock.now >= self._gives_up_at:
                    return self._end(b"425 Failed to establish connection.\r\n")
                return False
            self._replies += self._job[0]
            self._left = memoryview(self._job[1])
            return True
        assert self._job is not None
        try:
            data.raise_error()
            while self._left:
                taken = data.write(self._left)
                self._left = self._left[taken:]
                if not taken:
                    return False
            if not self._closing:
                self._closing, self._left = True, None
                data.shutdown()
        except OSError:
            return self._end(TRANSFER_FAILED)
        if self._lingers and data.unacked:
            return False
        return self._end(self._job[2])

    def _end(self, reply: bytes) -> bool:
        if self._data is not None:
            self._data.close()
        self._forget_channel()
        self._data = self._job = self._left = None
        self._closing = False
        self._session = apply_reply(self._session, b"RETR", b"", reply)
        self._session = replace(self._session, transfer=None)
        self._replies += reply
        return True
