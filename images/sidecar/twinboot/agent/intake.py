"""What comes in on a link becomes a heartbeat, or a number: the checks before the core, cheap ones first.

Owns their order and the counters. A message that was taken in once on a link is not taken apart again:
whoever records heartbeats and plays them back costs a signature check each, and no thought. Which of
the others are worth believing is the core's business.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from twinboot.core.model import Heartbeat
from twinboot.wire.cluster.heartbeat import DecodeError, HeartbeatCodec, Refusal, boot_and_seq

MAX_BOOTS = 1024
"""Boot ids of each link whose newest message is remembered; recordings of more would cost the core time."""


@dataclass(slots=True)
class Counters:
    """Messages by what became of them. replayed: without those that only the core knew for replayed."""

    received: int = 0
    refused: dict[Refusal, int] = field(default_factory=lambda: dict.fromkeys(Refusal, 0))
    replayed: int = 0


class Intake:
    """codec may be replaced at any time: by one with other keys."""

    def __init__(self, codec: HeartbeatCodec) -> None:
        self.codec = codec
        self.counters = Counters()
        self._newest: dict[str, dict[int, int]] = {}

    def accept(self, link: str, data: bytes) -> Heartbeat | None:
        """The heartbeat in a datagram, or None. DecodeError when it is none of ours."""
        body = self.codec.verify(data)
        if not self._is_newer(link, body):
            self.counters.replayed += 1
            return None
        return self.codec.parse(body)

    def count_refusal(self, exc: DecodeError) -> None:
        self.counters.refused[exc.refusal] += 1

    def _is_newer(self, link: str, body: bytes) -> bool:
        """Higher than any of this life on this link; the core asks no less (core.membership.peer)."""
        found = boot_and_seq(body)
        if found is None:
            return True
        boot, seq = found
        lives = self._newest.setdefault(link, {})
        if seq <= lives.get(boot, -1):
            return False
        if boot not in lives and len(lives) >= MAX_BOOTS:
            del lives[next(iter(lives))]
        lives[boot] = seq
        return True
