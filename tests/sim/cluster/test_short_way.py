"""A step cut short (liveness.nothing_new) must have the same result as the complete step."""

from __future__ import annotations

from pathlib import Path

import pytest
from twinboot.core.membership import liveness

from ..runs import kept_in
from .scenario import Scenario, parse, play

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", kept_in(GOLDEN))
def test_the_short_way_gives_the_same_transcript(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = parse((GOLDEN / f"{name}.scn").read_text())
    short = play(scenario).transcript
    assert _steps_cut_short(scenario, monkeypatch) > 0 or name == "start-alone"
    monkeypatch.setattr(liveness, "nothing_new", lambda ctx, event, before: False)
    assert play(scenario).transcript == short


def _steps_cut_short(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> int:
    real, found = liveness.nothing_new, []
    monkeypatch.setattr(
        liveness, "nothing_new", lambda *args: found.append(real(*args)) or found[-1],  # type: ignore[func-returns-value]
    )
    play(scenario)
    return sum(found)
