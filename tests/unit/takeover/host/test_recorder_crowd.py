"""A crowd that connects at once: nobody is let in whose record was not sent, and all are, by and by."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any

import pytest
from agentfakes import until
from segments import SYN_OPTIONS, VIP, frame
from twinboot.takeover.host.capture import recorder as recorders
from twinboot.takeover.host.capture.recorder import ConnectionRecorder
from twinboot.takeover.host.input_hold import InputHold
from twinboot.takeover.host.nftables import NoRules
from twinboot.takeover.logic.record import ConnectionKey
from twinboot.takeover.logic.tcp.segment import SYN, parse_segment
from twinboot.takeover.logic.tracker import ConnectionTracker
from twinboot.wire.ipc.takeover import counters

CLIENT = IPv4Address("192.168.0.9")
PORTS = range(20_000, 20_300)


class Queue:
    """What a socket of the kernel's has for the process."""

    def __init__(self) -> None:
        self.packets: list[Any] = []
        self.lost = 0

    def read(self) -> Iterator[Any]:
        found, self.packets = self.packets, []
        return iter(found)

    def set_addresses(self, _addresses: object) -> None:
        """All are captured."""

    def count_lost(self) -> int:
        lost, self.lost = self.lost, 0
        return lost


class Rig:
    """A recorder whose peers have a record as soon as it is sent."""

    def __init__(self) -> None:
        self.told: set[ConnectionKey] = set()
        self.asked: list[tuple[int, set[ConnectionKey]]] = []
        self.let_in: dict[ConnectionKey, bool] = {}
        self.log, self.capture = Queue(), Queue()
        self.hold = InputHold(NoRules(), self.ask, enabled=True)
        self.hold._release = self.release  # type: ignore[method-assign]
        hooks: Any = SimpleNamespace(client_connects=lambda _key: None)
        capture: Any = self.capture
        log: Any = self.log
        self.recorder = ConnectionRecorder(
            capture, ConnectionTracker(lambda _path: None), lambda key, _record: self.told.add(key),
            self.hold, log, hooks)
        self.recorder.set_addresses({VIP})

    def ask(self, number: int) -> bool:
        asyncio.get_running_loop().call_soon(self.hold.replicated, number)
        return True

    def release(self, packets: list[bytes]) -> None:
        for packet in packets:
            segment = parse_segment(bytes(12) + b"\x08\x00" + packet)
            assert segment is not None
            key = ConnectionKey.of_client(segment)
            self.let_in[key] = key in self.told


def test_nobody_is_let_in_whose_record_was_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records are paced; until that of a connection is sent, its client waits."""
    async def run() -> None:
        rig = Rig()
        rig.log.packets = [frame(CLIENT, port, VIP, 80, seq=1, flags=SYN, options=SYN_OPTIONS)[14:]
                           for port in PORTS]
        rig.recorder.on_packets()
        await until(lambda: len(rig.let_in) == 20, "those of the burst")
        assert len(rig.told) < len(PORTS), "else this test shows nothing"
        await until(lambda: len(rig.let_in) == len(PORTS), "all are let in")
        assert all(rig.let_in.values())
        assert rig.hold.counts()[counters.INPUT_HELD_OVERDUE] == 0
        rig.hold.close()

    monkeypatch.setattr(recorders, "SEND_BURST", 20)
    monkeypatch.setattr(recorders, "SEND_RATE", 1000.0)
    monkeypatch.setattr("twinboot.takeover.logic.input_hold.CROWD_LIMIT_S", 60.0)
    asyncio.run(run())


def test_what_clients_wait_for_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a crowd records wait for their turn: those of answers come after those that hold clients up."""
    async def run() -> None:
        rig = Rig()
        order: list[ConnectionKey] = []
        rig.recorder._send_record = lambda key, _record: order.append(key)
        rig.recorder._tokens = 0.0
        ports = (20_000, 20_001)
        for port in ports:
            segment = parse_segment(frame(CLIENT, port, VIP, 80, seq=1, flags=SYN, options=SYN_OPTIONS))
            assert segment is not None
            rig.recorder.tracker.segment(segment)
        rig.log.packets = [frame(CLIENT, ports[1], VIP, 80, seq=1, flags=SYN, options=SYN_OPTIONS)[14:]]
        rig.recorder.on_packets()
        rig.recorder.flush(everything=True)
        assert [key.client_port for key in order] == [ports[1], ports[0]]
        rig.hold.close()

    monkeypatch.setattr(recorders, "SEND_RATE", 0.0)
    asyncio.run(run())


def test_the_whole_limit_may_connect_at_once() -> None:
    """5,000 SYNs, and then their requests, without a pause: each is told of before it is let in."""
    async def run() -> None:
        rig = Rig()
        for port in range(20_000, 25_000):
            rig.log.packets.append(frame(CLIENT, port, VIP, 80, seq=1, flags=SYN, options=SYN_OPTIONS)[14:])
        rig.recorder.on_packets()
        await until(lambda: len(rig.let_in) == 5000, "all are let in")
        assert all(rig.let_in.values())
        assert rig.recorder.tracker.evicted == 0
        assert all(one.understood for one in rig.recorder.tracker.records())
        rig.hold.close()

    asyncio.run(run())


def test_what_was_lost_is_an_alarm_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        rig = Rig()
        monkeypatch.setattr(recorders, "RECONCILE_EVERY_S", 0.0)
        rig.recorder.tracker.addresses = set()
        task = asyncio.create_task(rig.recorder._reconcile())
        await asyncio.sleep(0)
        assert not rig.recorder.overrun
        rig.capture.lost = 3
        await until(lambda: rig.recorder.overrun == recorders.LOST, "the loss is noticed")
        rig.recorder.tracker._table.evicted += 1
        await until(lambda: recorders.LEFT_OUT in rig.recorder.overrun, "what is beyond the limit, too")
        monkeypatch.setattr(recorders, "OVERRUN_S", 0.0)
        assert not rig.recorder.overrun
        task.cancel()
        rig.hold.close()

    asyncio.run(run())
