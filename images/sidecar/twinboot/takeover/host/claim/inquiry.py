"""Asks the clients of one claim where they are: which probe goes out when, and what the answers prove.

A RST of an FTP data connection is acted upon as soon as it is believed, since its session waits for what
became of it. Any other client whose RST is believed has until the end of the claim to say otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from twinboot.takeover.logic.plan import ClientPosition
from twinboot.takeover.logic.probe import ProbeWay, probe_of
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord
from twinboot.takeover.logic.settle import PositionSettler
from twinboot.takeover.logic.tcp.segment import Segment

from ..tcp_probe import RawTcpSender

ASK_AGAIN_S = (0.06, 0.3, 0.65, 1.2)
"""The two ways of probing take turns (takeover.logic.probe). Linux answers those of the second way twice a
second at most (net.ipv4.tcp_invalid_ratelimit)."""
GIVE_UP_S = 2.0
_WAYS = tuple(ProbeWay)


class ClientInquiry:
    """settle_s: see takeover.logic.settle."""

    def __init__(self, sender: RawTcpSender, settle_s: float) -> None:
        self._sender = sender
        self._settler = PositionSettler(settle_s, time.monotonic())
        self._last_way: dict[ConnectionKey, ProbeWay] = {}
        self._gone: dict[ConnectionKey, ClientPosition] = {}
        """Where the last RST of each client would be."""

    def ask(self, records: Mapping[ConnectionKey, ConnectionRecord], number: int, *, last: bool) -> None:
        """Send probe `number` (from 0) to each client.

        last: also to clients in a handshake, which answer RST and otherwise repeat their SYN by themselves.
        """
        for key, record in records.items():
            if record.server_start_known or last:
                one = probe_of(record, _WAYS[number % len(_WAYS)], self._settler.latest(key),
                               again=key in self._last_way)
                self._last_way[key] = one.way
                self._sender.probe(key, one)

    def hear(self, record: ConnectionRecord, segment: Segment) -> None:
        """A segment of a client that was asked."""
        client, now = ClientPosition.of(segment), time.monotonic()
        if client.gone:
            self._settler.observe_reset(record.key, self._refused_way(record, segment), now)
            self._gone[record.key] = client
        else:
            self._gone.pop(record.key, None)
            self._settler.observe(record.key, client, now)

    def decided(self, records: Mapping[ConnectionKey, ConnectionRecord]) -> dict[
            ConnectionKey, ClientPosition]:
        """The clients among these whose position is final now."""
        found = {key: client for key, client in self._settler.settled(time.monotonic()) if key in records}
        for key, client in self._gone.items():
            record = records.get(key)
            if record is not None and record.kind is ConnectionKind.FTP_DATA and self._is_gone(record):
                found[key] = client
        return found

    def gone_at_last(self, records: Mapping[ConnectionKey, ConnectionRecord]) -> dict[
            ConnectionKey, ClientPosition]:
        """At the end of the claim: those of these clients that have closed."""
        return {key: client for key, client in self._gone.items() if key in records and (
            self._is_gone(records[key]) or self._settler.was_reset_repeatedly(key))}

    def refused_both_ways(self, record: ConnectionRecord) -> bool:
        """Whether the client has answered probes of both ways with RST."""
        return record.server_start_known and self._settler.is_gone(record.key)

    def _is_gone(self, record: ConnectionRecord) -> bool:
        return not record.server_start_known or self._settler.is_gone(record.key)

    def _refused_way(self, record: ConnectionRecord, segment: Segment) -> ProbeWay | None:
        """The way of the probe that a RST answers; the last one when both have the same numbers."""
        last = self._last_way.get(record.key, ProbeWay.KEEPALIVE)
        ways = sorted(ProbeWay, key=lambda way: way is not last)
        probes = (probe_of(record, way) for way in ways)
        return next((one.way for one in probes if one.refused_by(segment)), None)
