"""Figures of machines: each step and each end is counted by one server, and states by all alike."""

from __future__ import annotations

from dataclasses import replace

from twinboot.agent.machines.figures import BOUNDS_S, FigureKeeper, Figures
from twinboot.machines.facts import Facts
from twinboot.machines.record import Order, Record, Step
from twinboot.machines.table import MachineTable
from twinboot.machines.view import LIMITS_S, STATES, state_of

WAY = (Step.WAITING, Step.LOADER, Step.KERNEL, Step.PACKAGES, Step.FINISHING, Step.DONE)


def went(keeper: FigureKeeper, name: str, server: str, seconds: list[float], *, failed: bool = False) -> None:
    """A machine goes its way; seconds: how long at each step."""
    at = 1_000.0
    record = Record(server=server, token="t")
    for step, took in zip(WAY, [0.0, *seconds], strict=True):
        at += took
        record = replace(record, step=step, at=at, failed=failed and step is Step.DONE)
        record = replace(record, step=Step.FINISHING) if record.failed else record
        keeper.note(name, state_of(record, 0.0, Facts("p")), record, known=True)


def test_steps_are_timed_by_the_server_that_hears_of_their_end() -> None:
    mine, other = FigureKeeper("server1"), FigureKeeper("server2")
    for keeper in (mine, other):
        went(keeper, "one", "server1", [5.0, 12.0, 20.5, 400.0, 9.0])
        went(keeper, "two", "server2", [5.0, 12.0, 20.0, 100_000_000.0, 9.0], failed=True)
    table = MachineTable("server1", lambda: 0.0)
    first, second = (keeper.figures(table, 0) for keeper in (mine, other))
    assert (first.ends, second.ends) == ({"done": 1, "failed": 0}, {"done": 0, "failed": 1})
    counts, total = first.steps["packages"]
    assert (sum(counts), total) == (1, 400.0)
    assert counts[BOUNDS_S.index(600)] == 1
    assert first.steps["loader"][1] == 12.0
    assert first.steps["kernel"][1] == 20.5
    assert second.steps["packages"] == ((0,) * (len(BOUNDS_S) + 1), 0.0), "a clock that was set"
    assert sum(second.steps["finishing"][0]) == 0, "it came to no end"


def test_what_is_read_at_the_start_is_no_news() -> None:
    keeper = FigureKeeper("server1")
    keeper.note("one", "done", Record(step=Step.DONE, server="server1", at=5.0), known=False)
    assert sum(keeper.figures(MachineTable("server1", lambda: 0.0), 0).ends.values()) == 0


def test_every_host_is_in_one_state() -> None:
    now = 0.0
    table = MachineTable("server1", lambda: now)
    table.set_facts({name: Facts("rh9") for name in "abcdef"})
    table.load({"a": Record(step=Step.DONE, token="t"), "b": Record(order=Order.LOCAL),
                "c": Record(restored=True), "d": Record(step=Step.PACKAGES, token="t", failed=True),
                "gone": Record(step=Step.DONE, token="t")})
    table.ready = True
    keeper = FigureKeeper("server1")
    found = keeper.figures(table, 3)
    assert found.unknown == 3
    assert tuple(found.states) == STATES
    assert counted(found) == {"done": 1, "local": 1, "restored": 1, "failed": 1, "waiting": 2}
    table.order(["e"], Order.LOCAL, 0.0)
    table.observe("f", Step.LOADER, 1.0)
    assert counted(keeper.figures(table, 3)) == {
        "done": 1, "local": 2, "restored": 1, "failed": 1, "loader": 1}
    now = LIMITS_S[Step.LOADER] + 1.0
    assert counted(keeper.figures(table, 3))["stalled"] == 1, "by its silence alone"
    table.observe("f", Step.KERNEL, now)
    assert counted(keeper.figures(table, 3)) == {
        "done": 1, "local": 2, "restored": 1, "failed": 1, "kernel": 1}
    table.set_facts({name: Facts("rh9") for name in ("a", "f", "new", "gone")})
    assert counted(keeper.figures(table, 3)) == {"done": 2, "kernel": 1, "waiting": 1}, "another site"


def counted(found: Figures) -> dict[str, int]:
    return {state: count for state, count in found.states.items() if count}
