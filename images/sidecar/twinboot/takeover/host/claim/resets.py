"""Resets the connections of one claim that cannot go on, until each client has confirmed it with a RST."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from twinboot.takeover.logic.plan import ClientPosition
from twinboot.takeover.logic.probe import ProbeWay, probe_of
from twinboot.takeover.logic.record import ConnectionKey, ConnectionRecord
from twinboot.takeover.logic.tcp.segment import ACK, RST, SYN, Segment

from ..tcp_probe import RawTcpSender
from .inquiry import ClientInquiry


class Resets:
    """A RST may be lost, and a client's number may be outdated when it comes."""

    def __init__(self, sender: RawTcpSender, inquiry: ClientInquiry) -> None:
        self._sender, self._inquiry = sender, inquiry
        self._unconfirmed: dict[ConnectionKey, tuple[ConnectionRecord, ClientPosition]] = {}
        """Connections that were reset, but whose client has not answered a probe with RST yet."""
        self.silent: dict[ConnectionKey, ConnectionRecord] = {}
        """Connections to be reset whose client has not answered yet."""

    def __contains__(self, key: ConnectionKey) -> bool:
        return key in self._unconfirmed or key in self.silent

    def reset(self, record: ConnectionRecord, client: ClientPosition) -> None:
        self._unconfirmed[record.key] = record, client
        self._sender.reset(record.key, client.ack)

    def forget(self, key: ConnectionKey) -> None:
        """Forgets a connection whose client opens a new one."""
        self._unconfirmed.pop(key, None)
        self.silent.pop(key, None)

    def hear(self, key: ConnectionKey, segment: Segment) -> None:
        """RST: the connection is gone. ACK: our RST was lost or had an outdated number; send it again."""
        silent = self.silent.pop(key, None)
        unconfirmed = self._unconfirmed.pop(key, None)
        record = silent or (unconfirmed and unconfirmed[0])
        if record and segment.flags & (SYN | RST | ACK) == ACK:
            self.reset(record, ClientPosition.of(segment))

    async def repeat(self, at_s: Sequence[float]) -> None:
        """Probe again the clients to be reset: a RST may be lost, and a silent client may be slow."""
        begun = time.monotonic()
        for number, at in enumerate(at_s):
            if not self._unconfirmed and not self.silent:
                return
            await asyncio.sleep(begun + at - time.monotonic())
            for key, (record, client) in self._unconfirmed.items():
                self._sender.probe(key, probe_of(record, ProbeWay.KEEPALIVE, client))
            self._inquiry.ask(self.silent, number, last=True)
