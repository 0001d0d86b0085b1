"""Whether a claim may still be carried out."""

from __future__ import annotations

from twinboot.agent.vip.claims import PendingClaims
from twinboot.core.effects import CLAIM_WITHIN_S, ClaimVip

CLAIM = ClaimVip("first", 3.0)


def test_a_process_that_runs_may_wait_for_its_kernel() -> None:
    claims = PendingClaims()
    claim = claims.decided(CLAIM, 10.0)
    for step in range(1, 100):
        claims.ran(10.0 + step * 0.02)
    assert claims.holds(claim, 12.0)


def test_one_that_was_paused_may_not_whichever_of_its_threads_wakes_first() -> None:
    claims = PendingClaims()
    claim = claims.decided(CLAIM, 10.0)
    claims.ran(10.1)
    assert not claims.holds(claim, 10.1 + CLAIM_WITHIN_S + 0.01), "the loop sleeps still"
    claims.ran(11.0)
    assert not claims.holds(claim, 11.0), "the loop has slept"


def test_a_later_claim_counts_from_its_own_decision() -> None:
    claims = PendingClaims()
    before = claims.decided(CLAIM, 10.0)
    claims.ran(12.0)
    first = claims.decided(CLAIM, 12.0)
    second = claims.decided(ClaimVip("second", 3.0, 1.0), 12.0)
    claims.done(before)
    assert claims.holds(first, 12.1)
    assert not claims.holds(first, 12.5)
    assert claims.holds(second, 12.9), "it may be paused for longer"
