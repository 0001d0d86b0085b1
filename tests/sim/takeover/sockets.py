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

if TYPE_CHECKING:
    import asyncio

    from .kernel import Kernel, Listener
    from .tcp import Connection

_NUMBERS = count(100000)
_TCP_REPAIR, _TCP_REPAIR_QUEUE, _TCP_QUEUE_SEQ = 19, 20, 21
_TCP_REPAIR_OPTIONS, _TCP_TIMESTAMP, _TCP_REPAIR_WINDOW = 22, 24, 29
_RECEIVE_QUEUE, _SEND_QUEUE = 1, 2
_OPTION_MSS, _OPTION_WINDOW, _OPTION_SACK, _OPTION_TIMESTAMP = 2, 3, 4, 8
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
            return
        self._own(self.kernel.connect(IPv4Address(self._bound[0]), self._bound[1], there, address[1]))

    # As socket.socket has them ------------------------------------------------------------------

    def fileno(self) -> int:
        return -1 if self.closed else self._number

    def setblocking(self, _on: bool) -> None:
        """Always without waiting."""

    def bind(self, address: tuple[str, int]) -> None:
        if IPv4Address(address[0]) not in self.kernel.addresses:
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
        if level == socket.SOL_SOCKET and option == socket.SO_LINGER:
            self._abortive = bool(struct.unpack("@ii", value)[0])
        elif level == socket.SOL_SOCKET and option == socket.SO_PRIORITY:
            self._priority = value
            if self.conn is not None:
                self.conn.priority = value
        elif level == socket.IPPROTO_TCP and option == _TCP_REPAIR:
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
        conn.origin, conn.far_origin = self._repair.starts[_SEND_QUEUE], self._repair.starts[_RECEIVE_QUEUE]
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


class Repair:
    """What is set in repair mode (tcp(7); linux/tcp.h; net/ipv4/tcp.c, tcp_repair_options_est)."""

    def __init__(self) -> None:
        self._queue = 0
        self.starts = {_SEND_QUEUE: 0, _RECEIVE_QUEUE: 0}

    def set(self, conn: Connection | None, option: int, value: Any, now: float) -> None:
        if option == _TCP_REPAIR_QUEUE:
            self._queue = value
        elif option == _TCP_QUEUE_SEQ:
            self.starts[self._queue] = struct.unpack("@I", value)[0]
        elif option == _TCP_REPAIR_OPTIONS and conn is not None:
            self._agree(conn, dict(struct.iter_unpack("@II", value)))
        elif option == _TCP_TIMESTAMP and conn is not None:
            conn.clock_offset = (struct.unpack("@I", value)[0] - int(now * 1000)) % (1 << 32)
        elif option == _TCP_REPAIR_WINDOW and conn is not None:
            updated, window, widest, own, _told = struct.unpack("@IIIII", value)
            conn.updated_at = (updated - conn.far_origin + (1 << 31)) % (1 << 32) - (1 << 31)
            conn.peer_window, conn.widest, conn.promised = window, widest, own

    @staticmethod
    def _agree(conn: Connection, options: dict[int, int]) -> None:
        """Without the option of the window's scales the kernel keeps the one that connect() has chosen, of
        which the peer knows nothing."""
        if _OPTION_WINDOW in options:
            conn.peer_scale, conn.own_scale = options[_OPTION_WINDOW] & 0xFFFF, options[_OPTION_WINDOW] >> 16
        conn.sack_ok, conn.stamps_ok = _OPTION_SACK in options, _OPTION_TIMESTAMP in options
        conn.mss = options[_OPTION_MSS] - (12 if conn.stamps_ok else 0)
        conn.cwnd = 10 * conn.mss


class Pipe:
    """One end of a connection within a host, to its own service. Bounded, in order, without loss."""

    LIMIT = 32 << 10

    def __init__(self, owner: Any, other: Pipe | None = None) -> None:
        self.owner = owner
        self.inbox = bytearray()
        self.finished = self.broken = False
        self.on_event = lambda: None
        self.other: Pipe = other if other is not None else Pipe(None, self)

    def _tell(self) -> None:
        if self.owner is not None:
            self.owner.wake()
        self.on_event()

    @property
    def readable(self) -> bool:
        return bool(self.inbox) or self.other.finished or self.other.broken

    @property
    def writable(self) -> bool:
        return len(self.other.inbox) < self.LIMIT or self.other.broken

    def take(self, size: int) -> bytes:
        data = bytes(self.inbox[:size])
        del self.inbox[:size]
        if data:
            self.other._tell()
        return data

    def put(self, data: bytes | memoryview) -> int:
        if self.other.broken:
            raise OSError(errno.EPIPE, "Broken pipe")
        taken = bytes(data[: max(0, self.LIMIT - len(self.other.inbox))])
        self.other.inbox += taken
        if taken:
            self.other._tell()
        return len(taken)

    def finish(self) -> None:
        self.finished = True
        self.other._tell()

    def break_off(self) -> None:
        self.finished = self.broken = True
        self.other._tell()

    # As the services use a Connection -----------------------------------------------------------

    @property
    def room(self) -> int:
        return max(0, self.LIMIT - len(self.other.inbox))

    @property
    def ended(self) -> bool:
        return self.other.finished

    @property
    def error(self) -> int:
        return errno.EPIPE if self.other.broken else 0

    unacked = 0

    def read(self, size: int) -> bytes:
        return self.take(size)

    def write(self, data: bytes | memoryview) -> int:
        return self.put(data)

    def shutdown(self) -> None:
        self.finish()

    def close(self) -> None:
        self.break_off()
