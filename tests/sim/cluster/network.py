"""The simulated network: links with cuts, loss, delay, duplication and reordering, and a recording.

A message sent on a link reaches every other server on it; each copy is impaired independently. What the LAN
does to frames as such (cables, ports, partitions) is lan.py's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from twinboot.core.model import Heartbeat


@dataclass(frozen=True)
class LinkImpairment:
    """Impairment applied to every copy of a message. Jitter larger than the interval reorders."""

    loss: float = 0.0
    delay_s: float = 0.001
    jitter_s: float = 0.0
    duplicate: float = 0.0


UNIMPAIRED = LinkImpairment()


@dataclass
class Network:
    links: tuple[str, ...]
    rng: Random
    impairments: dict[str, LinkImpairment] = field(default_factory=dict)
    """By link; a link that is not named has none."""
    cuts: set[tuple[str, str, str]] = field(default_factory=set)
    """(link, from, to): nothing passes in that direction."""
    recording: list[tuple[str, Heartbeat]] = field(default_factory=list)
    """What an attacker may replay: every message ever sent, with its link."""
    sent: int = 0

    def impair(self, weather: LinkImpairment, link: str = "all") -> None:
        for one in self.links if link == "all" else (link,):
            self.impairments[one] = weather

    @property
    def loss(self) -> float:
        """The highest loss of any link."""
        return max((one.loss for one in self.impairments.values()), default=0.0)

    @property
    def jitter_s(self) -> float:
        return max((one.jitter_s for one in self.impairments.values()), default=0.0)

    def cut(self, link: str, a: str, b: str, *, both: bool = True) -> None:
        for one in self.links if link == "all" else (link,):
            self.cuts.add((one, a, b))
            if both:
                self.cuts.add((one, b, a))

    def repair_all(self) -> None:
        self.cuts.clear()
        self.impairments.clear()

    def passes(self, link: str, sender: str, receiver: str) -> bool:
        return (link, sender, receiver) not in self.cuts

    def record(self, link: str, heartbeat: Heartbeat) -> None:
        self.sent += 1
        if len(self.recording) < 4000:
            self.recording.append((link, heartbeat))

    def arrivals(self, link: str) -> list[float]:
        """Delays after which the copies of one message arrive; empty when it is lost."""
        weather, rng = self.impairments.get(link), self.rng
        if weather is None:
            return [UNIMPAIRED.delay_s]
        if rng.random() < weather.loss:
            return []
        copies = 2 if rng.random() < weather.duplicate else 1
        return [weather.delay_s + rng.random() * weather.jitter_s for _ in range(copies)]
