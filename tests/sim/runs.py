"""What both simulations (cluster/ and takeover/) have in common when they play many histories."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

from hypothesis import HealthCheck, Phase, settings

SEED = int(os.environ.get("SIM_SEED", "2008"))
CHUNKS = 10


def histories(default: int) -> int:
    """How many to play: SIM_STEPS, or else the default."""
    return int(os.environ.get("SIM_STEPS", str(default)))


def kept_in(folder: Path) -> list[str]:
    """The names of the scenarios of a folder."""
    return sorted(path.stem for path in folder.glob("*.scn"))


def chosen_by_hypothesis(count: int) -> settings:
    """For scenarios whose choices are Hypothesis's: few, and shrunk by our own; each is a whole history."""
    return settings(
        max_examples=max(30, count // 50), deadline=None, database=None, print_blob=False,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )


@dataclass
class Sums:
    """Counts that add up field by field."""

    def __iadd__(self, other: Self) -> Self:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        return self
