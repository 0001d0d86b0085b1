"""A scenario: timed acts upon a cluster, as a value and as a readable text.

    servers 2
    seed 7
    0.000 start server1
    8.000 power-off server1
    end 30.000

The text is what a failing history prints, and what golden scenarios are written in.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from twinboot.core.model import Failback, Timers

from .verbs import VERBS, note_act
from .world import DENSE, FAST, World

TIMERS = {"fast": FAST, "dense": DENSE, "default": Timers()}


@dataclass(frozen=True)
class Act:
    at: float
    name: str
    args: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join([f"{self.at:.3f}", self.name, *self.args])


@dataclass(frozen=True)
class Scenario:
    servers: int = 2
    seed: int = 0
    acts: tuple[Act, ...] = ()
    end: float = 0.0
    timers: str = "fast"
    """Name of one of TIMERS; "default": the product's own."""
    failback: Failback = Failback.AUTO

    def __str__(self) -> str:
        head = [f"servers {self.servers}", f"seed {self.seed}", f"failback {self.failback.value}"]
        head += [f"timers {self.timers}"] if self.timers != "fast" else []
        return "\n".join([*head, *(str(act) for act in self.acts), f"end {self.end:.3f}"]) + "\n"

    __repr__ = __str__


@dataclass
class _Draft:
    servers: int = 2
    seed: int = 0
    end: float = 0.0
    timers: str = "fast"
    failback: Failback = Failback.AUTO
    acts: list[Act] = field(default_factory=list)


def parse(text: str) -> Scenario:
    """Read the text form; lines beginning with # are comments."""
    draft = _Draft()
    for line in text.splitlines():
        words = line.split()
        match words:
            case [] | ["#", *_]:
                continue
            case ["servers", number]:
                draft.servers = int(number)
            case ["seed", number]:
                draft.seed = int(number)
            case ["end", at]:
                draft.end = float(at)
            case ["timers", kind] if kind in TIMERS:
                draft.timers = kind
            case ["failback", kind]:
                draft.failback = Failback(kind)
            case [at, name, *args] if name in VERBS:
                draft.acts.append(Act(float(at), name, tuple(args)))
            case _:
                raise ValueError(f"not a line of a scenario: {line!r}")
    return Scenario(draft.servers, draft.seed, tuple(draft.acts), draft.end, draft.timers, draft.failback)


def play(scenario: Scenario) -> World:
    """Run the scenario to its end; the judge raises InvariantViolation."""
    world = World(
        scenario.servers, seed=scenario.seed, timers=TIMERS[scenario.timers], failback=scenario.failback,
    )
    for act in scenario.acts:
        world.run_until(max(act.at, world.now))
        world.transcript.append(f"{world.now:9.3f} -------- {act.name} {' '.join(act.args)}".rstrip())
        note_act(world, act.name)
        VERBS[act.name](world, *act.args)
        world.judge.look()
    world.run_until(max(scenario.end, world.now))
    return world
