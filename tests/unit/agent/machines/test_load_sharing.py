"""Two servers share machines by load: decided where a machine's boot files are, shown when both know, and
told."""

from __future__ import annotations

import asyncio
import os
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from keeperworld import Cable, Place, linked, run, until
from twinboot.adapters.steer_links import SteerLinks, Way
from twinboot.agent.machines import orders, sharing
from twinboot.agent.machines.download_monitor import DownloadMonitor
from twinboot.agent.machines.keeper import MachineKeeper
from twinboot.agent.machines.steering import OWED_LIMIT_S, Steering
from twinboot.machines import reports
from twinboot.machines.by_load.least_work import Group, Rules
from twinboot.machines.facts import Facts
from twinboot.replication.node import RowChange, TableReset
from twinboot.takeover.logic.protocols import tftp_download
from twinboot.takeover.logic.protocols.tftp_download import Download
from twinboot.takeover.logic.record import ConnectionKey

HELD = {"first": "server1", "second": "server2"}
HOSTS = {
    f"m{number}": Facts("rh9", "second" if number % 2 else "first", (f"192.168.0.{number}",),
                        (f"52:54:00:00:00:0{number}",))
    for number in range(1, 8)
}  # fmt: skip
GROUPS = {name: Group(1, server) for name, server in HELD.items()}
QUEUE = "DEFAULT again\nSAY This one waits for its turn.\n"


def pair(top: Path, at_once: int = 0) -> tuple[list[Place], Cable]:
    rules = Rules(GROUPS, at_once)
    places = [Place(top, name, HOSTS, rules) for name in ("server1", "server2")]
    for place in places:
        place.holders |= HELD
        queue = place.top / "pub/current/ways/queue"
        queue.mkdir(parents=True)
        (queue / "pxelinux").write_text(QUEUE)
    return places, Cable()


async def two(places: list[Place], cable: Cable) -> list[MachineKeeper]:
    made = [place.keeper(cable, ["peer"]) for place in places]
    await until(lambda: all(one.ready for one in made))
    return made


def link(place: Place, host: str) -> str:
    """Where it leads, without what is always the same."""
    return linked(place.top / "pub/steer" / host).replace("../current/ways/", "")


def hear(keepers: list[MachineKeeper], number: int) -> None:
    """A machine's broadcast, on both servers."""
    for one in keepers:
        one.hear_boot(f"52:54:00:00:00:0{number}", {})


def test_equal_machines_get_their_home_and_others_what_is_left(tmp_path: Path) -> None:
    async def scenario() -> None:
        places, cable = pair(tmp_path)
        made = await two(places, cable)
        await until(lambda: all(link(place, "m1") == "queue" for place in places))
        for number in (1, 2):
            hear(made, number)
        await until(lambda: all(link(place, f"m{n}") == f"install/m{n}" for place in places for n in (1, 2)))
        hear(made, 3)  # its home is second, and both have one
        await until(lambda: all(link(place, "m3") == "install/m3" for place in places))
        hear(made, 5)
        await until(lambda: all(link(place, "m5") == "groups/first/m5" for place in places))
        for one in made:
            found = orders.machine(one, "m5")["machine"]
            assert (found["group"], found["given"]) == ("second", "first")
            told = one.sharing.status()
            assert told is not None
            assert told["running"] == {"first": 2, "second": 2}
            one.close()

    run(scenario())


def test_who_waits_is_told_its_place_and_comes_to_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "_TELL_S", 0.05)

    async def scenario() -> None:
        places, cable = pair(tmp_path, at_once=1)
        made = await two(places, cable)
        for number in (1, 2, 3, 4, 5):
            hear(made, number)
        await until(lambda: link(places[1], "m3") == ".waiting/m3")
        told = places[1].top / "pub/steer/m3/pxelinux"
        await until(lambda: "place 1 of 3, 2 installs run." in told.read_text())
        assert link(places[0], "m3") == "queue", "it asks where its home group is"
        machine = orders.machine(made[0], "m3")["machine"]
        assert (machine["state"], machine["turn"], machine["turns"]) == ("queued", 1, 3)
        token = "?token=0123456789abcdef-1"
        for event in ("start", "done"):
            made[0].table.report(reports.parse(f"/report/m1/{event}{token}"), "192.168.0.1", 0.0)
            made[0].spread()
        await until(lambda: link(places[1], "m3") == "install/m3")
        await until(lambda: "place 1 of 2" in (places[0].top / "pub/steer/m4/pxelinux").read_text())
        for one in made:
            one.close()

    run(scenario())


