"""Takeovers in virtual time, under scenarios chosen at random, and by Hypothesis.

make sim SEED=7 STEPS=20000: a longer run, or another one. A failing scenario is shrunk and printed in the
form that scenario.parse() reads; world.play() plays it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings

from ..conftest import LINES
from ..failing import FailingHistory
from ..runs import CHUNKS, SEED, chosen_by_hypothesis, histories, kept_in
from .histories import Tally, check, failure_of, scenarios, shrunk
from .judge import Violation
from .scenario import Scenario, parse
from .world import play

HISTORIES = histories(600)
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    """Report how much was simulated."""
    total = Tally()
    yield total
    LINES.append(f"takeover: {total}; seeds {SEED}000 to {SEED}{CHUNKS - 1:03}")


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_client_gets_what_it_asked_for_or_a_reset(chunk: int, tally: Tally) -> None:
    try:
        tally += check(SEED * 1000 + chunk, max(1, HISTORIES // CHUNKS))
    except FailingHistory as found:
        pytest.fail(str(found), pytrace=False)


@seed(SEED)
@chosen_by_hypothesis(HISTORIES)
@given(scenarios())
def test_likewise_in_what_hypothesis_chooses(scenario: Scenario) -> None:
    fault = failure_of(scenario)
    if fault is not None:
        small = shrunk(scenario, fault)
        pytest.fail(f"{failure_of(small)!r} (found as {fault!r})\n\n{small}", pytrace=False)


@given(scenarios())
@settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_a_scenario_survives_its_text(scenario: Scenario) -> None:
    assert parse(str(scenario)) == scenario


def test_a_scenario_is_played_alike_twice() -> None:
    one = parse((HERE / "golden/power-off.scn").read_text())
    assert [play(one).network.bytes_sent for _ in range(2)] == [play(one).network.bytes_sent] * 2


@pytest.mark.parametrize("name", kept_in(HERE / "found"))
def test_what_was_found_stays_mended(name: str) -> None:
    """Shrunk scenarios of faults that the simulation has found; each file says what was wrong."""
    play(parse((HERE / f"found/{name}.scn").read_text()))


@pytest.mark.parametrize("name", kept_in(HERE / "known"))
def test_what_is_known_and_not_mended(name: str) -> None:
    """Each file says why. When one passes, it belongs into found/."""
    with pytest.raises(Violation):
        play(parse((HERE / f"known/{name}.scn").read_text()))
