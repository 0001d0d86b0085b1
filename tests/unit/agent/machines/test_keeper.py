"""Two servers' keepers with real databases and links: answers only when kept, links on both, restarts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

from keeperworld import HOSTS, Cable, Place, run, until
from twinboot.agent.machines import keeper as keepers
from twinboot.agent.machines import orders
from twinboot.agent.machines.download_monitor import DownloadMonitor
from twinboot.agent.machines.report_listener import BURST, Rates, ReportListener
from twinboot.errors import ResourceError
from twinboot.machines.facts import encode
from twinboot.machines.record import Order
from twinboot.takeover.logic.protocols import tftp_download
from twinboot.takeover.logic.protocols.tftp_download import Download
from twinboot.takeover.logic.record import ConnectionKey

UUID, OTHER_ORDER = "564d2c3a-9f1b-4c57-8e0d-2f6a7b8c9d10", "3a2c4d56-1b9f-574c-8e0d-2f6a7b8c9d10"
TOKEN = "?token=0123456789abcdef-1"


async def ask(listener: ReportListener, event: str, address: str = "192.168.0.10", token: str = TOKEN) -> str:
    return (await listener.answer("GET", f"/report/one/{event}{token}", address)).split()[0]


def test_an_install_is_told_to_both_and_happens_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        cable, places = Cable(), [Place(tmp_path, "server1"), Place(tmp_path, "server2")]
        one, two = (place.keeper(cable, ["peer"]) for place in places)
        told_of: list[tuple[str, str]] = []
        two.came_to = lambda name, state, _record: told_of.append((name, state))
        await until(lambda: one.ready and two.ready)
        await until(lambda: all(place.boots("one") == "install" for place in places))
        listener = ReportListener(one, lambda: 0.0)
        assert await ask(listener, "start", "192.168.0.11") == "no"
        assert await ask(listener, "start") == "go"
        await until(lambda: all(place.boots("one") == "local" for place in places))
        assert await ask(ReportListener(two, lambda: 0.0), "done") == "ok"
        assert await ask(listener, "start", token="?token=another-token-000") == "no"
        for made in (one, two):
            told = orders.machine(made, "one")["machine"]
            assert [change["state"] for change in told["state_history"]] == ["packages", "done"]
        assert not orders.machine(one, "nobody")["ok"]
        assert told_of == [("one", "packages"), ("one", "done")], "webhooks hear of it, whoever was told"
        for made in (one, two):
            made.close()
        # both start anew, one after the other and alone
        for place in places:
            again = place.keeper(Cable(), [])
            told_of.clear()
            again.came_to = lambda name, state, _record: told_of.append((name, state))
            await until(lambda keeper=again: keeper.disk.loaded)  # type: ignore[misc]
            assert told_of == [("one", "done")], "and of what the disk tells"
            again.table.ready = True
            assert again.table.of("one").done
            assert again.table.offered("one") is Order.LOCAL
            assert again.table.offered("two") is Order.INSTALL
            again.close()

    run(scenario())


def test_nothing_is_promised_that_the_peer_lacks(tmp_path: Path, monkeypatch: object) -> None:
    async def scenario() -> None:
        keepers.KEPT_S, before = 0.1, keepers.KEPT_S
        cable, place = Cable(), Place(tmp_path, "server1")
        made = place.keeper(cable, ["peer"])
        await until(lambda: made.ready)
        listener = ReportListener(made, lambda: 0.0)
        cable.cut = True
        try:
            assert await ask(listener, "start") == "wait"
            assert (await orders.order(made, {"order": "local", "hosts": ["two"]}))["ok"] is False
            cable.cut = False
            assert await ask(listener, "start") == "go", "the same one asks again"
        finally:
            keepers.KEPT_S = before
            made.close()

    run(scenario())


def test_an_older_peer_that_knows_no_machines_is_not_waited_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        keepers.UNHEARD_S, before = 0.2, keepers.UNHEARD_S
        keepers.ALONE_S, alone = 0.1, keepers.ALONE_S
        cable, place = Cable(not_heard={"peer"}), Place(tmp_path, "server1")
        cable.cut = True
        made = place.keeper(cable, ["peer"])
        try:
            await until(lambda: made.ready)
            assert await ask(ReportListener(made, lambda: 0.0), "start") == "go"
        finally:
            keepers.UNHEARD_S, keepers.ALONE_S = before, alone
            made.close()

    run(scenario())


def test_a_disk_that_cannot_be_written_promises_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        keepers.KEPT_S, before = 0.2, keepers.KEPT_S
        cable, place = Cable(), Place(tmp_path, "server1")
        made = place.keeper(cable, [])
        try:
            await until(lambda: made.disk.loaded)
            made.table.ready = True
            made.disk._store.write = _full  # type: ignore[method-assign]
            assert await ask(ReportListener(made, lambda: 0.0), "start") == "wait"
            assert [one.code for one in made.alarm_conditions("server1")] == ["machines-not-kept"]
        finally:
            keepers.KEPT_S = before
            made.close()

    run(scenario())


def _full(_records: object) -> None:
    raise ResourceError("machines.sqlite", "no space left")


def test_orders(tmp_path: Path) -> None:
    async def scenario() -> None:
        cable, place = Cable(), Place(tmp_path, "server1")
        made = place.keeper(cable, ["peer"])
        await until(lambda: made.ready)
        unknown = await orders.order(made, {"order": "install", "hosts": ["one", "nobody"]})
        assert not unknown["ok"]
        assert "nobody" in unknown["error"]
        told = await orders.order(made, {"order": "local", "profile": "rh9"})
        assert told["told"] == ["one"]
        await until(lambda: place.boots("one") == "local")
        states = {one["name"]: one["state"] for one in (await orders.machines(made))["machines"]}
        assert states == {"one": "local", "two": "waiting"}
        assert (await orders.order(made, {"order": "install", "hosts": ["one"]}))["told"] == ["one"]
        await until(lambda: place.boots("one") == "install")
        assert made.hear_boot("52:54:00:00:00:01")
        assert not made.hear_boot("52:54:00:00:00:99", OTHER_ORDER), "no host of the site"
        made.set_facts({**HOSTS, "two": replace(HOSTS["two"], uuid=UUID)})
        assert made.hear_boot("52:54:00:00:00:99", UUID), "by a card that its entry does not name"
        assert made.hear_boot("52:54:00:00:00:99", OTHER_ORDER)
        assert not made.hear_boot("52:54:00:00:00:99")
        assert (await orders.machines(made))["machines"][0]["state"] == "loader"
        made.close()

    run(scenario())


def test_downloads_show_how_far_a_machine_is(tmp_path: Path) -> None:
    def tftp(path: bytes) -> tuple[bytes, bytes]:
        key = ConnectionKey(IPv4Address("192.168.0.10"), 2000, IPv4Address("192.168.0.253"), 69)
        return key.packed(), tftp_download.encode(Download(path, 100, 1))

    async def scenario() -> None:
        place = Place(tmp_path, "server1")
        one = replace(HOSTS["one"], kernels=("trees/rh9/vmlinuz",))
        place.facts.write_text(encode({**HOSTS, "one": one}))
        made = place.keeper(Cable(), ["peer"])
        await until(lambda: made.ready)
        watch = DownloadMonitor(made)

        async def state() -> str:
            return str((await orders.machines(made))["machines"][0]["state"])

        watch.record(*tftp(b"trees/rh9/other"))
        assert await state() == "waiting"
        for path, wanted in (
            (b"pxelinux.0", "loader"), (b"/pxelinux.cfg/01-52", "loader"), (b"trees/rh9/vmlinuz", "kernel"),
            (b"pxelinux.0", "kernel"), (b"/ks/one.ks", "answers"),
        ):  # fmt: skip
            watch.record(*tftp(path))
            assert await state() == wanted
        watch.record(b"x", b"y")
        watch.record(tftp(b"a")[0], b"no record")
        assert await ask(ReportListener(made, lambda: 0.0), "start") == "go"
        watch.record(*tftp(b"pxelinux.0"))
        assert await state() == "packages", "it has begun, and its loader says nothing of that"
        made.close()

    run(scenario())


def test_a_host_that_leaves_the_site_loses_its_link(tmp_path: Path) -> None:
    async def scenario() -> None:
        cable, place = Cable(), Place(tmp_path, "server1")
        made = place.keeper(cable, ["peer"])
        await until(lambda: place.boots("two") == "install")
        place.facts.write_text(encode({"one": HOSTS["one"]}))
        made.set_facts(*keepers.facts_at(place.facts))
        await until(lambda: place.boots("two") == "")
        assert place.boots("one") == "install"
        place.facts.write_text("broken")
        made.set_facts(*keepers.facts_at(place.facts))
        assert list(made.table.facts) == ["one"], "what is known stays"
        made.close()

    run(scenario())


def test_one_address_cannot_ask_without_end() -> None:
    rates = Rates()
    assert sum(rates.take("192.168.0.10", 0.0) for _ in range(100)) == BURST
    assert rates.take("192.168.0.11", 0.0)
    assert rates.take("192.168.0.10", 1.0)
    for number in range(10_000):
        rates.take(str(number), 2.0)
    assert len(rates._left) <= 4096


def test_how_far_installs_are_is_written_together_and_nothing_is_lost_at_the_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        place = Place(tmp_path, "server1")
        made = place.keeper(Cable(), ["peer"])
        await until(lambda: made.ready)
        listener = ReportListener(made, made._now)
        assert await ask(listener, "start") == "go", "what is promised is written at once"
        await until(lambda: place.boots("one") == "local")
        writes: list[object] = []
        real = made.disk._store.write

        def counted(records: Mapping[str, bytes]) -> None:
            writes.append(records)
            real(records)

        made.disk._store.write = counted  # type: ignore[method-assign]
        for number in range(BURST - 1):
            assert await ask(listener, "progress", token=f"{TOKEN}&n={number}") == "ok"
        made.close()
        assert len(writes) <= 2
        again = place.keeper(Cable(), [])
        await until(lambda: again.disk.loaded)
        assert again.table.of("one").number == BURST - 2
        again.close()

    run(scenario())