def test_a_server_that_dies_leaves_what_it_has_given(tmp_path: Path) -> None:
    async def scenario() -> None:
        places, cable = pair(tmp_path)
        made = await two(places, cable)
        hear(made, 1)
        await until(lambda: link(places[0], "m1") == "install/m1")
        made[1].close()
        places[0].holders["second"] = "server1"
        hear(made[:1], 1)
        hear(made[:1], 3)
        await until(lambda: link(places[0], "m3") == "groups/first/m3")
        assert link(places[0], "m1") == "install/m1"
        made[0].close()

    run(scenario())


def test_a_machine_at_a_strange_address_is_known_by_what_it_reads(tmp_path: Path) -> None:
    async def scenario() -> None:
        places, cable = pair(tmp_path)
        made = await two(places, cable)
        key = ConnectionKey(IPv4Address("192.168.7.7"), 2000, IPv4Address("192.168.0.253"), 69)
        record = tftp_download.encode(Download(b"pxelinux.cfg/host.m2", 100, 1))
        DownloadMonitor(made[0]).record(key.packed(), record)
        await until(lambda: link(places[1], "m2") == "install/m2")
        for one in made:
            one.close()

    run(scenario())


def test_a_site_that_no_longer_balances_by_load_steers_as_ever(tmp_path: Path) -> None:
    async def scenario() -> None:
        places, cable = pair(tmp_path)
        made = await two(places, cable)
        await until(lambda: link(places[0], "m1") == "queue")
        made[0].set_facts(HOSTS, None)
        await until(lambda: link(places[0], "m1") == "install/m1")
        assert "given" not in orders.machine(made[0], "m1")["machine"]
        for one in made:
            one.close()

    run(scenario())


def test_what_waits_has_files_of_its_own_that_everybody_may_read(tmp_path: Path) -> None:
    steer, queue = tmp_path / "steer", tmp_path / "current/ways/queue"
    steer.mkdir()
    links = SteerLinks(steer)
    waits = {"one": Way("queue", "place 1 of 1, 2 installs run")}
    links.set(waits)
    assert os.readlink(steer / "one") == "../current/ways/queue", "the site has just changed"
    queue.mkdir(parents=True)
    (queue / "ipxe").write_text(QUEUE)
    before = os.umask(0o077)
    try:
        links.set(waits)
    finally:
        os.umask(before)
    file = steer / "one/ipxe"
    assert "waits for its turn: place 1 of 1, 2 installs run." in file.read_text()
    assert {file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777} == {0o644, 0o755}
    links.keep_only([])
    assert list((steer / ".waiting").iterdir()) == []


def test_a_group_shows_when_peers_know_and_none_is_waited_for_long() -> None:
    now, told, wanted = [0.0], [0], {"one": Way("queue")}
    steering = Steering(
        way=wanted.__getitem__, owes=lambda way: way.folder == "install", head=lambda: 7,
        told=lambda head: told[0] >= head, now=lambda: now[0],
    )  # fmt: skip
    steering.steer(["one"])
    assert steering.take() == {"one": Way("queue")}, "waiting does no harm"
    wanted["one"] = Way("install")
    steering.steer(["one"])
    assert (steering.take(), steering.waits) == ({}, True)
    told[0] = 7
    steering.look()
    assert (steering.take(), steering.waits) == ({"one": Way("install")}, False)
    told[0], wanted["one"] = 0, Way("queue")
    steering.steer(["one"])
    wanted["one"] = Way("install")
    steering.steer(["one"])
    assert steering.take() == {"one": Way("queue")}
    now[0] = OWED_LIMIT_S
    steering.look()
    assert steering.take() == {"one": Way("install")}
    steering.give_back({"one": Way("install")})
    assert steering.has_work


def test_what_peers_send_is_read_with_care(tmp_path: Path) -> None:
    async def scenario() -> None:
        places, cable = pair(tmp_path)
        made = await two(places, cable)
        for value, rate in ((b"4096", 4096), (b"x", None), (b"9" * 40, 999999999999), (None, None)):
            made[0].sharing._peer_sends(RowChange("server2", sharing.TABLE, b"sent", value))
            assert made[0].sharing._rates.get("server2") == rate
        made[0].sharing._peer_sends(TableReset("server2", sharing.TABLE))
        for one in made:
            one.close()
        await asyncio.sleep(0)

    run(scenario())
