"""What a claim tells the one who tracks this server's connections."""

from __future__ import annotations

from typing import Protocol

from twinboot.takeover.logic.record import ConnectionKey, ConnectionRecord


class ConnectionFollower(Protocol):
    """Tracks connections once they are taken over: takeover.logic.tracker.ConnectionTracker."""

    def seed(self, record: ConnectionRecord, origin: tuple[int, int]) -> None: ...
    def passive_port_agreed(self, control: ConnectionKey, port: int) -> None: ...
    def passive_port_learned(self, control: ConnectionKey, port: int) -> None: ...
    def server_sent(self, key: ConnectionKey, seq: int, data: bytes) -> None: ...
