"""The machines for the page: all at first, then those that changed."""

from __future__ import annotations

import asyncio
from typing import Any

from twinboot.agent.control.machine_changes import MachineChanges
from twinboot.machines.facts import Facts
from twinboot.machines.record import Order, Step
from twinboot.machines.table import MachineTable
from twinboot.machines.view import LIMITS_S

HOSTS = {name: Facts("rh9", addresses=(f"192.168.0.{at}",), macs=(f"52:54:00:00:00:{at:02x}",))
         for at, name in enumerate(("one", "two", "three"), 10)}  # fmt: skip


class Sharing:
    """Of a site that does not balance by load."""

    def of(self, _name: str) -> dict[str, Any]:
        return {}


class Keeper:
    """As much of a keeper as is asked."""

    def __init__(self) -> None:
        self.time = 0.0
        self.table = MachineTable("server1", lambda: self.time)
        self.table.set_facts(HOSTS)
        self.table.ready = True
        self.sharing = Sharing()

    def silent_s(self, name: str) -> float:
        return self.time - self.table.heard.get(name, 0.0)


def ask(changes: MachineChanges, mark: str = "") -> tuple[str, bool, dict[str, Any]]:
    found = asyncio.run(changes.since(mark))
    return found["mark"], found["whole"], {one["name"]: one for one in found["machines"]}


def test_all_are_told_at_first_and_then_those_that_changed() -> None:
    keeper = Keeper()
    changes = MachineChanges(keeper, "a")  # type: ignore[arg-type]
    mark, whole, found = ask(changes)
    assert (whole, list(found)) == (True, list(HOSTS))
    assert ask(changes, mark) == (mark, False, {})
    keeper.table.order(["two"], Order.LOCAL, 5.0)
    later, whole, found = ask(changes, mark)
    assert (whole, {name: one["state"] for name, one in found.items()}) == (False, {"two": "local"})
    assert ask(changes, later)[2] == {}
    assert list(ask(changes, mark)[2]) == ["two"], "who asks with the older mark is told again"


def test_silence_alone_makes_another_state() -> None:
    keeper = Keeper()
    changes = MachineChanges(keeper, "a")  # type: ignore[arg-type]
    keeper.table.observe("one", Step.LOADER, 1.0)
    mark, _, found = ask(changes)
    assert found["one"]["state"] == "loader"
    keeper.time = LIMITS_S[Step.LOADER] + 1
    mark, _, found = ask(changes, mark)
    assert {name: one["state"] for name, one in found.items()} == {"one": "stalled"}
    assert ask(changes, mark)[2] == {}


def test_another_site_or_another_start_of_the_agent_tells_all() -> None:
    keeper = Keeper()
    changes = MachineChanges(keeper, "a")  # type: ignore[arg-type]
    mark, _, _ = ask(changes)
    keeper.table.set_facts({name: HOSTS[name] for name in ("one", "two")})
    _, whole, found = ask(changes, mark)
    assert (whole, list(found)) == (True, ["one", "two"])
    mark, _, _ = ask(changes)
    keeper.table.ready = False
    assert ask(changes, mark)[1], "what boots depends on it"
    for other in (mark.replace("a", "b", 1), "x", "a-2-", "a-2-x", "-"):
        assert ask(changes, other)[1], other


def test_all_can_be_told_in_pieces_and_what_changes_meanwhile_comes_after_them() -> None:
    keeper = Keeper()
    changes = MachineChanges(keeper, "a")  # type: ignore[arg-type]
    first = asyncio.run(changes.since("", most=2))
    assert (first["whole"], first["more"]) == (True, True)
    keeper.table.order(["one"], Order.LOCAL, 5.0)
    second = asyncio.run(changes.since(first["mark"], most=2))
    assert (second["whole"], second["more"]) == (False, False)
    assert [one["name"] for one in (*first["machines"], *second["machines"])] == list(HOSTS)
    third = asyncio.run(changes.since(second["mark"], most=2))
    assert [(one["name"], one["state"]) for one in third["machines"]] == [("one", "local")]
    keeper.table.set_facts({"three": HOSTS["three"]})
    again = asyncio.run(changes.since(first["mark"], most=2))
    assert (again["whole"], [one["name"] for one in again["machines"]]) == (True, ["three"])
