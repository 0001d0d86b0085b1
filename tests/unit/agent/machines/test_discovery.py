"""Two servers' lists of machines without an entry: heard by either, known to both, kept, bounded."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from twinboot.adapters.statefile import StateFile
from twinboot.agent.machines.discovery import MAX_ROWS, SAVE_EVERY_S, TABLE, TELL_EVERY_S, Discovery
from twinboot.agent.machines.report_listener import ReportListener
from twinboot.machines.unknown_machines import FORGET_AFTER_S, MAX_BYTES, MAX_UNKNOWN_MACHINES
from twinboot.replication.node import PeerStatus, ReplicationNode, RowChange, TableReset

MAC, UUID = "52:54:00:00:00:09", "564d2c3a-9f1b-4c57-8e0d-2f6a7b8c9d10"
SAID = {60: b"PXEClient:Arch:00007", 93: b"\0\7", 97: bytes(1) + uuid.UUID(UUID).bytes_le}


class World:
    """Servers with replication's own nodes between them, in virtual time."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.now, self.known, self.folder = 1000.0, dict[str, str](), folder
        self.nodes: dict[str, ReplicationNode] = {}
        self.handlers: dict[str, Callable[[TableReset | RowChange], None]] = {}
        self.servers: dict[str, Discovery] = {}
        self.packets = self.boots = 0
        for name in names:
            self.start(name)

    def start(self, name: str) -> Discovery:
        """A server's sidecar begins; its peers hear a new boot of it."""
        self.boots += 1
        self.nodes[name] = ReplicationNode(name, self.boots, {TABLE: MAX_ROWS})
        boots = {one: PeerStatus(node._boot, alive=True) for one, node in self.nodes.items()}
        for one, node in self.nodes.items():
            node.set_peers({peer: status for peer, status in boots.items() if peer != one}, self.now)
        file = StateFile(self.folder / f"{name}.jsonl", MAX_BYTES)
        end = End(self, name)
        self.servers[name] = Discovery(name, end, file, lambda: self.known, wall=lambda: self.now)
        return self.servers[name]

    def stop(self, name: str) -> None:
        self.servers.pop(name).close()
        del self.nodes[name], self.handlers[name]

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += TELL_EVERY_S
            for server in self.servers.values():
                server.spread()
            for _ in range(4):
                for node in list(self.nodes.values()):
                    for out in node.outgoing(self.now + 0.01):
                        self.packets += 1
                        if out.peer in self.nodes:
                            for news in self.nodes[out.peer].receive(out.packet, self.now):
                                self.handlers[out.peer](news)

    def macs(self, name: str) -> list[str]:
        return [row["mac"] for row in self.servers[name].rows()]

    def row(self, name: str) -> dict[str, Any]:
        (found,) = self.servers[name].rows()
        return found


class End:
    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name

    def put(self, table: str, key: bytes, value: bytes) -> bool:
        self.world.nodes[self.name].put(table, key, value, self.world.now)
        return True

    def remove(self, table: str, key: bytes) -> None:
        self.world.nodes[self.name].remove(table, key, self.world.now)

    def subscribe(self, _table: str, handler: Callable[[TableReset | RowChange], None]) -> None:
        self.world.handlers[self.name] = handler


