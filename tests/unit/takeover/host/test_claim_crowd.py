"""A claim of a crowd: who has answered is taken over, however long the connections before take to rebuild."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twinboot.takeover.host.claim import claim as claims
from twinboot.takeover.host.claim import inquiry
from twinboot.takeover.host.claim.claim import Claim
from twinboot.takeover.host.outcome import ClaimOutcome
from twinboot.takeover.host.published.tree import PublishedTree
from twinboot.takeover.logic.probe import Probe
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions
from twinboot.takeover.logic.tcp.segment import ACK, Options, Segment

VIP, CLIENT = IPv4Address("192.168.0.253"), IPv4Address("192.168.0.9")
OFFER = SynOptions(1460, 7, sack=True, timestamps=True)
COUNT = 3000
REBUILD_S, PROBE_S = 0.0015, 0.0001
"""What each takes on a busy machine."""
AT_ONCE = 64


class Machine:
    """A machine whose time goes by with what the claim does; every client answers each probe at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.probes = 100.0, 0
        self.answers: list[ConnectionKey] = []
        self.readable, self._end = os.pipe()
        os.write(self._end, b"\0")
        clock = SimpleNamespace(monotonic=lambda: self.now)
        monkeypatch.setattr(claims, "time", clock)
        monkeypatch.setattr(inquiry, "time", clock)
        monkeypatch.setattr(claims, "ProbeReplies", lambda *_: self)
        monkeypatch.setattr(claims.connection_tracking, "establish", lambda _records: None)
        pause = asyncio.sleep

        async def sleep(seconds: float) -> None:
            self.now += seconds
            await pause(0)

        monkeypatch.setattr(claims.asyncio, "sleep", sleep)

    # The sender ---------------------------------------------------------------------------------

    def probe(self, key: ConnectionKey, _probe: Probe) -> None:
        self.now += PROBE_S
        self.probes += 1
        self.answers.append(key)

    # The replies --------------------------------------------------------------------------------

    def fileno(self) -> int:
        return self.readable

    def read(self) -> Iterator[tuple[ConnectionKey, Segment]]:
        found, self.answers = self.answers[:AT_ONCE], self.answers[AT_ONCE:]
        for key in found:
            yield key, Segment(CLIENT, VIP, key.client_port, 80, 1100, 5000, ACK, 9, Options(), b"", 0)

    # The rebuilt connections --------------------------------------------------------------------

    def take_over(self, _record: ConnectionRecord, _found: object) -> None:
        self.now += REBUILD_S

    def close(self) -> None:
        os.close(self.readable)
        os.close(self._end)


def crowd() -> dict[ConnectionKey, ConnectionRecord]:
    keys = [ConnectionKey(CLIENT, 20_000 + number, VIP, 80) for number in range(COUNT)]
    return {key: ConnectionRecord(key, ConnectionKind.HTTP, 1000, 5000, 1100, OFFER, OFFER) for key in keys}


def test_nobody_is_given_up_whose_answer_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def run() -> ClaimOutcome:
        machine = Machine(monkeypatch)
        fake: Any = machine
        claim = Claim(VIP, "eth0", crowd(), {}, PublishedTree(tmp_path), fake, fake, lambda: True, fake)
        claim._rebuilt = fake
        try:
            return await claim.run()
        finally:
            claim.close()

    outcome = asyncio.run(run())
    assert (outcome.taken_over, outcome.silent) == (COUNT, 0)
    assert outcome.last_s is not None
    assert outcome.first_s is not None
    assert outcome.last_s > inquiry.GIVE_UP_S, "else this test shows nothing"
    assert outcome.first_s < 0.05, "the first does not wait for the last to be asked"
