"""Whole clusters in virtual time, through schedules that Hypothesis chooses.

SIM_STEPS=5000 SIM_SEED=7 pytest tests/sim -k histories: a longer run, or another one. A failing
schedule is printed in the form that scenario.parse() reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from .histories import broken, history, scenarios, shrunk
from .scenario import Scenario, parse

HISTORIES = int(os.environ.get("SIM_STEPS", "30"))
SEED = int(os.environ.get("SIM_SEED", "2008"))


class Tally:
    histories = 0
    hours = 0.0


@pytest.fixture(scope="module", autouse=True)
def tally() -> Iterator[None]:
    """Say how much was looked at."""
    yield
    print(f"\nsimulation: {Tally.histories} histories, {Tally.hours:.1f} virtual hours, seed {SEED}")


@seed(SEED)
@settings(
    max_examples=HISTORIES, deadline=None, database=None, print_blob=False, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(scenarios())
def test_every_history_keeps_the_promises(scenario: Scenario) -> None:
    try:
        world = history(scenario)
    except Exception as fault:
        small = shrunk(scenario)
        pytest.fail(f"{broken(small)!r} (found as {fault!r})\n\n{small}", pytrace=False)
    Tally.histories += 1
    Tally.hours += world.now / 3600.0


@given(scenarios())
@settings(max_examples=20, deadline=None, database=None)
def test_a_scenario_survives_its_text(scenario: Scenario) -> None:
    assert parse(str(scenario)) == scenario
