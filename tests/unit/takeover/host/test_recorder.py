"""What the recorder tells without having seen a segment: connections that were taken over here."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address
from typing import Any

import pytest
from agentfakes import until
from twinboot.takeover.host import kernel_connections
from twinboot.takeover.host.capture.recorder import ConnectionRecorder
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions
from twinboot.takeover.logic.tracker import ConnectionTracker

KEY = ConnectionKey(IPv4Address("192.168.0.9"), 4000, IPv4Address("192.168.0.253"), 80)


def test_a_connection_that_was_taken_over_is_told_at_once() -> None:
    """Its bulk data is not shown to us: until the next word of its client no peer would know of it."""
    async def run() -> None:
        told: list[ConnectionKey] = []
        tracker = ConnectionTracker(lambda _path: None)
        unused: Any = None
        recorder = ConnectionRecorder(
            None, tracker, lambda key, _record: told.append(key), unused, None, unused
        )
        recorder.start()
        tracker.seed(ConnectionRecord(KEY, ConnectionKind.HTTP, 1, 2, 1, SynOptions(), SynOptions()))
        await until(lambda: told == [KEY], "it is told")

    asyncio.run(run())


def test_a_release_tells_where_each_client_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The taker probes with these numbers, and a firewall lets them pass."""
    async def run() -> None:
        told: list[int] = []
        unused: Any = None
        recorder = ConnectionRecorder(
            None, ConnectionTracker(lambda _path: None),
            lambda _key, record: told.append(record.acked_bytes if record else -1), unused, None, unused)
        record = ConnectionRecord(KEY, ConnectionKind.HTTP, 1, 2, 1, SynOptions(), SynOptions())
        recorder.tracker.seed(record, (1, 1002))
        recorder.flush(everything=True)
        monkeypatch.setattr(kernel_connections, "list_connections", lambda addresses: {
            KEY: 234} if addresses == {KEY.server} else {})
        recorder.note_progress(KEY.server)
        recorder.flush(everything=True)
        assert told == [1000, 1234]

    asyncio.run(run())
