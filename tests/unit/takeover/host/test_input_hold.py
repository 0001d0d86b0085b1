"""What is held and what goes by; packets go into the kernel as they came, with their checksum."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Collection
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segments import CLIENT, VIP, frame
from twinboot.takeover.host.input_hold import InputHold, with_checksum
from twinboot.takeover.host.nftables import NoRules
from twinboot.takeover.logic.tcp.segment import ACK, PSH
from twinboot.wire.ipc.takeover import counters

HTTP = 80


class FakeRules(NoRules):
    """The addresses whose input is held now."""

    def __init__(self) -> None:
        self.on: set[IPv4Address] = set()

    def hold_input(self, addresses: Collection[IPv4Address], *, on: bool) -> None:
        (self.on.update if on else self.on.difference_update)(addresses)


class Rig:
    """An input hold that releases packets to `let_go`, and whose agent receives `asked`."""

    def __init__(self, *, wanted: bool = True) -> None:
        self.filter, self.asked, self.agent = FakeRules(), list[int](), True
        self.input_hold = InputHold(self.filter, self.ask, enabled=wanted)
        self.let_go: list[bytes] = []
        self.input_hold._release = self.let_go.extend  # type: ignore[method-assign]

    def ask(self, number: int) -> bool:
        if number:
            self.asked.append(number)
        return self.agent

    def activate(self) -> None:
        self.input_hold.set_addresses({VIP})
        self.input_hold.renew()

    def say(self) -> None:
        """The filter has thrown a client's word away."""
        packet = frame(CLIENT, 40000, VIP, HTTP, seq=1, flags=ACK | PSH, payload=b"GET")[14:]
        segment = self.input_hold.hold(packet)
        assert segment is not None
        assert segment.payload == b"GET"
        self.input_hold.close_batch()


def run(test: Callable[[], None]) -> None:
    async def inside() -> None:
        test()

    asyncio.run(inside())


def test_what_was_thrown_away_is_held() -> None:
    def test() -> None:
        rig = Rig()
        rig.activate()
        assert rig.filter.on == {VIP}
        rig.say()
        assert (rig.asked, rig.let_go) == ([1], [])
        rig.input_hold.replicated(1)
        assert len(rig.let_go) == 1
        assert rig.input_hold.hold(b"no packet") is None

    run(test)


def test_it_is_never_shut_where_it_is_not_wanted() -> None:
    def test() -> None:
        rig = Rig(wanted=False)
        rig.activate()
        assert not rig.filter.on
        assert rig.input_hold.counts()[counters.INPUT_HOLD_ACTIVE] is False

    run(test)


def test_without_an_agent_it_stands_open() -> None:
    def test() -> None:
        rig = Rig()
        rig.agent = False
        rig.activate()
        assert not rig.filter.on

    run(test)


def test_an_agent_that_goes_away_leaves_nothing_held() -> None:
    def test() -> None:
        rig = Rig()
        rig.activate()
        rig.agent = False
        rig.say()
        assert len(rig.let_go) == 1

    run(test)


def test_it_opens_when_what_it_lets_go_is_never_heeded(
        caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twinboot.takeover.logic.input_hold.UNDELIVERED_S", 0.0)

    def test() -> None:
        rig = Rig()
        rig.activate()
        rig.say()
        rig.input_hold.replicated(1)
        for _ in range(20):
            rig.say()
        assert not rig.filter.on
        assert rig.input_hold.counts()[counters.INPUT_HOLD_ACTIVE] is False

    run(test)
    assert "firewall" in caplog.text


def test_it_is_said_to_be_open_while_others_take_the_rules_away() -> None:
    def test() -> None:
        rig = Rig()
        rig.activate()
        assert rig.input_hold.counts()[counters.INPUT_HOLD_ACTIVE] is True
        rig.filter.fault = "gone"
        rig.input_hold.renew()
        assert rig.input_hold.counts()[counters.INPUT_HOLD_ACTIVE] is False

    run(test)


def test_it_opens_when_the_address_leaves() -> None:
    def test() -> None:
        rig = Rig()
        rig.activate()
        rig.say()
        rig.input_hold.forget_address(VIP)
        assert not rig.filter.on
        rig.input_hold.replicated(1)
        assert rig.let_go == []

    run(test)


def test_who_waits_too_long_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        rig = Rig()
        rig.activate()
        rig.say()
        async with asyncio.timeout(60):
            while not rig.let_go:
                await asyncio.sleep(0.005)
        rig.input_hold.close()

    asyncio.run(test())


@given(st.binary(max_size=60), st.sampled_from((ACK, ACK | PSH)))
def test_the_checksum_is_right(payload: bytes, flags: int) -> None:
    packet = with_checksum(frame(CLIENT, 40000, VIP, HTTP, flags=flags, payload=payload)[14:])
    tcp = packet[20:]
    data = packet[12:20] + bytes((0, socket.IPPROTO_TCP)) + len(tcp).to_bytes(2) + tcp
    data += bytes(len(data) % 2)
    total = sum(int.from_bytes(data[at:at + 2]) for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF, "RFC 1071: the sum over all of it is nothing"
