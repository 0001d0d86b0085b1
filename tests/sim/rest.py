"""What a mended cluster must come to, within a bound, and keep.

Excuses: a server that lost its health again and again is held down, and one whose dhcpd could not be made
to run is not tried again for a while. Until that ends a group may stay with a later server of its order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twinboot.core.health import holddown
from twinboot.core.model import Failback, GroupConfig
from twinboot.core.state import Phase

from .acts import InvariantViolation

if TYPE_CHECKING:
    from .host import Server
    from .world import World

POLL_S = 0.4
PROBED_S = 4.0
"""A daemon is asked every other second, and its word is believed when nothing of it is in doubt."""

MOVE_S = 2.0
"""An excuse may have ended so long ago: the move back has its own delays."""


def takes_part(server: Server) -> bool:
    assert server.process is not None
    return not server.process.state.standby and server.process.state.phase is not Phase.LEAVING


def able_servers(world: World, group: GroupConfig) -> list[str]:
    """Servers that could hold it, by its order."""
    return [
        name for name in group.order if world.servers[name].awake and takes_part(world.servers[name])
    ]


def rest_limit_s(world: World) -> float:
    """After that long without a fault everything has its place again."""
    timers = world.timers
    return (
        timers.initdead_s + timers.failback_delay_s + timers.lease_s + 1.2 + 2 * timers.deadtime_s + 4.0
        + PROBED_S
    )


def excused(world: World, server: str) -> bool:
    """It is held down in somebody's record, or its own dhcpd has a verdict."""
    for one in world.servers.values():
        state = one.process.state if one.process is not None else None
        if (
            state is not None
            and state.holddowns[server].losses
            and (
                state.now
                < holddown.ends_at(state.holddowns[server], state.now, world.timers.failback_delay_s) + MOVE_S
            )
        ):
            return True
    process = world.servers[server].process
    return process is not None and any(
        daemon.verdict_until is not None for daemon in process.state.daemons.values()
    )


def at_rest(world: World) -> None:
    """Everything is healed and settled: all hear each other; each group has one holder, the first of its
    order that is not excused (with manual failback any fit one); dhcpd runs there and nowhere else."""
    for one in world.servers.values():
        for peer in one.process.state.peers.values() if one.awake and one.process is not None else ():
            if world.servers[peer.name].awake and not peer.alive:
                raise InvariantViolation(f"{one.name} does not hear {peer.name} at rest")
    for group in world.groups:
        holders = [one.name for one in world.servers.values() if group.name in one.addresses]
        may = _may_hold(world, group)
        if holders not in ([[name] for name in may] or [[]]):
            raise InvariantViolation(
                f"{group.name} is on {holders or 'nobody'} at rest; its place is on {may}"
            )
        for service in group.services:
            running = [one.name for one in world.servers.values() if one.engine.running[service]]
            if running != holders:
                raise InvariantViolation(
                    f"{service} is on {running or 'nobody'} at rest, {group.name} on {holders}"
                )


def _may_hold(world: World, group: GroupConfig) -> list[str]:
    found = able_servers(world, group)
    if world.failback is Failback.MANUAL:
        return found
    for place, name in enumerate(found):
        if not excused(world, name):
            return found[:place + 1]
    return found


def run_until_at_rest(world: World) -> None:
    """Within settle_s everything is at rest; no longer is waited than it takes.

    But until a death that came last is known: before, all may look well.
    """
    end = world.now + rest_limit_s(world)
    world.run_for(world.timers.deadtime_s)
    while world.now < end:
        world.run_for(POLL_S)
        try:
            at_rest(world)
        except InvariantViolation:
            continue
        return
    at_rest(world)


def check_stays_at_rest(world: World, seconds: float) -> None:
    """Nothing happens to the cluster, and it does nothing: no group moves on a steady network.

    But once, to a server that was excused before, when its excuse ends.
    """
    excuses = {name for name in world.servers if excused(world, name)}
    before = len(world.changes)
    world.run_for(seconds)
    claims = [(who, group) for _, who, what, group in world.changes[before:] if what == "group-claimed"]
    if len(claims) > len(set(claims)) or any(who not in excuses for who, _ in claims):
        raise InvariantViolation(f"groups move on a steady network: {world.changes[before:]}")
    at_rest(world)
