"""What the takeover process has in its hands: sockets of the model kernel, with the calls that it makes."""

from __future__ import annotations

import errno
import os
import socket
import struct
from ipaddress import IPv4Address
from itertools import count
from typing import TYPE_CHECKING, Any

from twinboot.takeover.host.silent_exit import SILENT_PRIORITY

from .pipes import Pipe
from .repair import RECEIVE_QUEUE, SEND_QUEUE, TCP_REPAIR, Repair

if TYPE_CHECKING:
    import asyncio

    from .kernel import Kernel, Listener
    from .tcp import Connection

IP_FREEBIND = 15
_NUMBERS = count(100000)
_INFO_BYTES_ACKED = struct.Struct("=120xQ")


class ModelSocket:
    """One TCP socket; of a listener, too. pipe: the other end of a connection within the host."""

    def __init__(self, kernel: Kernel, conn: Connection | None = None) -> None:
        self.kernel = kernel
        self.waiters: list[asyncio.Future[None]] = []
        self.backlog: list[Connection] = []
        self.closed = False
        self._number = next(_NUMBERS)
        self._bound: tuple[str, int] = ("0.0.0.0", 0)
        self._may_miss_address = False
        self._listener: Listener | None = None
        self._abortive = False
        self._priority = 0
        self._acked_from = 0
        self.pipe: Pipe | None = None
        self.conn: Connection | None = None
        self._repair: Repair | None = None
        if conn is not None:
            self._own(conn)

    def _own(self, conn: Connection) -> None:
        self.conn = conn
        conn.on_event = self.wake
        conn.priority = self._priority

    def wake(self) -> None:
        for one in self.waiters:
            if not one.done():
                one.set_result(None)
        self.waiters.clear()

    # State, for the loop ------------------------------------------------------------------------

    @property
    def failed(self) -> bool:
        return self.closed or (self.conn is not None and bool(self.conn.error))

    @property
    def connected(self) -> bool:
        return self.pipe is not None or (self.conn is not None and self.conn.established)

    @property
    def readable(self) -> bool:
        if self.pipe is not None:
            return self.pipe.readable
        one = self.conn
        return one is None or self.failed or bool(one.inbox) or one.ended or one.state == "closed"

    @property
    def writable(self) -> bool:
        if self.pipe is not None:
            return self.pipe.writable
        return self.conn is None or self.failed or self.conn.room > 0 or self.conn.state == "closed"

    def raise_error(self) -> None:
        if self.closed:
            raise OSError(errno.EBADF, "Bad file descriptor")
        if self.conn is not None and self.conn.error:
            raise OSError(self.conn.error, os.strerror(self.conn.error))

    def take(self, size: int) -> bytes:
        self.raise_error()
        if self.pipe is not None:
            return self.pipe.take(size)
        if self.conn is None:
            raise OSError(errno.ENOTCONN, "not connected")
        return self.conn.read(size)

    def put(self, data: bytes | memoryview) -> int:
        self.raise_error()
        if self.pipe is not None:
            return self.pipe.put(data)
        if self.conn is None:
            raise OSError(errno.ENOTCONN, "not connected")
        return self.conn.write(data)

    def accept(self) -> tuple[ModelSocket, tuple[str, int]]:
        if not self.backlog:
            raise OSError(errno.EBADF, "the listener is closed")
        conn = self.backlog.pop(0)
        return ModelSocket(self.kernel, conn), (str(conn.place.there), conn.place.far_port)

    def start_connect(self, address: tuple[str, int]) -> None:
        there = IPv4Address(address[0])
        if there in self.kernel.addresses:
            self.pipe = Pipe(self)
            self.kernel.clock.after(0.0001, self.kernel.local_services[address[1]], self.pipe.other)
            self.wake()
            return
        if not self._bound[1] and address[1] in self.kernel.local_services:
            # The address has vanished. The SYN goes nowhere and is sent again, with a new route.
            self.kernel.clock.after(1.0, self.start_connect, address)
            return
        self._own(self.kernel.connect(IPv4Address(self._bound[0]), self._bound[1], there, address[1]))

    # As socket.socket has them ------------------------------------------------------------------

    def fileno(self) -> int:
        return -1 if self.closed else self._number

    def setblocking(self, _on: bool) -> None:
        """Always without waiting."""

    def bind(self, address: tuple[str, int]) -> None:
        if IPv4Address(address[0]) not in self.kernel.addresses and not self._may_miss_address:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        if self._repair is None and address[1] and address[1] in self.kernel.listeners:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        self._bound = address

    def listen(self, _backlog: int) -> None:
        self._listener = self.kernel.listen(self._bound[1], self._arrived)

    def _arrived(self, conn: Connection) -> None:
        self.backlog.append(conn)
        self.wake()

    def getsockname(self) -> tuple[str, int]:
        if self.closed:
            raise OSError(errno.EBADF, "Bad file descriptor")
        return (str(self.conn.place.here), self.conn.place.port) if self.conn is not None else self._bound

    def getpeername(self) -> tuple[str, int]:
        if self.conn is None:
            raise OSError(errno.ENOTCONN, "not connected")
        return str(self.conn.place.there), self.conn.place.far_port

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        if self.closed:
            raise OSError(errno.EBADF, "Bad file descriptor")
        if level == socket.IPPROTO_IP and option == IP_FREEBIND:
            self._may_miss_address = bool(value)
        elif level == socket.SOL_SOCKET and option == socket.SO_LINGER:
            self._abortive = bool(struct.unpack("@ii", value)[0])
        elif level == socket.SOL_SOCKET and option == socket.SO_PRIORITY:
            self._priority = value
            if self.conn is not None:
                self.conn.priority = value
        elif level == socket.IPPROTO_TCP and option == TCP_REPAIR:
            self._set_repair(value)
        elif level == socket.IPPROTO_TCP and self._repair is not None:
            self._repair.set(self.conn, option, value, self.kernel.clock.now)

    def _set_repair(self, value: int) -> None:
        """TCP_REPAIR: on; off with a window probe; off without one."""
        if value == 1:
            self._repair = self._repair or Repair()
        if self.conn is not None:
            self.conn.repairing = value == 1
            if value == 0:
                self.conn.probe_window()

    def connect(self, address: tuple[str, int]) -> None:
        """In repair mode only; else the loop's sock_connect."""
        assert self._repair is not None
        conn = self.kernel.repaired(
            IPv4Address(self._bound[0]), self._bound[1], IPv4Address(address[0]), address[1]
        )
        conn.repairing = True
        conn.origin, conn.far_origin = self._repair.starts[SEND_QUEUE], self._repair.starts[RECEIVE_QUEUE]
        self._own(conn)

    def send(self, data: bytes) -> int:
        taken = self.put(data)
        if not taken:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        return taken

    def sendall(self, data: bytes) -> None:
        """In repair mode: however much it is."""
        self.raise_error()
        assert self.conn is not None
        assert self.conn.repairing
        self.conn.data += data
        self.conn.push()

    def getsockopt(self, level: int, option: int, size: int = 0) -> Any:
        if self.closed:
            raise OSError(errno.EBADF, "Bad file descriptor")
        if level == socket.SOL_SOCKET and option == socket.SO_ERROR:
            return self.conn.error if self.conn is not None else 0
        if option == socket.TCP_INFO:
            return _INFO_BYTES_ACKED.pack(max(0, self.conn.una if self.conn is not None else 0))[:size]
        return 0

    def shutdown(self, _how: int) -> None:
        self.raise_error()
        if self.pipe is not None:
            self.pipe.finish()
        elif self.conn is not None:
            if self.conn.state == "closed":
                raise OSError(errno.ENOTCONN, "not connected")
            self.conn.shutdown()

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        if self.pipe is not None:
            self.pipe.break_off()
        if self._listener is not None:
            self.kernel.unlisten(self._listener)
            for one in self.backlog:
                one.abort()
        if self.conn is not None and self._abortive:
            self.conn.released = True
            self.conn.on_event = lambda: None
            self.conn.abort()
        elif self.conn is not None:
            self.conn.close()
        self.wake()

    def __enter__(self) -> ModelSocket:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def unacked(self) -> int:
        """SIOCOUTQ."""
        if self.closed:
            raise OSError(errno.EBADF, "Bad file descriptor")
        return self.conn.unacked if self.conn is not None else 0

    @property
    def marked_silent(self) -> bool:
        return self._priority == SILENT_PRIORITY
