"""Whole clusters in virtual time, under schedules of faults chosen at random, and by Hypothesis.

make sim SEED=7 STEPS=20000: a longer run, or another one. A failing schedule is shrunk and printed in the
form that scenario.parse() reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings

from ..conftest import LINES
from ..failing import FailingHistory
from ..runs import CHUNKS, SEED, chosen_by_hypothesis, histories, kept_in
from .histories import Tally, check, failure_of, history, scenarios, shrunk
from .scenario import Scenario, parse

HISTORIES = histories(400)
FOUND = Path(__file__).parent / "found"


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    """Report how much was simulated."""
    total = Tally()
    yield total
    LINES.append(f"simulation: {total}; seeds {SEED}000 to {SEED}{CHUNKS - 1:03}")


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_short_history_keeps_the_promises(chunk: int, tally: Tally) -> None:
    try:
        tally += check(SEED * 1000 + chunk, max(1, HISTORIES // CHUNKS))
    except FailingHistory as found:
        pytest.fail(str(found), pytrace=False)


@seed(SEED)
@chosen_by_hypothesis(HISTORIES)
@given(scenarios())
def test_every_history_that_hypothesis_chooses_keeps_the_promises(scenario: Scenario) -> None:
    try:
        history(scenario)
    except Exception as fault:
        small = shrunk(scenario, fault)
        pytest.fail(f"{failure_of(small)!r} (found as {fault!r})\n\n{small}", pytrace=False)


@given(scenarios())
@settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_a_scenario_survives_its_text(scenario: Scenario) -> None:
    assert parse(str(scenario)) == scenario


@pytest.mark.parametrize("name", kept_in(FOUND))
def test_what_was_found_stays_mended(name: str) -> None:
    """Shrunk schedules of faults that the simulation has found; each file says what was wrong."""
    history(parse((FOUND / f"{name}.scn").read_text()))
