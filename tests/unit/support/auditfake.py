"""An audit log in memory."""

from __future__ import annotations

from twinboot.agent.control.audit import Audit
from twinboot.errors import ResourceError


class MemoryLines:
    """full: nothing can be written any more."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.full = False

    def add(self, line: bytes) -> None:
        if self.full:
            raise ResourceError("audit.jsonl", "cannot be written: no space left on device")
        self.lines += line.splitlines()

    def read(self) -> list[bytes]:
        return self.lines


def audit_in_memory(server: str = "server1") -> Audit:
    return Audit(server, MemoryLines(), lambda: 1000.0)
