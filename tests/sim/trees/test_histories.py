"""Random histories: kills, power-offs, cuts, forgers, rotten files, removals. SIM_STEPS: many; SIM_SEED."""

from __future__ import annotations

import os

import pytest

from .histories import History

RUNS = int(os.environ.get("SIM_STEPS", "0")) // 25 or 25
FIRST = int(os.environ.get("SIM_SEED", "14"))


@pytest.mark.parametrize("seed", range(FIRST, FIRST + RUNS))
def test_no_half_tree_none_lost_none_back_and_all_the_same_in_the_end(seed: int) -> None:
    History(seed).play()
