"""The simulated network: links with cuts, loss, delay, duplication and reordering, and a recorder.

A message sent on a link reaches every other server on it, each copy with a fate of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from twinboot.core.model import Heartbeat


@dataclass(frozen=True)
class Weather:
    """What every copy of a message is exposed to. Jitter larger than the interval reorders."""

    loss: float = 0.0
    delay_s: float = 0.001
    jitter_s: float = 0.0
    duplicate: float = 0.0


FAIR = Weather()


@dataclass
class Network:
    links: tuple[str, ...]
    rng: Random
    weather: Weather = FAIR
    cuts: set[tuple[str, str, str]] = field(default_factory=set)
    """(link, from, to): nothing passes in that direction."""
    tape: list[tuple[str, Heartbeat]] = field(default_factory=list)
    """What an eavesdropper has: every message ever sent, with its link."""
    sent: int = 0

    def cut(self, link: str, a: str, b: str, *, both: bool = True) -> None:
        self.cuts.add((link, a, b))
        if both:
            self.cuts.add((link, b, a))

    def heal(self) -> None:
        self.cuts.clear()

    def passes(self, link: str, sender: str, receiver: str) -> bool:
        return (link, sender, receiver) not in self.cuts

    def record(self, link: str, heartbeat: Heartbeat) -> None:
        self.sent += 1
        if len(self.tape) < 4000:
            self.tape.append((link, heartbeat))

    def arrivals(self) -> list[float]:
        """Delays after which the copies of one message arrive; empty when it is lost."""
        weather, rng = self.weather, self.rng
        if weather is FAIR:
            return [weather.delay_s]
        if rng.random() < weather.loss:
            return []
        copies = 2 if rng.random() < weather.duplicate else 1
        return [weather.delay_s + rng.random() * weather.jitter_s for _ in range(copies)]
