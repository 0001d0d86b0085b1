"""Keepers of machines on two servers: a cable between their replicators, and disks that outlive them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from twinboot.adapters.machine_store import MachineStore
from twinboot.adapters.steer_links import SteerLinks
from twinboot.agent.machines.keeper import MachineKeeper
from twinboot.machines.by_load.least_work import Rules
from twinboot.machines.facts import Facts, encode
from twinboot.replication.node import RowChange, TableReset

HOSTS = {
    "one": Facts("rh9", addresses=("192.168.0.10",), macs=("52:54:00:00:00:01",)),
    "two": Facts("other", addresses=("192.168.0.11",), macs=("52:54:00:00:00:02",)),
}


@dataclass
class Cable:
    """Replication between two keepers, without a network. cut: nothing passes, and nobody acknowledges."""

    rows: dict[str, dict[tuple[str, bytes], bytes]] = field(default_factory=dict)
    handlers: dict[tuple[str, str], Callable[[TableReset | RowChange], None]] = field(default_factory=dict)
    cut: bool = False
    not_heard: set[str] = field(default_factory=set)


class End:
    """One server's replicator."""

    def __init__(self, name: str, cable: Cable) -> None:
        self.name, self.cable = name, cable
        cable.rows[name] = {}

    def put(self, table: str, key: bytes, value: bytes) -> bool:
        self.cable.rows[self.name][table, key] = value
        if not self.cable.cut:
            for (other, wanted), handler in list(self.cable.handlers.items()):
                if other != self.name and wanted == table:
                    handler(RowChange(self.name, table, key, value))
        return True

    def remove(self, table: str, key: bytes) -> None:
        self.cable.rows[self.name].pop((table, key), None)

    def subscribe(self, table: str, handler: Callable[[TableReset | RowChange], None]) -> None:
        self.cable.handlers[self.name, table] = handler
        for other, rows in self.cable.rows.items():
            for (of, key), value in rows.items():
                if other != self.name and of == table:
                    asyncio.get_running_loop().call_soon(handler, RowChange(other, table, key, value))

    def head(self, table: str) -> int:
        return len(self.cable.rows[self.name])

    def has(self, table: str, upto: int, *, without: Collection[str] = ()) -> bool:
        return not self.cable.cut or "peer" in without

    def hurry(self, table: str) -> None:
        """All is told at once here."""

    def unheard(self, table: str) -> set[str]:
        return self.cable.not_heard

    def complete(self, peer: str, table: str) -> bool:
        return not self.cable.cut


class Place:
    """A server's disk: what outlives its agent."""

    def __init__(
        self, top: Path, name: str, hosts: Mapping[str, Facts] = HOSTS, rules: Rules | None = None
    ) -> None:
        self.name, self.top = name, top / name
        (self.top / "pub/steer").mkdir(parents=True)
        self.facts = self.top / "machines.json"
        self.facts.write_text(encode(hosts, rules))
        self.holders: dict[str, str] = {}

    def keeper(self, cable: Cable, peers: list[str]) -> MachineKeeper:
        made = MachineKeeper(
            self.name, End(self.name, cable), MachineStore(self.top / "machines.sqlite"),
            SteerLinks(self.top / "pub/steer"), now=asyncio.get_running_loop().time, live_peers=lambda: peers,
            holders=lambda: self.holders,
        )  # fmt: skip
        made.start(self.facts)
        return made

    def boots(self, host: str) -> str:
        return linked(self.top / "pub/steer" / host).rpartition("ways/")[2].partition("/")[0]


def linked(link: Path) -> str:
    """Where a symbolic link leads; "" when there is none, or none any more: it may go while it is read."""
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return ""


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


def run(scenario: Awaitable[None]) -> None:
    async def whole() -> None:
        await scenario

    asyncio.run(whole())
