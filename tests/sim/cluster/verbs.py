"""The verbs of a scenario: acts upon the simulated cluster, by their names in the scenario's text."""

from __future__ import annotations

from collections.abc import Callable

from twinboot.core.events import HeartbeatReceived, LeaveRequested, StandbyRequested

from . import acts, asking, lan, sites
from .applying import Applying
from .host import Server
from .lan import SwitchPort
from .network import LinkImpairment
from .world import World

ORDERLY = frozenset({
    "start", "power-off", "leave", "standby", "resume", "flush", "kill-service", "break", "repair", "swap",
    "engine-slow", "engine-fails", "engine-hangs", "kernel-slow", "claims-fail", "replay", "clock", "still",
    "carrier-blinks", "router-off", "router-on", "foreign-host", "foreign-host-gone",
    "prune", "make-again", "lose-trees", "find-trees", "apply", "refuses",
})
"""Acts that must never lead to two holders, not even for a moment."""

HEALTH = frozenset(
    {
        "lan-down",
        "lan-up",
        "lan-rx-dead",
        "lan-tx-dead",
        "lan-dead",
        "break",
        "repair",
        "swap",
        "weather",
        "fair",
        "still",
        "carrier-blinks",
        "unplug-cable",
        "router-off",
        "router-on",
        "arp-loss",
        "arp-filter",
        "arp-unfilter",
        "foreign-host",
        "foreign-host-gone",
    }
)
"""Faults of LAN, links and daemons: repeated, they must not make a group flap."""


def note_act(world: World, name: str) -> None:
    """Record the act for the judge, whose limits depend on the kinds and times of the acts."""
    world.changed = True
    if name not in ORDERLY:
        world.disrupted_at = world.now
    if name not in HEALTH:
        world.move_causes.append(world.now)
    if name != "replay":
        world.acted_at = world.now


def repair_all(world: World) -> None:
    """Repair everything that can be repaired from outside."""
    world.must_not_move = False
    world.network.repair_all()
    world.router = True
    world.foreign_hosts.clear()
    for server in world.servers.values():
        server.repair_all()
        if world.applying is not None:
            continue  # they go over by themselves
        server.set_site(world.agreed[server.name])
    world.sites_changed()


def _still(world: World) -> None:
    """From now on no group may move."""
    world.must_not_move = True


def _on(verb: Callable[[Server], None]) -> Callable[..., None]:
    return lambda world, name: verb(world.servers[name])


def _clock_jump(world: World, name: str, seconds: str) -> None:
    process = world.servers[name].process
    if process is not None:
        process.jump(float(seconds))


def _leave(server: Server) -> None:
    if server.process is not None:
        server.process.deliver(LeaveRequested())


def _standby(world: World, name: str, force: str = "") -> None:
    server = world.servers[name]
    process = server.process
    if process is not None:
        before = process.state
        process.deliver(StandbyRequested(on=True, force=force == "force"))
        if not force and server.awake:
            acts.check_standby(server, before)


def _lose_trees(server: Server) -> None:
    server.engine.trees_lost = True


def _find_trees(server: Server) -> None:
    server.engine.trees_lost = False


def _resume(server: Server) -> None:
    if server.process is not None:
        server.process.deliver(StandbyRequested(on=False))


def _flush(world: World, name: str, group: str) -> None:
    server = world.servers[name]
    server.kernel.take_away(server.address_of(group))


def _site(world: World, name: str, variant: str) -> None:
    """The site file of one server changes."""
    server = world.servers[name]
    server.set_site(sites.VARIANTS[variant](world.agreed[name], world.agreed))
    world.sites_changed()


def _apply(world: World, name: str, variant: str, *without: str) -> None:
    """An operator applies a site on one server."""
    if world.applying is None:
        world.applying = Applying(world)
    world.applying.apply(name, variant, without)


def _refuses(world: World, name: str) -> None:
    """This server's own check refuses every site."""
    if world.applying is None:
        world.applying = Applying(world)
    world.applying.refusing.add(name)


def _cut(world: World, link: str, a: str, b: str, way: str = "") -> None:
    world.network.cut(link, a, b, both=way != "one-way")


def _unplug_cable(world: World) -> None:
    """Pull the direct cable between the first two servers; `heal` plugs it."""
    a, b, *_ = world.servers.values()
    world.network.cut(asking.CABLE, a.name, b.name)
    if world.direct_cable:
        for end in (a, b):
            asking.carrier_lost(end)


def _router(*, on: bool) -> Callable[..., None]:
    return lambda world: setattr(world, "router", on)


def _filter(*, on: bool) -> Callable[..., None]:
    def verb(world: World, name: str) -> None:
        plug = world.servers[name].plug
        plug.filtered, plug.changed_at = on, world.now
    return verb


def _foreign_host(world: World, group: str, mac: str = "02:00:00:00:02:01") -> None:
    """A host that is no server answers for the group's address from now on, and announces nothing."""
    address = next(one.address for one in world.groups if one.name == group)
    world.foreign_hosts[address] = bytes.fromhex(mac.replace(":", ""))
    world.foreign_host_since = world.now


