"""The two ends of a connection of a server to itself: the takeover process asks the HTTP service by one."""

from __future__ import annotations

import errno
from typing import Any


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
