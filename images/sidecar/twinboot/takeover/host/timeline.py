"""Timeline of a claim for the history of moves: bounded, on the agent's clock."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterable

from twinboot.adapters import clock
from twinboot.takeover.logic.record import ConnectionKind, ConnectionRecord

MAX_EVENTS = 40
_MAX_WATCHED = 20
_POLL_EVERY_S = 0.002
_NAMES = {ConnectionKind.HTTP: "HTTP", ConnectionKind.FTP_CONTROL: "FTP", ConnectionKind.FTP_DATA: "FTP data"}
_BYTES_ACKED = struct.Struct("=120xQ")
"""tcpi_bytes_acked of struct tcp_info (linux/tcp.h): 8 bytes, 24 numbers of 4, 2 of 8, then this."""
_OLD_BYTES = 1
"""Acknowledged first on some connections, and sent for the round-trip time only (kernel.tcp_repair)."""


class TakeoverTimeline:
    """events: (time, name, text), as agent.history.history takes them."""

    def __init__(self) -> None:
        self.events: list[tuple[float, str, str]] = []
        self.left_out = 0
        self._awaiting_first_ack: list[tuple[socket.socket, str]] = []

    def note(self, what: str, text: str = "") -> None:
        if len(self.events) < MAX_EVENTS:
            self.events.append((clock.now(), what, text))
        else:
            self.left_out += 1

    def taken_over(self, record: ConnectionRecord, sock: socket.socket, *, has_unsent_data: bool) -> None:
        """Note a takeover; with unsent data, also wait for the client's first acknowledgement."""
        whose = _whose(record)
        self.note("taken-over", whose)
        if has_unsent_data and len(self._awaiting_first_ack) < _MAX_WATCHED:
            self._awaiting_first_ack.append((sock, whose))

    def silent(self, record: ConnectionRecord) -> None:
        """Note a client that has not answered."""
        self.note("silent", _whose(record))

    async def wait_for_first_data(self, limit_s: float) -> None:
        """Wait until one of these clients has acknowledged data sent by this server, and note it."""
        loop = asyncio.get_running_loop()
        until = loop.time() + limit_s
        while self._awaiting_first_ack and loop.time() < until:
            whose = _first_acked(self._awaiting_first_ack)
            if whose is not None:
                self.note("first-data", whose)
                break
            await asyncio.sleep(_POLL_EVERY_S)
        self._awaiting_first_ack.clear()


def _whose(record: ConnectionRecord) -> str:
    return f"{_NAMES[record.kind]} of {record.key.client}:{record.key.client_port}"


def _first_acked(connections: Iterable[tuple[socket.socket, str]]) -> str | None:
    for sock, whose in connections:
        try:
            info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.size)
        except OSError:
            continue  # closed already; what it had acknowledged is not known
        if len(info) == _BYTES_ACKED.size and _BYTES_ACKED.unpack(info)[0] > _OLD_BYTES:
            return whose
    return None