def _plug(*, cable: bool = True, port: SwitchPort = SwitchPort.WHOLE) -> Callable[..., None]:
    return lambda world, name: world.servers[name].plug.set_state(cable=cable, port=port)


def _weather(
    world: World, loss: str, delay_s: str, jitter_s: str, duplicate: str, link: str = "all",
) -> None:
    world.network.impair(LinkImpairment(float(loss), float(delay_s), float(jitter_s), float(duplicate)), link)


def _set(part: Callable[[Server], object], name: str) -> Callable[..., None]:
    def verb(world: World, server: str, value: str) -> None:
        owner = part(world.servers[server])
        setattr(owner, name, type(getattr(owner, name))(float(value)))
    return verb


def _kernel(name: str) -> Callable[..., None]:
    return _set(lambda server: server.kernel, name)


def _engine(name: str) -> Callable[..., None]:
    return _set(lambda server: server.engine, name)


def _break(world: World, server: str, daemon: str, how: str) -> None:
    """soft: a restart helps; hard: only `repair` does."""
    one = world.servers[server].engine.daemons[daemon]
    one.failing, one.restart_resistant = True, how == "hard"


def _repair(world: World, server: str, daemon: str) -> None:
    one = world.servers[server].engine.daemons[daemon]
    one.failing = one.restart_resistant = False


def _swap(world: World, server: str, daemon: str) -> None:
    """Replace the daemon's image: it is down for 1.5 s."""
    world.servers[server].engine.daemons[daemon].down_until = world.now + 1.5


def _replay(world: World, count: str, link: str) -> None:
    """An attacker replays recorded heartbeats to all servers on the given link."""
    recording, rng = world.network.recording, world.rng
    if not recording:
        return
    for _ in range(int(count)):
        _, heartbeat = recording[rng.randrange(len(recording))]
        for server in world.servers.values():
            if server.name != heartbeat.sender and (link != "lan" or server.plug.receives):
                server.receive(link, HeartbeatReceived(link, heartbeat))


VERBS: dict[str, Callable[..., None]] = {
    # power and process
    "start": _on(Server.power_on),
    "power-off": _on(Server.power_off),
    "kill": _on(Server.kill),
    "restart": _on(Server.start),
    "freeze": _on(Server.freeze),
    "thaw": _on(Server.thaw),
    "stall": lambda world, name, seconds: world.servers[name].stall(float(seconds)),
    "suspend": _on(Server.suspend),
    "wake": _on(Server.resume),
    "clock": lambda world, name, rate: setattr(world.servers[name], "clock_rate", float(rate)),
    "clock-jump": _clock_jump,
    "leave": _on(_leave),
    "standby": _standby,
    "resume": _on(_resume),
    "site": _site,
    "apply": _apply,
    "refuses": _refuses,
    # heartbeat links
    "cut": _cut,
    "heal": lambda world: world.network.cuts.clear(),
    "weather": _weather,
    "fair": lambda world: world.network.impairments.clear(),
    "replay": _replay,
    "carrier-blinks": _on(asking.carrier_lost),
    "unplug-cable": _unplug_cable,
    # the LAN
    "arp-loss": _set(lambda server: server.plug, "loss"),
    "router-off": _router(on=False),
    "router-on": _router(on=True),
    "lan-down": _plug(cable=False),
    "lan-up": _plug(),
    "lan-rx-dead": _plug(port=SwitchPort.RX_DEAD),
    "lan-tx-dead": _plug(port=SwitchPort.TX_DEAD),
    "lan-dead": _plug(port=SwitchPort.DEAD),
    "lan-split": lambda world, *apart: lan.split(world.servers.values(), apart),
    "lan-join": lambda world: lan.split(world.servers.values(), ()),
    "arp-filter": _filter(on=True),
    "arp-unfilter": _filter(on=False),
    "foreign-host": _foreign_host,
    "foreign-host-gone": lambda world: world.foreign_hosts.clear(),
    "probes-fail": _set(lambda server: server.plug, "probes_fail"),
    # kernel and engine
    "flush": _flush,
    "kernel-slow": _kernel("slow_s"),
    "claims-fail": _kernel("claims_fail"),
    "drops-fail": _kernel("drops_fail"),
    "engine-slow": _engine("slow_s"),
    "engine-fails": _engine("fails"),
    "engine-hangs": _engine("hangs"),
    "kill-service": lambda world, name: world.servers[name].engine.kill("dhcpd"),
    "break": _break,
    "repair": _repair,
    "swap": _swap,
    "prune": _on(lambda server: server.engine.prune()),
    "make-again": _on(lambda server: server.engine.pruned.clear()),
    "lose-trees": _on(_lose_trees),
    "find-trees": _on(_find_trees),
    # for the judge
    "mend": repair_all,
    "still": _still,
}
