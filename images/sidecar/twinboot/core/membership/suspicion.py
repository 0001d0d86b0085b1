"""Suspicion: a live peer that may be dead is asked for on the LAN, sooner than the deadtime is over.

Owns the record and its rules; liveness.py applies them. A peer is suspected when the carrier of a link to it
falls (a direct cable loses it with the peer's power), or when it has been silent on every link for
`suspect_s`. It is then asked by ARP for its own address and the virtual addresses it holds. A kernel answers
ARP whatever its sidecar does, so an answer shows that the machine runs: the asking begins anew after a
pause, and the deadtime decides as without a suspicion. A heartbeat ends the suspicion.

A suspected peer counts as dead when all of this holds:
* ROUNDS requests or more were sent, GAP_S apart, and LISTEN_S has passed since the last; none was answered.
* Meanwhile another host of the LAN answered all the requests that it was sent but one in eight. So our own
  LAN carries frames both ways at this moment, and loses few.
* The heartbeat link over the LAN, if there is one, lost at most MAX_LOST of the peer's last LOSS_WINDOW
  heartbeats: loss near the peer does not show in other hosts' answers.
* The peer has been silent for `suspect_s`, and its kernel has answered ARP while it was heard (reach.py).
When one does not hold, the deadtime decides. Let p be the chance that a request or its answer is lost. None
of ROUNDS requests to a live peer is answered with p^ROUNDS, and meanwhile a host answers all but one with
8p (1-p)^7 or all with (1-p)^8: together below 2e-4 whatever p is, and below 5e-6 for a peer that holds an
address, which is asked for as well. All its heartbeats would have to be lost in the same time, and few of
the 32 before. The claim that follows asks the LAN once more (claim_probing.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from ..model import Timers

ROUNDS = 8
"""Unanswered requests in a row that a death takes at least."""
MAX_ROUNDS = 16
"""Requests after which the deadtime decides."""
GAP_S = 0.02
LISTEN_S = 0.04
"""How long the last request's answer is waited for; also the pause between requests after ROUNDS of them."""
ANSWERED_PAUSE_S = 0.1
"""Pause after an answer, if the peer stays silent: bounds what a slow sidecar costs."""
PAUSED_S = 0.1
"""The asking begins anew when a request or the verdict comes later than this: we were paused."""
LOSS_WINDOW = 32
"""Heartbeats of a link that its loss is counted over."""
MAX_LOST = 2


class Cause(Enum):
    """Why a peer is suspected."""

    SILENCE = "silence"
    CARRIER = "carrier"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """The record of one suspicion. Times are monotonic seconds."""

    cause: Cause
    since: float
    link: str = ""
    """CARRIER: the link that lost it."""
    asked: int = 0
    """Requests sent since the suspicion began, or since the peer's last answer."""
    due_at: float = 0.0
    """When the next request is sent, or the verdict is due."""
    answers: Mapping[tuple[str, bytes], int] = field(default_factory=dict)
    """By address and MAC of another host: how many of these requests it has answered."""
    answered: bool = False
    """The peer has answered since the suspicion began."""
    given_up: bool = False
    """MAX_ROUNDS requests have proven nothing: the deadtime decides. What they showed is soon out of date."""
    confirmed: bool = False
    """The peer counts as dead because of it, before the deadtime is over."""

    @property
    def why(self) -> str:
        """The cause, as text for the operator."""
        return f"no carrier on {self.link}" if self.cause is Cause.CARRIER else "silence"

    @property
    def proven_by(self) -> str:
        """The address of the host that proves our LAN; empty: none does."""
        least = self.asked - max(1, self.asked // 8)
        best = max(self.answers, key=lambda host: self.answers[host], default=None)
        return best[0] if best is not None and self.answers[best] >= least else ""


def suspected_at(heard_at: float, timers: Timers) -> float | None:
    """When a peer last heard at this time is suspected for its silence; None: the deadtime comes first."""
    return heard_at + timers.suspect_s if timers.suspect_s < timers.deadtime_s else None


def begin(cause: Cause, now: float, link: str = "") -> Suspicion:
    return Suspicion(cause, now, link, due_at=now)


def anew(suspicion: Suspicion, at: float) -> Suspicion:
    """Restarts the ARP requests at time `at`; what was asked and answered so far is void."""
    return replace(suspicion, asked=0, answers={}, due_at=at)


def asked_once(suspicion: Suspicion, now: float) -> Suspicion:
    """One more request was sent."""
    asked = suspicion.asked + 1
    return replace(suspicion, asked=asked, due_at=now + (GAP_S if asked < ROUNDS else LISTEN_S))


def peer_answered(suspicion: Suspicion, now: float) -> Suspicion:
    """The peer's kernel runs."""
    return replace(anew(suspicion, now + ANSWERED_PAUSE_S), answered=True)


def host_answered(suspicion: Suspicion, host: tuple[str, bytes]) -> Suspicion:
    """Another host answered one of the requests; more answers than requests prove nothing."""
    count = min(suspicion.answers.get(host, 0) + 1, suspicion.asked)
    return replace(suspicion, answers={**suspicion.answers, host: count})


def verdict_due(suspicion: Suspicion, now: float) -> bool:
    """Enough requests were sent, the last one's answer was waited for, and all that was just now."""
    return (
        not suspicion.given_up and suspicion.asked >= ROUNDS
        and suspicion.due_at <= now <= suspicion.due_at + PAUSED_S
    )


def record_received(window: int, advance: int) -> int:
    """The window of received heartbeats (one bit each, the newest is bit 0) after one that is `advance`
    sequence numbers newer."""
    mask = (1 << LOSS_WINDOW) - 1
    return ((window << advance) | 1) & mask if advance <= LOSS_WINDOW else 1


def lost(window: int) -> int:
    """Heartbeats of the window that were not received."""
    return LOSS_WINDOW - window.bit_count()