def test_what_one_server_hears_both_list_and_its_death_takes_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = World(tmp_path, "one", "two")
        one = world.servers["one"]
        listener = ReportListener(object(), lambda: world.now, one.record_inventory)  # type: ignore[arg-type]
        refused = await listener.answer("GET", f"/report/inventory?mac={MAC}&serial=S1", "192.168.0.161")
        assert refused.startswith("no "), "it has not asked by DHCP"
        told_of: list[str] = []
        world.servers["two"].changed = lambda machine: told_of.append(machine.mac)
        one.hear(MAC, SAID, IPv4Address("10.8.0.1"))
        target = f"/report/inventory?mac={MAC}&serial=S1%1b[2J&maker=Dell&product=R640"
        assert await listener.answer("GET", target, "192.168.0.161") == "ok"
        world.run(1.0)
        for name in ("one", "two"):
            row = world.row(name)
            assert row["uuid"] == UUID
            assert (row["serial"], row["maker"], row["product"]) == ("S1", "Dell", "R640")
            assert (row["relay"], row["servers"], row["asked"]) == ("10.8.0.1", ["one"], 1)
            assert "x64" in row["firmware"]
        assert set(told_of) == {MAC}, "webhooks hear of it on the other server, too"
        world.servers["two"].hear(MAC, {93: b"\0\0", 175: b""})
        world.run(1.0)
        assert world.row("one") == world.row("two")
        assert world.row("one")["servers"] == ["one", "two"]
        assert world.row("one")["serial"] == "S1", "another loader that says less takes nothing away"
        before = world.packets
        world.run(5.0)
        assert world.packets == before, "nothing is said twice"

        world.stop("one")
        world.run(1.0)
        assert world.macs("two") == [MAC]
        (tmp_path / "one.jsonl").unlink()
        world.start("one")
        world.run(2.0)
        assert world.macs("one") == [MAC], "its peer tells it again"
        world.known[MAC] = "web1"
        for server in world.servers.values():
            server.site_changed()
        world.run(1.0)
        assert world.macs("one") == world.macs("two") == []
        for name in ("one", "two"):
            world.stop(name)

    asyncio.run(scenario())


def test_a_server_alone_knows_them_after_its_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = World(tmp_path, "one")
        world.servers["one"].hear(MAC, SAID)
        world.run(SAVE_EVERY_S + 1)
        world.stop("one")
        again = world.start("one")
        again.start()
        async with asyncio.timeout(60):
            while not again.rows():
                await asyncio.sleep(0.005)
        assert world.row("one")["uuid"] == UUID
        world.stop("one")
        (tmp_path / "one.jsonl").write_text("nonsense\n")
        third = world.start("one")
        third.start()
        third._worker.close(5.0)
        await asyncio.sleep(0)
        assert third.rows() == [], "a broken file is no reason to fail"

    asyncio.run(scenario())


def test_a_host_that_is_known_by_its_uuid_is_neither_listed_nor_counted(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = World(tmp_path, "one")
        server = world.servers["one"]
        server.hear(MAC, SAID)
        assert (len(server.rows()), server.known()) == (1, 1)
        listed, server._table.listed = server._table.listed, None  # type: ignore[method-assign, assignment]
        assert server.known() == 1, "nothing has changed: nobody looks at four thousand of them each second"
        server._table.listed = listed  # type: ignore[method-assign]
        world.now += FORGET_AFTER_S + 1
        assert server.known() == 0
        server.hear(MAC, SAID)
        assert server.known() == 1
        server._host_of_uuid = {UUID: "cli129"}.get
        server.site_changed()
        assert (server.rows(), server.known()) == ([], 0)
        world.stop("one")

    asyncio.run(scenario())


def test_ten_thousand_in_a_minute_are_bounded_on_both(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = World(tmp_path, "one", "two")
        began = time.process_time()
        names = ("one", "two")
        for number in range(10_000):
            mac = "52:55:" + ":".join(f"{octet:02x}" for octet in number.to_bytes(4, "big"))
            for name in names:
                world.servers[name].hear(mac, SAID)
            if number % 40 == 0:
                for name in names:
                    world.servers[name].hear(MAC, SAID)
                world.run(TELL_EVERY_S)
        assert time.process_time() - began < 60, "a bounded part of a minute, both servers together"
        world.run(2.0)
        assert world.macs("one")[0] == world.macs("two")[0] == mac
        for name in ("one", "two"):
            assert len(world.macs(name)) == MAX_UNKNOWN_MACHINES
            assert MAC in world.macs(name), "who asks again stays"
            assert world.nodes[name].size(TABLE) == MAX_UNKNOWN_MACHINES
        for name in ("one", "two"):
            world.stop(name)

    asyncio.run(scenario())
