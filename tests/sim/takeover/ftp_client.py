"""A client by FTP: a session with its transfers, in passive or active mode."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import Any

from twinboot.takeover.host.published.tree import PublishedTree
from twinboot.takeover.logic.protocols.ftp import Session, requested_transfer
from twinboot.takeover.logic.protocols.ftp_ports import passive_port

from .clients import Download, End, Program
from .files import Files
from .kernel import Kernel
from .tcp import Connection


class FtpClient(Program):
    """One session: log in, and one download after the other, each over a data connection of its own."""

    def __init__(
        self,
        kernel: Kernel,
        server: IPv4Address,
        files: Files,
        downloads: tuple[Download, ...],
        *,
        tree: PublishedTree,
        mode: bytes = b"EPSV",
        early: bool = True,
        asks_size: bool = False,
        keeps_data: bool = False,
        waits_for_close: bool = False,
        **pace: Any,
    ) -> None:
        """mode: PASV, EPSV, PORT or EPRT. early: RETR is sent when the data connection is established; else
        both at once. keeps_data: its end is left open until the final reply. waits_for_close: after QUIT,
        for the server's; else it closes at the last reply."""
        super().__init__(kernel, server, files, **pace)
        self._downloads, self._tree = list(downloads), tree
        self._mode, self._early, self._asks_size, self._keeps_data = mode, early, asks_size, keeps_data
        self._waits_for_close = waits_for_close
        self._in = bytearray()
        self._current: Download | None = None
        self._data: Connection | None = None
        self._got = bytearray()
        self._data_over = self._begun = False
        self._final = b""
        self._port = 0
        self._todo = [b"", b"USER anonymous", b"TYPE I"]
        self._waits_for = b""
        """The command whose reply is waited for; empty: the greeting."""
        self._talks = True
        self._conn = kernel.connect(next(iter(kernel.addresses)), 0, server, 21)
        self._conn.on_event = self.wake
        self._todo.pop(0)

    def work(self) -> None:
        conn = self._conn
        if self._data is not None:
            self._read_data()
        self._in += conn.read(1 << 16)
        while self.end is End.WORKING and b"\n" in self._in:
            line, _, rest = bytes(self._in).partition(b"\n")
            self._in = bytearray(rest)
            self._heard(line.rstrip(b"\r"))
        self._maybe_next()
        if self.end is not End.WORKING:
            return
        if conn.error:
            self._close_data()
            self.finish(End.RESET, "control connection reset")
        elif conn.ended and not conn.inbox:
            if self._waits_for == b"QUIT" and not self._talks:
                conn.close()
                self.finish(End.DONE)
            else:
                self.wrong(f"the session was closed after {self._waits_for!r}")

    # The conversation ---------------------------------------------------------------------------

    def _say(self, line: bytes) -> None:
        self._waits_for, self._talks = line, True
        self._conn.write(line + b"\r\n")

    def _heard(self, line: bytes) -> None:
        if not re.match(rb"\d{3} ", line):
            self.wrong(f"no reply: {line!r}")
        verb = self._waits_for.split(b" ")[0]
        code = line[:3]
        if code == b"421" and not (self._talks and verb in (b"RETR", b"LIST")):  # at any time (RFC 959, 5.4)
            self._close_data()
            self.finish(End.RESET, line.decode())
            return
        if not self._talks:
            self.wrong(f"a reply that nothing asked for: {line!r}")
        if verb in (b"RETR", b"LIST"):
            self._heard_of_transfer(code, line)
            return
        good = {
            b"": b"220",
            b"USER": b"230",
            b"TYPE": b"200",
            b"SIZE": b"213",
            b"REST": b"350",
            b"PASV": b"227",
            b"EPSV": b"229",
            b"PORT": b"200",
            b"EPRT": b"200",
            b"QUIT": b"221",
        }[verb]
        if code == b"425" and verb in (b"PASV", b"EPSV"):
            self._close_data()
            self.finish(End.RESET, line.decode())
            return
        if code != good:
            self.wrong(f"{line!r} to {self._waits_for!r}")
        if verb == b"SIZE" and self._current is not None:
            size = len(self.files.content[self._current.path])
            if int(line[4:]) != size:
                self.wrong(f"{line!r} for a file of {size} bytes")
        self._talks = False
        if verb == b"QUIT" and not self._waits_for_close:
            self._conn.close()
            self.finish(End.DONE)
        if verb in (b"PASV", b"EPSV"):
            port = passive_port(line)
            assert port is not None
            self._port = port
            if self._early:
                self._open_data()

    def _heard_of_transfer(self, code: bytes, line: bytes) -> None:
        if code == b"150" and not self._begun:
            self._begun = True
            return
        self._talks = False
        self._final = line
        if code in (b"421", b"425", b"426"):
            expected = self._expected()
            self._close_data()
            self.finish(End.RESET, f"{line.decode()} {len(self._got)} of {len(expected)} bytes were there")
        elif code != b"226" or not self._begun:
            self.wrong(f"{line!r} to {self._waits_for!r}")

    def _maybe_next(self) -> None:
        if self._talks or self.end is not End.WORKING or not self._conn.established:
            return
        if self._current is not None and self._waits_for.split(b" ")[0] in (b"RETR", b"LIST"):
            if not self._data_over:
                if self._data is not None and self._data.error:  # 226 says what was sent, not what arrived
                    self._close_data()
                    self.finish(End.RESET, f"data connection reset after {len(self._got)} bytes")
                return
            if bytes(self._got) != self._expected():
                self.wrong(f"226 for {len(self._got)} of {len(self._expected())} bytes")
            self._close_data()
            self._current = None
        if not self._todo:
            if not self._downloads:
                if self._waits_for != b"QUIT":
                    self._say(b"QUIT")
                return
            self._current = self._downloads.pop(0)
            self._todo = self._commands(self._current)
        if self._data is not None and self._data.state == "opening":
            return
        line = self._todo.pop(0)
        if line.split(b" ")[0] in (b"RETR", b"LIST"):
            self._got, self._data_over, self._begun, self._final = bytearray(), False, False, b""
            if not self._early and self._mode in (b"PASV", b"EPSV"):
                self._say(line)
                self._open_data()
                return
        self._say(line)

    def _commands(self, one: Download) -> list[bytes]:
        found = [b"SIZE " + one.path] if self._asks_size and not one.listing else []
        if self._mode in (b"PORT", b"EPRT"):
            here = str(next(iter(self.kernel.addresses)))
            self.kernel.held_ports_from += 1
            port = self.kernel.held_ports_from
            self.kernel.listen(port, self._accepted)
            self._port = port
            numbers = f"{here.replace('.', ',')},{port // 256},{port % 256}"
            found.append(
                f"PORT {numbers}".encode() if self._mode == b"PORT" else f"EPRT |1|{here}|{port}|".encode()
            )
        else:
            found.append(self._mode)
        found += [b"REST %d" % one.start] if one.start else []
        return [*found, (b"LIST " if one.listing else b"RETR ") + one.path]

    # The data connection ------------------------------------------------------------------------

    def _open_data(self) -> None:
        here = next(iter(self.kernel.addresses))
        self._data = self.kernel.connect(here, 0, self.server, self._port)
        self._data.on_event = self.wake

    def _accepted(self, conn: Connection) -> None:
        listener = self.kernel.listeners.get(self._port)
        if listener is not None:
            self.kernel.unlisten(listener)
        self._data = conn
        conn.on_event = self.wake
        self.wake()

    def _read_data(self) -> None:
        data = self._data
        assert data is not None
        fresh = self.read(data)
        if fresh and not self._waits_for.startswith((b"RETR", b"LIST")):
            self.wrong(f"{len(fresh)} bytes before they were asked for")
        expected = self._expected()[len(self._got) : len(self._got) + len(fresh)]
        if fresh != expected:
            self.wrong(f"other bytes at {len(self._got)} of {self._current}")
        self._got += fresh
        self.received += len(fresh)
        if data.ended and not data.inbox and not self._data_over:
            if not self._waits_for.startswith((b"RETR", b"LIST")):
                self.wrong("a data connection closed before it was used")
            self._data_over = True
            if not self._keeps_data:
                data.close()

    def _close_data(self) -> None:
        if self._data is not None:
            self._data.close()
            self._data = None
        listener = self.kernel.listeners.get(self._port)
        if listener is not None:
            self.kernel.unlisten(listener)

    def _expected(self) -> bytes:
        one = self._current
        if one is None:
            return b""
        if one.listing:
            what = requested_transfer(Session(), b"LIST", one.path)
            assert what is not None
            assert what.listing is not None
            return self._tree.full_listing(what.path, what.listing)
        return self.files.content[one.path][one.start :]
