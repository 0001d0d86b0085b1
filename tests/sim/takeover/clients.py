"""Client programs on a client's own TCP. Each checks every byte that it is given, and says how it ended.

None of them repeats or resumes anything: what they get must be whole, or end with a reset.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address

from .files import Files
from .kernel import Kernel
from .tcp import Connection

NOT_FOUND = 404


class End(Enum):
    """How a client's work ended. RESET: the connection, or a transfer by a reply 425 or 426."""

    WORKING = "working"
    DONE = "done"
    RESET = "reset"


class WrongBytes(AssertionError):
    """A client was given what it should not have been given."""


@dataclass(frozen=True)
class Download:
    """What a client asks for: path of a file, or of a directory (listing, by FTP). start: from where on."""

    path: bytes
    start: int = 0
    listing: bool = False


class Program:
    """One client program. at_once: reads all there is at once; else `bite` bytes each `pause_s`."""

    def __init__(
        self, kernel: Kernel, server: IPv4Address, files: Files, *, bite: int = 0, pause_s: float = 0.0
    ) -> None:
        self.kernel, self.server, self.files = kernel, server, files
        self.bite, self.pause_s = bite, pause_s
        self.end, self.why = End.WORKING, ""
        self.ended_at = 0.0
        self.received = 0
        """Bytes of files."""
        self._due = False

    def finish(self, end: End, why: str = "") -> None:
        if self.end is End.WORKING:
            self.end, self.why, self.ended_at = end, why, self.kernel.clock.now

    def wake(self) -> None:
        if not self._due:
            self._due = True
            self.kernel.clock.after(self.pause_s, self._run)

    def _run(self) -> None:
        self._due = False
        if self.end is End.WORKING:
            self.work()

    def work(self) -> None:
        raise NotImplementedError

    def read(self, conn: Connection) -> bytes:
        data = conn.read(self.bite or 1 << 20)
        if conn.inbox:
            self.wake()
        return data

    def wrong(self, what: str) -> None:
        raise WrongBytes(f"{type(self).__name__}: {what}")
