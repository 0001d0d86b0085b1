"""Generates schedules: which faults and repairs, upon which server, when.

The source of randomness is handed in. An ordinary Random gives thousands of short histories a minute;
Hypothesis chooses and shrinks schedules.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from twinboot.core.model import Failback

from . import sites
from .scenario import Act, Scenario

Words = tuple[str, ...]
Timed = list[tuple[float, Words]]

COUNTS = (2,) * 12 + (3,) * 5 + (4, 4, 5)
GAPS_S = (0.0, 0.05, 0.3, 0.9, 1.1, 2.0, 2.9)
SHORT_S = (0.05, 0.2, 0.6, 0.95, 1.05, 1.5, 2.5, 3.1)
LINKS = ("all", "all", "crossover", "lan")

SERVER_VERBS = (
    "power-off", "start", "kill", "restart", "freeze", "thaw", "suspend", "wake", "leave", "resume",
    "lan-down", "lan-up", "lan-rx-dead", "lan-tx-dead", "lan-dead", "kill-service", "carrier-blinks",
    "arp-filter", "arp-unfilter",
    "prune", "make-again", "lose-trees", "find-trees",
)
"""Verbs whose only argument is a server."""

VALUE_VERBS = {
    "standby": ("", "force"),
    "arp-loss": ("0.4", "0.1", "0"),
    "stall": ("0.25", "0.4", "0.7", "1.2", "1.9", "2.3", "3.2"),
    "clock": ("1.001", "0.999"),
    "flush": ("first", "second"),
    "kernel-slow": ("0.002", "0.1", "0.4"),
    "engine-slow": ("0.15", "1.5", "4.0"),
    "claims-fail": ("1", "2"),
    "drops-fail": ("1", "3"),
    "engine-fails": ("1", "2"),
    "engine-hangs": ("0", "1"),
    "probes-fail": ("1", "4"),
    "swap": ("vsftpd", "dhcpd"),
    "repair": ("vsftpd", "dhcpd"),
}
"""Verbs with a server and one of these values as arguments."""

SITES = tuple(name for name in sites.VARIANTS if name not in ("agreed", sites.LAST_LEAVES))

VERB_SEQUENCES: tuple[Words, ...] = (
    ("freeze", "thaw"), ("freeze", "thaw", "freeze", "thaw"), ("suspend", "wake"), ("kill", "restart"),
    ("power-off", "start"), ("leave", "restart"), ("standby", "resume"), ("lan-down", "lan-up"),
    ("lan-down", "lan-up", "lan-down", "lan-up", "lan-down", "lan-up"), ("lan-rx-dead", "lan-up"),
    ("lan-dead", "lan-up"), ("lan-tx-dead", "lan-up"), ("arp-filter", "arp-unfilter"),
    ("prune", "make-again"), ("power-off", "prune", "start"), ("lose-trees", "find-trees"),
)
"""Sequences of verbs upon one server."""


class ScheduleGenerator:
    """Generates the episodes of one schedule."""

    def __init__(self, rng: Random, names: Words) -> None:
        self.rng = rng
        self.names = names

    def episode(self) -> Timed:
        kinds: tuple[Callable[[], Timed], ...] = (
            self._single, self._single, self._single, self._valued, self._valued, self._spell, self._spell,
            self._cut, self._cut, self._split, self._weather, self._sick, self._cable, self._site, self._site,
            self._foreign_host,
        )
        return self.rng.choice(kinds)()

    def _gap(self) -> float:
        """A gap: often a round figure, which coincides with deadlines, otherwise one in between."""
        if self.rng.random() < 0.6:
            return self.rng.choice(GAPS_S)
        return round(self.rng.random() * 3.0, 3)

    def _single(self) -> Timed:
        return [(self._gap(), (self.rng.choice(SERVER_VERBS), self.rng.choice(self.names)))]

    def _valued(self) -> Timed:
        name = self.rng.choice(tuple(VALUE_VERBS))
        return [(self._gap(), (name, self.rng.choice(self.names), self.rng.choice(VALUE_VERBS[name])))]

    def _spell(self) -> Timed:
        server, spell = self.rng.choice(self.names), self.rng.choice(VERB_SEQUENCES)
        return [
            (self.rng.choice(SHORT_S) if place else self._gap(), (name, server))
            for place, name in enumerate(spell)
        ]

    def _cut(self) -> Timed:
        a, b = self.rng.sample(self.names, 2)
        way = self.rng.choice(("", "", "one-way"))
        cut = (self._gap(), ("cut", self.rng.choice(LINKS), a, b, way))
        return [cut, (self.rng.choice(SHORT_S), ("heal",))] if self.rng.random() < 0.7 else [cut]

    def _cable(self) -> Timed:
        """The direct cable is pulled, or the one host that is no server is away for a while."""
        act, end = self.rng.choice((("unplug-cable", "heal"), ("router-off", "router-on")))
        return [(self._gap(), (act,)), (self.rng.choice(SHORT_S), (end,))]

    def _site(self) -> Timed:
        """One server's site file is edited; sometimes the others', too, or it is taken back."""
        server, variant = self.rng.choice(self.names), self.rng.choice(SITES)
        actions: Timed = [(self._gap(), ("site", server, variant))]
        if self.rng.random() < 0.3:
            others = [name for name in self.names if name != server]
            actions += [(self.rng.choice(SHORT_S), ("site", name, variant)) for name in others]
        elif self.rng.random() < 0.4:
            actions.append((self.rng.choice(SHORT_S), ("site", server, "agreed")))
        return actions

    def _foreign_host(self) -> Timed:
        """A host that is no server answers for an address, often when the holder dies."""
        actions: Timed = [(self._gap(), ("foreign-host", self.rng.choice(("first", "second"))))]
        if self.rng.random() < 0.6:
            fault = self.rng.choice(("power-off", "leave", "kill", "freeze"))
            actions.append((self._gap(), (fault, self.rng.choice(self.names))))
        if self.rng.random() < 0.3:
            actions.append((self.rng.choice(SHORT_S), ("foreign-host-gone",)))
        return actions

    def _split(self) -> Timed:
        """A partition of the LAN, with or without cuts of all heartbeat links between the two sides."""
        apart = self.rng.sample(self.names, self.rng.randrange(1, len(self.names)))
        actions: Timed = [(self._gap(), ("lan-split", *apart))]
        if self.rng.random() < 0.6:
            others = [name for name in self.names if name not in apart]
            actions += [(0.0, ("cut", "all", a, b)) for a in apart for b in others]
        ends: list[Words] = [("lan-join",), ("heal",)]
        if self.rng.random() < 0.5:
            ends.reverse()
        return [*actions, (self.rng.choice(SHORT_S), ends[0]), (self.rng.choice((0.0, 0.3, 1.5)), ends[1])]

    def _weather(self) -> Timed:
        rng = self.rng
        words = (
            "weather", rng.choice(("0.0", "0.1", "0.2")), rng.choice(("0.001", "0.05")),
            rng.choice(("0.0", "0.05", "0.2")), rng.choice(("0.0", "0.3")),
            rng.choice(("all", "all", "crossover", "lan")),
        )
        storm = (self._gap(), words)
        return [storm, (rng.choice(SHORT_S), ("fair",))] if rng.random() < 0.5 else [storm]

    def _sick(self) -> Timed:
        server, daemon = self.rng.choice(self.names), self.rng.choice(("vsftpd", "vsftpd", "dhcpd"))
        actions = [(self._gap(), ("break", server, daemon, self.rng.choice(("soft", "hard"))))]
        if self.rng.random() < 0.3:
            actions.append((self._gap(), ("break", self.rng.choice(self.names), daemon, "hard")))
        if self.rng.random() < 0.4:
            actions.append((self.rng.choice((1.5, 3.0, 7.0)), ("repair", server, daemon)))
        return actions


def schedule(rng: Random, *, servers: int | None = None, episodes: int = 5) -> Scenario:
    """A schedule: a cluster starts, then a few episodes of faults and repairs in short succession."""
    count = servers or rng.choice(COUNTS)
    names = tuple(f"server{number}" for number in range(1, count + 1))
    acts = [Act(rng.choice((0.0, 0.0, 0.0, 0.3)), "start", (name,)) for name in names]
    acts.sort(key=lambda act: act.at)
    dealer = ScheduleGenerator(rng, names)
    at = rng.choice((0.3, 0.9, 1.5))
    for _ in range(rng.randint(1, episodes)):
        for gap_s, (name, *args) in dealer.episode():
            at = round(at + gap_s, 3)
            acts.append(Act(at, name, tuple(arg for arg in args if arg)))
    failback = rng.choice((Failback.AUTO, Failback.AUTO, Failback.MANUAL))
    return Scenario(count, rng.randrange(2**16), tuple(acts), at, timers="dense", failback=failback)
