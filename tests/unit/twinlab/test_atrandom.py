"""The sums of power-offs at random moments, and their table."""

from __future__ import annotations

import random
from typing import Any

import pytest
from twinlab.inside import fetchloop
from twinlab.programs.atrandom import Round, nearest_move, summary
from twinlab.programs.randomtable import HEAD, reasons, table
from twinlab.programs.sweeps import SWEEPS

ROUNDS = [Round(100.0, 101.0, 120.0, 127.0, {"why": 2}, []),
          Round(200.0, 201.0, 220.0, 227.0, {"why": 1}, [])]


def turn(began: float, ended: float, code: int = 0, right: bool = True) -> dict[str, Any]:
    return {"began": began, "ended": ended, "code": code, "right": right, "files": 3, "bytes": 9,
            "retries": 1, "said": ""}


def one(name: str = "curl ftp") -> dict[str, Any]:
    turns = [turn(90, 99), turn(99, 105), turn(105, 119), turn(119, 121, code=124),
             turn(199, 230, right=False)]
    view = {"reset": [[100.2, 21, 4000, False], [230.0, 80, 4001, True]], "sent": 4,
            "silences": [1.0, None, 0.1, 0.3]}
    return summary(name, turns, view, ROUNDS)


def test_only_turns_in_which_a_move_fell_have_met_it() -> None:
    found = one()
    assert (found["turns"], found["met"], found["files"], found["retries"]) == (5, 3, 15, 5)
    assert [failed["code"] for failed in found["failed"]] == [124, 0]


def test_a_reset_belongs_to_the_last_move() -> None:
    assert one()["reset"] == [["off 1", 0.2, 21, 4000, False], ["back 2", 10.5, 80, 4001, True]]
    assert nearest_move(99.0, ROUNDS) == ("start", 0.0)


def test_machines_of_a_program_are_one_row() -> None:
    head, *rows = table([one(), one(), one("wget http")])
    assert head == HEAD
    assert [row[0] for row in rows] == ["curl ftp", "wget http"]
    assert rows[0][1:] == [
        "6", "10, 30", "**4**", "**2**", "**4**", "2", "8", "10", "1.00 to 1.00", "0.30 to 0.30"]


def test_reasons_are_added_up() -> None:
    assert reasons([vars(one) for one in ROUNDS]) == [("why", 3)]


@pytest.fixture
def files(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "small").mkdir()
    for number in range(1, 301):
        (tmp_path / f"small/{number:03d}.bin").touch()
    monkeypatch.setattr(fetchloop, "FETCH", tmp_path)


def test_files_are_chosen_by_chance_and_alike_for_the_same_seed(files: None) -> None:
    def chosen(seed: int, kind: str = "plain") -> list[str]:
        return fetchloop.choose(random.Random(seed), kind)

    assert chosen(1) == chosen(1) != chosen(2)
    assert all(40 <= len(chosen(seed)) <= 161 for seed in range(50))
    large = [name for seed in range(50) for name in chosen(seed) if name.startswith("large/")]
    assert set(large) == {"large/20m.bin", "large/100m.bin"}
    assert not any(name.startswith("large/") for seed in range(50) for name in chosen(seed, "few"))
    assert len(chosen(1, "small")) == 300


def test_every_sweep_names_files_that_there_are() -> None:
    assert {sweep.files for sweep in SWEEPS.values()} <= {*fetchloop.SMALL, "small"}
