"""The files that a machine has fetched: told by every server of all of them, once each, bounded."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from keeperworld import Cable, End, Place
from twinboot.agent.machines import fetches, orders
from twinboot.agent.machines.fetches import Fetches


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_server_tells_what_all_of_them_gave_once() -> None:
    clock, cable = Clock(), Cable()
    one, two = (Fetches(name, End(name, cable), clock) for name in ("server1", "server2"))
    for _ in range(3):
        one.note("cli1", "pxelinux.0")
        clock.now += 1
    two.note("cli1", "/trees/rh9/vmlinuz\x1b[2J\n")
    clock.now += fetches.SAME_S
    one.note("cli1", "pxelinux.0")
    for each in (one, two):
        told = [(round(one["at"]), one["server"], one["path"]) for one in each.of("cli1")]
        assert [one[:2] for one in told] == [(100, "server1"), (103, "server2"), (163, "server1")]
        assert "\x1b" not in told[1][2]
    assert one.of("cli2") == []


def test_there_is_a_bound_on_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetches, "MAX_HOSTS", 3)
    clock, cable = Clock(), Cable()
    one, two = (Fetches(name, End(name, cable), clock) for name in ("server1", "server2"))
    for number in range(6):
        for file in range(40):
            clock.now += 5
            one.note(f"cli{number}", f"{file}{'x' * 1000}")
    for each in (one, two):
        assert [len(each.of(f"cli{number}")) for number in range(6)] == [0, 0, 0] + [fetches.MAX_FILES] * 3
    assert len(one._last) == 3 * fetches.MAX_FILES
    assert all(len(value) <= 1000 for value in cable.rows["server1"].values())
    before = one.of("cli5")
    for file in range(100):
        one.note("cli5", f"a flood {file}")
    assert len(set(map(str, one.of("cli5"))) - set(map(str, before))) <= fetches.MAX_FILES
    assert len(one._last) == 3 * fetches.MAX_FILES
    two._peers["server1"]["cli9"] = fetches._decoded(b"broken")
    assert two.of("cli9") == []


def test_a_download_is_a_part_of_the_story_of_its_machine(tmp_path: Path) -> None:
    async def play() -> None:
        place, cable = Place(tmp_path, "server1"), Cable()
        keeper = place.keeper(cable, [])
        try:
            keeper.start(place.facts)
            keeper.hear_fetch("192.168.0.10", "grub/shim.efi")
            keeper.hear_fetch("192.168.0.99", "grub/shim.efi")
            told = orders.machine(keeper, "one")["machine"]
            assert [(one["server"], one["path"]) for one in told["files"]] == [("server1", "grub/shim.efi")]
        finally:
            keeper.close()

    asyncio.run(play())
