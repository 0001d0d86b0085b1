"""`install --now`: ordered and kept first, restarted then; who is left out; what other servers read of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from twinboot.agent.machines import keeper as keepers
from twinboot.agent.machines.keeper import MachineKeeper
from twinboot.agent.power.asked import PowerDesk
from twinboot.machines.facts import Facts, encode
from twinboot.machines.record import Order, Step
from twinboot.machines.reports import Event, Report
from twinboot.power.logic import targets
from twinboot.power.logic.targets import Target, Targets

NAMES = ("one", "two", "bare")
HOSTS = {
    name: Facts("rh9", addresses=(f"10.0.0.{at}",), macs=(f"52:54:00:00:00:0{at}",))
    for at, name in enumerate(NAMES, 1)
}
Told = tuple[dict[str, Any], dict[str, str]]
"""A reply, and what became of each host."""
TOKEN = "0" * 64


class Alone:
    """A replicator without peers; or, cut, one whose peer acknowledges nothing."""

    cut = False

    def put(self, table: str, key: bytes, value: bytes) -> bool:
        return True

    def subscribe(self, table: str, handler: object) -> None: ...

    def head(self, table: str) -> int:
        return 0

    def has(self, table: str, upto: int, *, without: Collection[str] = ()) -> bool:
        return not self.cut

    def unheard(self, table: str) -> set[str]:
        return set()

    def complete(self, peer: str, table: str) -> bool:
        return True

    def hurry(self, table: str) -> None: ...


class Nowhere:
    """Disk and links."""

    def read(self) -> dict[str, bytes]:
        return {}

    def write(self, records: Mapping[str, bytes]) -> None: ...
    def set(self, installs: Mapping[str, bool]) -> None: ...
    def keep_only(self, hosts: Iterable[str]) -> None: ...
    def close(self) -> None: ...


class Bmcs:
    """The process on its socket. said: by host what it answers; asked: in turn."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.said: dict[str, dict[str, Any]] = {}
        self.before_answer: Callable[[], None] = lambda: None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = json.loads(await reader.readline())
        self.asked.append(question)
        self.before_answer()
        answer = self.said.get(question["host"], {"ok": True, "said": "restarted"})
        writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()


class Place:
    def __init__(self, keeper: MachineKeeper, desk: PowerDesk, bmcs: Bmcs, replicator: Alone) -> None:
        self.keeper, self.desk, self.bmcs, self.replicator = keeper, desk, bmcs, replicator

    async def install(self, *hosts: str, force: bool = False) -> Told:
        request = {"hosts": list(hosts), "profile": "", "force": force}
        return await self._ended(await self.desk.answer("order-now", request))

    async def power(self, do: str, host: str, *, force: bool = False) -> Told:
        return await self._ended(await self.desk.answer("power", {"do": do, "hosts": [host], "force": force}))

    async def _ended(self, reply: dict[str, Any]) -> Told:
        if not reply["ok"]:
            return reply, {}
        async with asyncio.timeout(60):
            while True:
                seen = await self.desk.answer("power-job", {"job": str(reply["job"]), "after": "0"})
                if not seen["left"]:
                    break
                await asyncio.sleep(0.002)
        told = [*reply.get("outcomes", ()), *seen["outcomes"]]
        return reply, {one["host"]: ("" if one["ok"] else "FAILED ") + one["said"] for one in told}

    def words(self, host: str) -> str:
        return self.keeper.table.of(host).words


def run(tmp_path: Path, scenario: Callable[[Place], Awaitable[None]]) -> None:
    async def whole() -> None:
        (tmp_path / "machines.json").write_text(encode(HOSTS))
        known = {name: Target("toy", f"bmc-{name}", "u", "f") for name in ("one", "two")}
        (tmp_path / "power.json").write_text(targets.encode(Targets(known, 0.0)))
        replicator, now = Alone(), asyncio.get_running_loop().time
        keeper = MachineKeeper(
            "server1", replicator, Nowhere(), Nowhere(), now=now, live_peers=lambda: ["peer"])
        keeper.start(tmp_path / "machines.json")
        bmcs = Bmcs()
        server = await asyncio.start_unix_server(bmcs.serve, tmp_path / "power.sock")
        desk = PowerDesk("server1", keeper, tmp_path / "power.json", tmp_path / "power.sock", now)
        try:
            async with asyncio.timeout(60):
                while not keeper.ready:
                    await asyncio.sleep(0.005)
                await scenario(Place(keeper, desk, bmcs, replicator))
        finally:
            desk.close()
            server.close()
            keeper.close()

    asyncio.run(whole())


