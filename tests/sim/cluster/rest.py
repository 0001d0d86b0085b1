"""The final state that a repaired cluster must reach within a bound, and keep.

Excused is a server in hold-down (it lost its health repeatedly), and one whose dhcpd has a verdict (it could
not be started). Until that ends, a group may stay with a later server of its order.
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
"""A daemon is probed every other second; a failback waits until its peers' daemons are confirmed."""

MOVE_S = 2.0
"""A server stays excused for this long after its hold-down: the move back takes time."""


def takes_part(server: Server) -> bool:
    assert server.process is not None
    return not server.process.state.standby and server.process.state.phase is not Phase.LEAVING


def could_hold(server: Server, address: str) -> bool:
    """Whether the server may hold the address by its own site file."""
    return any(one.address == address and server.name in one.order for one in server.config.groups)


def able_servers(world: World, group: GroupConfig) -> list[str]:
    """Servers that could hold the group, in its order."""
    return [
        name for name in group.order if world.servers[name].awake and takes_part(world.servers[name])
    ]


def rest_limit_s(world: World) -> float:
    """Time without faults after which the final state must be reached."""
    timers = world.timers
    return (
        timers.initdead_s + timers.failback_delay_s + timers.address_lifetime_s + 1.2
        + 2 * timers.deadtime_s + 4.0
        + PROBED_S
    )


def excused(world: World, server: str) -> bool:
    """Whether the server is in hold-down in any server's record, or its own dhcpd has a verdict."""
    for one in world.servers.values():
        state = one.process.state if one.process is not None else None
        if (
            state is not None
            and server in state.holddowns and state.holddowns[server].losses
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
    """Check the final state: all hear each other; each group has one holder, the first of its order that is
    not excused or an earlier one (with manual failback any able one); dhcpd runs there and nowhere else."""
    for one in world.servers.values():
        for peer in one.process.state.peers.values() if one.awake and one.process is not None else ():
            if world.servers[peer.name].awake and not peer.alive:
                raise InvariantViolation(f"{one.name} does not hear {peer.name} at rest")
    for group in world.groups:
        holders = [one.name for one in world.servers.values() if group.address in one.addresses]
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
    """Run until the final state is reached, at most rest_limit_s.

    Not checked before a deadtime has passed: until then a recent death may be undetected.
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
    """While nothing is done to the cluster no group moves.

    Except once, to a server that was excused before, when its hold-down or verdict ends.
    """
    excuses = {name for name in world.servers if excused(world, name)}
    before = len(world.changes)
    world.run_for(seconds)
    if any(what == "group-released" for _, _, what, _ in world.changes[-1:]):
        world.run_for(POLL_S)  # that one move has just begun
    claims = [(who, group) for _, who, what, group in world.changes[before:] if what == "group-claimed"]
    if len(claims) > len(set(claims)) or any(who not in excuses for who, _ in claims):
        raise InvariantViolation(f"groups move on a steady network: {world.changes[before:]}")
    at_rest(world)
