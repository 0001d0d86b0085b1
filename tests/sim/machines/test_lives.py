"""Whatever happens to one server at a time: a machine is erased only when somebody asked for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twinboot.machines import durability, life, record, restored, table
from twinboot.machines.record import Order, Record, Step

from .world import ACTS, HOSTS, WHOM, World, record_of

STEPS = int(os.environ.get("SIM_STEPS", "200"))
SEED = int(os.environ.get("SIM_SEED", "1"))


def history(seed: int, length: int = 60) -> list[int]:
    draw = Random(seed)
    return [draw.randrange(ACTS * WHOM) for _ in range(length)]


def play(seed: int) -> World:
    world = World(seed)
    try:
        world.play(history(seed))
    except AssertionError as exc:
        raise AssertionError("\n".join([*world.log, str(exc)])) from exc
    return world


@settings(max_examples=40)
@given(st.lists(st.integers(0, ACTS * WHOM - 1), max_size=40), st.integers(0, 1000))
def test_any_history(numbers: list[int], seed: int) -> None:
    World(seed).play(numbers)


def test_many_histories() -> None:
    worlds = [play(SEED * 1_000_000 + number) for number in range(STEPS)]
    erased = sum(sum(world.judge.erased.values()) for world in worlds)
    ended = sum(record_of(world, host).done for world in worlds for host in HOSTS)
    assert erased > STEPS // 4, "the histories install machines"
    assert ended > STEPS // 40, "and come to an end"


def _latest_clock_wins(one: Record, other: Record) -> Record:
    return max(one, other, key=lambda known: (known.epoch, known.at, known.rank()))


def _at_once(*_: Any, **__: Any) -> bool:
    return True


def _without_peers(owed: durability.DurabilityMark, *, written: int, delivered_upto: bool) -> bool:
    return written >= owed.write


def _without_disk(owed: durability.DurabilityMark, *, written: int, delivered_upto: bool) -> bool:
    return delivered_upto


def _until_done(known: Record, *, once: bool, retries: int = 0, reports: bool = True) -> Order:
    return Order.LOCAL if known.order is Order.LOCAL or known.done else Order.INSTALL


def _same_epoch(known: Record, order: Order, observation: life.Observation) -> Record:
    return replace(known, order=order, step=Step.WAITING, token="", at=observation.at)


def _always_ready(table_class: type[table.MachineTable]) -> property:
    return property(lambda self: True, lambda self, value: None)


BREAKAGES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "a backup's records count as they are": lambda patch: patch.setattr(
        restored, "after_restore", lambda records, hosts: (dict(records), ())),
    "a backup's records are merged as if they were later": lambda patch: patch.setattr(
        restored, "after_restore", lambda records, hosts: (
            {name: replace(one, epoch=one.epoch + 1) for name, one in records.items()}, ())),
    "the latest clock wins": lambda patch: patch.setattr(table, "merged", _latest_clock_wins),
    "answers are given at once": lambda patch: patch.setattr(durability, "is_durable", _at_once),
    "answers do not wait for the peer": lambda patch: patch.setattr(durability, "is_durable", _without_peers),
    "answers do not wait for the disk": lambda patch: patch.setattr(durability, "is_durable", _without_disk),
    "offered until it is done": lambda patch: patch.setattr(life, "offered", _until_done),
    "an order begins no epoch": lambda patch: patch.setattr(life, "ordered", _same_epoch),
    "a server that starts knows all": lambda patch: patch.setattr(
        table.MachineTable, "ready", _always_ready(table.MachineTable), raising=False),
    "the peer's record always counts": lambda patch: patch.setattr(
        table, "merged", lambda _one, other: other),
    "a record of the epoch before counts": lambda patch: patch.setattr(
        record.Record, "rank", lambda self: (self.step, self.epoch, self.token, self.at, self.server)),
}  # fmt: skip


FIRST = {"answers do not wait for the peer": 1040}
"""Where the search begins for what one history in a thousand shows."""


def _play_many(first: int, histories: int) -> None:
    for seed in range(first, first + histories):
        play(seed)


@pytest.mark.parametrize("name", BREAKAGES)
def test_the_judge_finds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    BREAKAGES[name](monkeypatch)
    with pytest.raises(AssertionError):
        _play_many(FIRST.get(name, 0), 600)
