"""The carrier of a link's interface: only its loss is told, once."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

from agentfakes import until
from twinboot.agent.lan.carriers import CarrierWatch
from twinboot.core.events import Event, LinkCarrierLost


@dataclass
class FakeInterface:
    carrier: bool
    index: int = 3
    mac: bytes = b"\2\0\0\0\0\1"


class FakeAccess:
    def __init__(self) -> None:
        self.up = {"eth1": True, "eth2": False}
        self._ours, self._theirs = socket.socketpair()
        self.closed = False
        self.drained = 0

    def open_link_changes(self) -> FakeAccess:
        return self

    def interface_state(self, interface: str) -> FakeInterface:
        return FakeInterface(self.up[interface])

    def fileno(self) -> int:
        return self._ours.fileno()

    def drain(self) -> None:
        self.drained += len(self._ours.recv(4096))

    def close(self) -> None:
        self.closed = True

    def change(self, **up: bool) -> None:
        self.up |= up
        self._theirs.send(b"!")


def test_the_loss_of_a_carrier_is_told_once() -> None:
    async def run() -> None:
        access, told = FakeAccess(), list[Event]()
        watch = CarrierWatch({"crossover": "eth1", "spare": "eth2"}, access, told.append)
        watch.start()
        try:
            for number, (up, wanted) in enumerate(((False, 1), (False, 1), (True, 1), (False, 2))):
                access.change(eth1=up)
                await until(lambda: access.drained > number, "it looked")  # noqa: B023
                assert told == [LinkCarrierLost("crossover")] * wanted
            access.change(eth2=True)
            access.change(eth2=False, eth1=False)
            await until(lambda: access.drained == 6, "it looked")
        finally:
            watch.close()
        assert access.closed

    asyncio.run(run())


def test_without_links_there_is_nothing_to_watch() -> None:
    access, told = FakeAccess(), list[Event]()
    watch = CarrierWatch({}, access, told.append)
    watch.start()
    watch.close()
    assert not access.closed
