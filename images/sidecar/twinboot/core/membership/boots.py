"""Boots: the lives of a server, each with an id of its own. Which one is accepted, and by what proof.

Rules
* A boot id not seen before is unverified. It is accepted when it echoes our own boot id with a sequence
  number that we sent a short while ago: only a server that hears us now can do that.
* A boot that was replaced, or said goodbye, is not accepted again. Only the latest MAX_RETIRED_BOOTS are
  remembered; older ones fail the echo rule, because what they echo is too old.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Heartbeat

MAX_UNVERIFIED_BOOTS = 8
MAX_RETIRED_BOOTS = 8


@dataclass(frozen=True, slots=True)
class UnverifiedBoot:
    """A boot id that has not echoed a recent heartbeat of ours yet."""

    boot_id: int
    seq: int
    heard_at: float


@dataclass(frozen=True, slots=True)
class FreshEcho:
    """The echo that proves a new boot id: our boot id, with sequence number min_seq or later."""

    me: str
    boot_id: int
    min_seq: int

    def is_in(self, heartbeat: Heartbeat) -> bool:
        heard = heartbeat.heard.get(self.me)
        return heard is not None and heard.boot_id == self.boot_id and heard.seq >= self.min_seq
