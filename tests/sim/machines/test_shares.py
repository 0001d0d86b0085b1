"""Balancing by load, whatever happens to one server at a time: no machine changes its group in mid-install,
none waits for ever, none is installed twice, and no server has more than it may but for what it could not
know."""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random

import pytest
from twinboot.agent.machines.steering import Steering
from twinboot.machines import record
from twinboot.machines.by_load import least_work, sharing
from twinboot.machines.record import Record, Step

from . import shares
from .shares import ACTS, WHOM, World

STEPS = int(os.environ.get("SIM_STEPS", "200")) // 5
SEED = int(os.environ.get("SIM_SEED", "1"))


@pytest.fixture(autouse=True)
def quicker(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may take minutes takes seconds."""
    steps = (Step.LOADER, Step.KERNEL, Step.ANSWERS, Step.PACKAGES, Step.FINISHING)
    monkeypatch.setattr(sharing, "LIMITS_S", dict.fromkeys(steps, shares.LIMIT_S))
    monkeypatch.setattr(sharing, "AGAIN_S", 1.0)
    monkeypatch.setattr(sharing, "GONE_S", 3.0)


def play(seed: int, length: int = 30) -> World:
    world = World(seed)
    draw = Random(seed)
    try:
        world.play([draw.randrange(ACTS * WHOM) for _ in range(length)])
    except AssertionError as exc:
        raise AssertionError("\n".join([*world.log, str(exc)])) from exc
    return world


def test_many_histories() -> None:
    worlds = [play(SEED * 1_000_000 + number) for number in range(STEPS)]
    machines = [one for world in worlds for one in world.machines.values()]
    assert sum(one.erased for one in machines) > 5 * STEPS, "the histories install machines"
    away = [one for one in machines if one.group not in ("", shares.FACTS[one.name].group)]
    assert away, "and some from another group than their home"


def _further_record_alone(one: Record, other: Record) -> Record:
    return max(one, other, key=lambda known: (known.rank(), known.place.rank()))


def _own_alone(self: sharing.Sharing) -> dict[str, int]:
    """Counts what this server decides for alone."""
    counts = dict.fromkeys(shares.HOMES, 0)
    for name in shares.HOSTS:
        group = self.runs_on(name)
        if group and self._decides(name):
            counts[group] += 1
    return counts


def _never_lapses(self: sharing.Sharing, name: str, known: Record) -> bool:
    return False


def _given_counts(self: sharing.Sharing, name: str) -> str:
    """What was given counts as long as nothing else is given."""
    return self._table.of(name).place.group


def _last_first(self: sharing.Sharing) -> list[str]:
    return [name for name in shares.HOSTS if self._queued(name) is not None][:1]


BREAKAGES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "a group shows before peers know": lambda patch: patch.setattr(
        Steering, "steer", lambda self, names: [self._put(name, self._way(name)) for name in names]),
    "a place goes with the record": lambda patch: patch.setattr(
        "twinboot.machines.table.merged", _further_record_alone),
    "there is always room": lambda patch: patch.setattr(least_work.Work, "has_room", lambda self, group: (
        group in self._holders)),
    "a server counts its own alone": lambda patch: patch.setattr(sharing.Sharing, "running", _own_alone),
    "a place never lapses": lambda patch: patch.setattr(sharing.Sharing, "_lapsed", _never_lapses),
    "an install that has ended counts": lambda patch: patch.setattr(
        sharing.Sharing, "runs_on", _given_counts),
    "who has gone keeps the first turn": lambda patch: patch.setattr(sharing.Sharing, "queue", _last_first),
    "no one decides for another's group": lambda patch: patch.setattr(
        sharing.Sharing, "_decides",
        lambda self, name: shares.HOMES[shares.FACTS[name].group] == self._me and self._table.ready),
    "asking gives a new group": lambda patch: patch.setattr(
        sharing.Sharing, "group_of", lambda self, name: ""),
}  # fmt: skip


SEEN_FIRST = {"a place never lapses": 66}
"""Histories that show what others seldom do: they are played before those with other numbers."""


@pytest.mark.parametrize("name", BREAKAGES)
def test_the_judge_finds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    BREAKAGES[name](monkeypatch)
    with pytest.raises((AssertionError, KeyError)):
        _play_many(sorted(range(150), key=lambda seed: seed != SEEN_FIRST.get(name)))


def _play_many(seeds: list[int]) -> None:
    for seed in seeds:
        play(seed)


def test_records_that_meet_keep_the_further_place() -> None:
    given = Record(place=sharing.Assignment(turn=2, group="first"))
    moved_on = Record(step=Step.KERNEL, turn=5, place=sharing.Assignment(turn=1, since=3.0))
    for one in (record.merged(given, moved_on), record.merged(moved_on, given)):
        assert (one.step, one.place.group) == (Step.KERNEL, "first")
