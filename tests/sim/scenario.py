"""A scenario: who does what when, as a value and as a readable text.

    servers 2
    seed 7
    0.000 start server1
    8.000 power-off server1
    end 30.000

The text is what a failing history prints, and what golden scenarios are written in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from twinboot.core.events import LeaveAsked, Received, StandbyAsked
from twinboot.core.model import Failback, Timers

from .network import FAIR, Weather
from .server import Mood, Server
from .world import FAST, World


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
    life: bool = False
    """Timers as in life, not the shorter ones of the histories."""
    failback: Failback = Failback.AUTO

    def __str__(self) -> str:
        head = [f"servers {self.servers}", f"seed {self.seed}", f"failback {self.failback.value}"]
        head += ["timers default"] if self.life else []
        return "\n".join([*head, *(str(act) for act in self.acts), f"end {self.end:.3f}"]) + "\n"

    __repr__ = __str__


@dataclass
class _Draft:
    servers: int = 2
    seed: int = 0
    end: float = 0.0
    life: bool = False
    failback: Failback = Failback.AUTO
    acts: list[Act] = field(default_factory=list)


def parse(text: str) -> Scenario:
    """Read the text form; lines beginning with # are remarks."""
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
            case ["timers", kind]:
                draft.life = kind == "default"
            case ["failback", kind]:
                draft.failback = Failback(kind)
            case [at, name, *args] if name in VERBS:
                draft.acts.append(Act(float(at), name, tuple(args)))
            case _:
                raise ValueError(f"not a line of a scenario: {line!r}")
    return Scenario(draft.servers, draft.seed, tuple(draft.acts), draft.end, draft.life, draft.failback)


def play(scenario: Scenario) -> World:
    """Run it to its end; the judge raises when something breaks."""
    timers = Timers() if scenario.life else FAST
    world = World(scenario.servers, seed=scenario.seed, timers=timers, failback=scenario.failback)
    for act in scenario.acts:
        world.run_until(act.at)
        world.story.append(f"{world.now:9.3f} -------- {act.name} {' '.join(act.args)}".rstrip())
        touch(world, act.name)
        VERBS[act.name](world, *act.args)
        world.judge.look()
    world.run_until(max(scenario.end, world.now))
    return world


ORDERLY = frozenset({
    "start", "power-off", "leave", "standby", "resume", "flush", "kill-service",
    "engine-slow", "engine-fails", "engine-hangs", "kernel-slow", "claims-fail", "replay",
})
"""What must never lead to two holders, not for a moment."""


def touch(world: World, name: str) -> None:
    if name not in ORDERLY:
        world.shaken_at = world.now
    if name != "replay":
        world.touched_at = world.now


def mend(world: World) -> None:
    """Everything that can be repaired from outside is; who is off or was told to leave stays so."""
    world.network.heal()
    world.network.weather = FAIR
    for server in world.servers.values():
        server.lan = True
        server.mood = Mood()
        server.resume()
        server.thaw()


# The verbs -------------------------------------------------------------------------------------


def _on(verb: Callable[[Server], None]) -> Callable[..., None]:
    return lambda world, name: verb(world.servers[name])


def _leave(server: Server) -> None:
    if server.process is not None:
        server.deliver(server.process, LeaveAsked())


def _standby(world: World, name: str, force: str = "") -> None:
    server = world.servers[name]
    if server.process is not None:
        server.deliver(server.process, StandbyAsked(on=True, force=force == "force"))


def _resume(server: Server) -> None:
    if server.process is not None:
        server.deliver(server.process, StandbyAsked(on=False))


def _cut(world: World, link: str, a: str, b: str, way: str = "") -> None:
    for one in world.network.links if link == "all" else (link,):
        world.network.cut(one, a, b, both=way != "one-way")


def _lan(up: bool) -> Callable[..., None]:
    def verb(world: World, name: str) -> None:
        world.servers[name].lan = up
    return verb


def _weather(world: World, loss: str, delay_s: str, jitter_s: str, duplicate: str) -> None:
    world.network.weather = Weather(float(loss), float(delay_s), float(jitter_s), float(duplicate))


def _fair(world: World) -> None:
    world.network.weather = FAIR


def _mood(name: str) -> Callable[..., None]:
    def verb(world: World, server: str, value: str) -> None:
        old = getattr(world.servers[server].mood, name)
        setattr(world.servers[server].mood, name, type(old)(float(value)))
    return verb


def _replay(world: World, count: str, link: str) -> None:
    """An eavesdropper sends what it recorded once more, to all, on a link of its choice."""
    tape, rng = world.network.tape, world.rng
    if not tape:
        return
    for _ in range(int(count)):
        _, heartbeat = tape[rng.randrange(len(tape))]
        for server in world.servers.values():
            if server.name != heartbeat.sender:
                server.hear(link, Received(link, heartbeat))


VERBS: dict[str, Callable[..., None]] = {
    "start": _on(Server.power_on),
    "power-off": _on(Server.power_off),
    "kill": _on(Server.kill),
    "restart": _on(Server.start),
    "freeze": _on(Server.freeze),
    "thaw": _on(Server.thaw),
    "suspend": _on(Server.suspend),
    "wake": _on(Server.resume),
    "leave": _on(_leave),
    "standby": _standby,
    "resume": _on(_resume),
    "cut": _cut,
    "heal": lambda world: world.network.heal(),
    "lan-down": _lan(False),
    "lan-up": _lan(True),
    "weather": _weather,
    "fair": _fair,
    "flush": lambda world, name, group: world.servers[name].flush(group),
    "kill-service": lambda world, name: world.servers[name].kill_service("dhcpd"),
    "kernel-slow": _mood("kernel_s"),
    "engine-slow": _mood("engine_s"),
    "claims-fail": _mood("claims_fail"),
    "drops-fail": _mood("drops_fail"),
    "engine-fails": _mood("engine_fails"),
    "engine-hangs": _mood("engine_hangs"),
    "replay": _replay,
    "mend": mend,
}
