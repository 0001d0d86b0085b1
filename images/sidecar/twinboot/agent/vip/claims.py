"""Whether a claim may still be carried out: the process has run all the time since it was decided.

What a claim rests upon (nothing answered on the LAN, a peer gave the address up) is good as long as the
others see that we claim: by our probes and our heartbeats. A process that was paused in between has said
nothing for a while, and one of them may have the address by now. How long the kernel takes does not matter,
for the loop goes on meanwhile. A claim that is withdrawn while it waits for the kernel is not carried out:
the address would be up, beside its other holder, until the drop that follows. Pure; the simulation uses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from twinboot.core.effects import ClaimVip


@dataclass(slots=True, eq=False)
class PendingClaim:
    """One that was decided, and is not carried out yet."""

    group: str
    within_s: float
    paused: bool = False
    """The process was, for longer than within_s."""
    withdrawn: bool = False
    """The address is to be dropped."""


class PendingClaims:
    """Used from the loop's thread and from that of the addresses. Times: of the core's clock, seconds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ran_at = float("-inf")
        self._pending: list[PendingClaim] = []

    def decided(self, effect: ClaimVip, now: float) -> PendingClaim:
        """To be handed to holds() and done()."""
        with self._lock:
            claim = PendingClaim(effect.group, effect.within_s)
            self._pending.append(claim)
            self._ran_at = max(self._ran_at, now)
            return claim

    def withdraw(self, group: str) -> None:
        """The address of this group is to be dropped: what was decided before is not carried out."""
        with self._lock:
            for claim in self._pending:
                claim.withdrawn = claim.withdrawn or claim.group == group

    def ran(self, now: float) -> None:
        """The loop does something now."""
        with self._lock:
            for claim in self._pending:
                claim.paused = claim.paused or now - self._ran_at > claim.within_s
            self._ran_at = max(self._ran_at, now)

    def holds(self, claim: PendingClaim, now: float) -> bool:
        """May it be carried out now?"""
        with self._lock:
            return not claim.withdrawn and not claim.paused and now - self._ran_at <= claim.within_s

    def done(self, claim: PendingClaim) -> None:
        with self._lock:
            self._pending.remove(claim)
