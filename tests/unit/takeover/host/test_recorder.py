"""What the recorder tells without having seen a segment: connections that were taken over here."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address
from typing import Any

from agentfakes import until
from twinboot.takeover.host.capture.recorder import Recorder
from twinboot.takeover.logic.record import Key, Kind, Offer, Record
from twinboot.takeover.logic.tracker import Tracker

KEY = Key(IPv4Address("192.168.0.9"), 4000, IPv4Address("192.168.0.253"), 80)


def test_a_connection_that_was_taken_over_is_told_at_once() -> None:
    """Its bulk data is not shown to us: until the next word of its client no peer would know of it."""
    async def run() -> None:
        told: list[Key] = []
        tracker = Tracker(lambda _path: None)
        unused: Any = None
        recorder = Recorder(None, tracker, lambda key, _record: told.append(key), unused, None, unused)
        recorder.start()
        tracker.seed(Record(KEY, Kind.HTTP, 1, 2, 1, Offer(), Offer()))
        await until(lambda: told == [KEY], "it is told")

    asyncio.run(run())
