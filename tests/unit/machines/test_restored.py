"""Machines after a restore: what was to be installed waits for somebody's word; what peers know counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from twinboot.machines import life
from twinboot.machines.facts import Facts
from twinboot.machines.life import Observation
from twinboot.machines.record import Order, Record, Step, decode, encode, merged
from twinboot.machines.restored import after_restore
from twinboot.machines.table import MachineTable
from twinboot.machines.view import state_of

HOSTS = {name: Facts("rh9", macs=(f"52:54:00:00:00:0{n}",)) for n, name in enumerate("abcd")}
NEWS = Observation(1.0, "server2")
DONE = Record(epoch=1, step=Step.DONE, token="t")
WAITING = Record(epoch=2, profile="rh9", macs=HOSTS["b"].macs)
RUNNING = Record(step=Step.PACKAGES, token="t")
BACKUP = {"a": DONE, "b": WAITING, "c": RUNNING, "gone": Record()}


def table_of(records: dict[str, Record]) -> MachineTable:
    made = MachineTable("server1", lambda: 0.0)
    made.set_facts(HOSTS)
    made.load(records)
    made.take_changed()
    made.ready = True
    return made


def restored_table() -> MachineTable:
    records, waiting = after_restore(BACKUP, HOSTS)
    assert waiting == ("b", "c", "d"), "with those that had no record yet"
    return table_of({name: decode(encode(record)) for name, record in records.items()})


def test_nobody_is_installed_again() -> None:
    table = restored_table()
    assert {name: table.offered(name) for name in HOSTS} == dict.fromkeys(HOSTS, Order.LOCAL)
    assert life.begun(table.of("b"), "x", NEWS, once=True).refused
    assert life.offered(table.of("b"), once=False, retries=9) is Order.LOCAL, "nor what boots always"
    states = [state_of(table.of(name), 0.0, facts) for name, facts in HOSTS.items()]
    assert states == ["done", "restored", "packages", "restored"]


@pytest.mark.parametrize("name", ["b", "c", "d"])
def test_an_operator_orders_anew(name: str) -> None:
    table = restored_table()
    assert table.order([name], Order.INSTALL, 0.0) == [name]
    assert table.offered(name) is Order.INSTALL
    assert not table.of(name).restored


def test_the_install_that_had_begun_goes_on() -> None:
    table = restored_table()
    assert not life.begun(table.of("c"), "t", NEWS, once=True).refused, "it may go on"
    ended = life.done(table.of("c"), "t", NEWS)
    assert not ended.refused
    assert not ended.record.restored


@pytest.mark.parametrize("theirs", [
    WAITING, replace(WAITING, step=Step.KERNEL, turn=1), replace(WAITING, step=Step.DONE, token="u"),
    replace(WAITING, epoch=3, order=Order.LOCAL),
])  # fmt: skip
def test_what_a_server_tells_that_was_there_all_along_counts(theirs: Record) -> None:
    mine = restored_table().of("b")
    assert merged(mine, theirs) == merged(theirs, mine) == theirs


def test_a_server_that_has_heard_of_no_install_knows_that() -> None:
    """A host that waits at the live server waits on, and the restored one hears of it."""
    restored, alive = restored_table(), table_of({})
    assert not alive.merge("d", restored.of("d"))
    assert alive.take_changed() == ["d"], "so it is told"
    assert alive.offered("d") is Order.INSTALL
    assert restored.merge("d", alive.of("d"))
    assert restored.offered("d") is Order.INSTALL


def test_a_new_server_that_knows_nothing_believes_the_backup() -> None:
    fresh = table_of({})
    fresh.ready = False
    assert fresh.merge("d", restored_table().of("d"))
    fresh.ready = True
    assert fresh.offered("d") is Order.LOCAL