def test_it_is_ordered_and_kept_before_anything_is_restarted(tmp_path: Path) -> None:
    async def scenario(place: Place) -> None:
        table = place.keeper.table
        place.keeper.hear_boot("52:54:00:00:00:01", firmware="uefi", sure=True)
        await place.desk.answer("order-now", {"hosts": ["nobody"]})
        assert place.bmcs.asked == []
        table.order(["one"], Order.LOCAL, 1.0)
        seen: list[tuple[int, Order, str]] = []
        place.bmcs.before_answer = lambda: seen.append(
            (table.of("one").epoch, table.of("one").order, place.words("one")))
        reply, outcomes = await place.install("one", force=True)
        assert outcomes == {"one": "restarted"}
        assert "1 to be installed" in reply["message"]
        assert place.bmcs.asked == [{"do": "network", "host": "one", "firmware": "uefi"}], "as it was heard"
        words = "server1 was asked to restart it, and has not said yet that it did"
        assert seen == [(2, Order.INSTALL, words)], "a server that dies now leaves it so"
        assert place.words("one") == "server1: restarted"

    run(tmp_path, scenario)


def test_nothing_is_restarted_when_the_order_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keepers, "KEPT_S", 0.05)

    async def scenario(place: Place) -> None:
        place.replicator.cut = True
        reply, _ = await place.install("one", "two")
        assert not reply["ok"]
        assert "nothing was restarted" in reply["error"]
        place.keeper.table.ready = False
        assert not (await place.install("one"))[0]["ok"]
        assert place.bmcs.asked == []

    run(tmp_path, scenario)


def test_a_failure_is_one_hosts_own_and_all_servers_read_of_it(tmp_path: Path) -> None:
    async def scenario(place: Place) -> None:
        place.bmcs.said["one"] = {"ok": False, "said": "wrong password", "reason": "password"}
        _, outcomes = await place.install("one", "two", "bare")
        assert outcomes["one"] == "FAILED wrong password"
        assert outcomes["two"] == "restarted"
        assert outcomes["bare"].startswith("FAILED the site file names no BMC")
        assert place.words("one") == "not restarted: wrong password"
        assert "by hand" in place.words("bare")
        assert all(place.keeper.table.waits(name) for name in NAMES), "what was ordered stands"

    run(tmp_path, scenario)


def test_one_that_is_being_installed_is_left_alone(tmp_path: Path) -> None:
    async def scenario(place: Place) -> None:
        table = place.keeper.table
        table.report(Report("one", Event.START, TOKEN), "10.0.0.1", 1.0)
        table.observe("two", Step.KERNEL, 1.0)
        before = {name: table.of(name) for name in ("one", "two")}
        reply, outcomes = await place.install("one", "two")
        assert reply["message"] == "nothing was ordered"
        assert "being installed (packages)" in outcomes["one"]
        assert "being installed (kernel)" in outcomes["two"]
        assert {name: table.of(name) for name in before} == before, "its install goes on"
        for action in ("off", "cycle"):
            _, outcomes = await place.power(action, "one")
            assert "being installed" in outcomes["one"]
        assert place.bmcs.asked == []
        assert (await place.power("status", "one"))[1] == {"one": "restarted"}
        _, outcomes = await place.install("one", force=True)
        assert outcomes == {"one": "restarted"}
        assert table.of("one").epoch == before["one"].epoch + 1
        assert [one["do"] for one in place.bmcs.asked] == ["status", "network"]

    run(tmp_path, scenario)


def test_what_is_taken_back_meanwhile_is_not_restarted(tmp_path: Path) -> None:
    async def scenario(place: Place) -> None:
        (tmp_path / "power.json").write_text(
            targets.encode(Targets({name: Target("toy", name, "u", "f") for name in ("one", "two")}, 0.2)))
        place.bmcs.before_answer = lambda: place.keeper.table.order(["two"], Order.LOCAL, 2.0) and None
        _, outcomes = await place.install("one", "two")
        assert outcomes["one"] == "restarted"
        assert outcomes["two"].startswith("FAILED it has another order by now")
        assert [one["host"] for one in place.bmcs.asked] == ["one"]

    run(tmp_path, scenario)


def test_bad_requests(tmp_path: Path) -> None:
    async def scenario(place: Place) -> None:
        for command, request in (
            ("power", {"do": "explode", "hosts": ["one"]}), ("power", {"do": "network", "hosts": ["one"]}),
            ("power", {"do": "on", "hosts": ["bare"]}), ("power", {"do": "on", "hosts": ["nobody"]}),
            ("power", {"do": "on", "hosts": []}), ("power-job", {"job": "77"}), ("power-job", {"job": "x"}),
            ("power-job", {"job": None}),
        ):  # fmt: skip
            reply = await place.desk.answer(command, request)
            assert not reply["ok"], (command, request)
            assert reply["error"]
        (tmp_path / "power.json").write_text("broken")
        assert not (await place.desk.answer("power", {"do": "on", "hosts": ["one"]}))["ok"]
        (tmp_path / "power.json").unlink()
        assert not (await place.desk.answer("power", {"do": "on", "hosts": ["one"]}))["ok"]
        assert place.bmcs.asked == []

    run(tmp_path, scenario)
