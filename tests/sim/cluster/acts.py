"""Invariants of a server's own effects, checked in every step.

They need no view of the world: what a server knows must be enough to keep them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from twinboot.core.effects import ClaimVip, Effect, Log, RenewVip, StartService
from twinboot.core.health.lan import BAD_LAN
from twinboot.core.membership.peer import Liveness
from twinboot.core.model import GroupState, Health, LackKind, LanHealth
from twinboot.core.state import Phase, State

if TYPE_CHECKING:
    from .host import Server


class InvariantViolation(AssertionError):
    """An invariant does not hold."""


def check(server: Server, before: State, effects: tuple[Effect, ...]) -> None:
    """Check one step of one core."""
    assert server.process is not None
    state = server.process.state
    for effect in effects:
        if isinstance(effect, ClaimVip):
            _check_claim(server, before, state, effect.group)
        if isinstance(effect, ClaimVip | RenewVip):
            _check_not_asleep(server, before, state, effect.group)
        if isinstance(effect, StartService):
            _check_start_with_address(server, state, effect.service)
        if isinstance(effect, Log) and effect.event == "split":
            _check_split(server, str(effect.fields["answered_by"]))
        if isinstance(effect, Log) and effect.event == "claim-overrules":
            _check_overruled(server, str(effect.fields["answered_by"]))
    if state.groups != before.groups:
        for name, group in state.groups.items():
            if before.groups[name].state is GroupState.HELD and group.state is GroupState.RELEASING:
                _check_handover_target(server, state, name)


def _check_claim(server: Server, before: State, state: State, group: str) -> None:
    """A server claims nothing while starting, leaving or on standby; nor before it has heard every server or
    initdead is over; nor a group that it hears another server hold."""
    if state.phase is not Phase.ACTIVE:
        raise InvariantViolation(f"{server.name} claims {group} while {state.phase.value}")
    if state.standby:
        raise InvariantViolation(f"{server.name} claims on standby")
    if _too_early(server, state):
        raise InvariantViolation(f"{server.name} claims {group} before it could have heard the others")
    others = [
        peer.name for peer in state.peers.values()
        if peer.alive and peer.last_heartbeat is not None
        and any(
            one.address == server.address_of(group) and one.state is GroupState.HELD
            for one in peer.last_heartbeat.groups.values()
        )
    ]
    if state.groups[group].reason != "address vanished":
        _check_ready_one(server, state, group)
    if others and not before.groups[group].holds_or_claims:
        raise InvariantViolation(f"{server.name} claims {group} though it hears {others} hold it")


def _check_ready_one(server: Server, state: State, group: str) -> None:
    """A server that could not serve a group leaves it to one that says that it could."""
    services = (*server.config.daemons, *state.groups[group].config.services)
    mine = {one.service for one in state.lacks or () if one.kind is LackKind.CONTAINER}
    if server.world.sites_differ or not mine & set(services):
        return
    for peer in state.peers.values():
        said = peer.last_heartbeat
        if not peer.alive or said is None or said.standby or said.starting or said.leaving:
            continue
        well = said.lan not in BAD_LAN and Health.BROKEN not in said.daemons.values()
        if well and said.lacks == () and group in said.eligible and not state.lan.bad:
            raise InvariantViolation(f"{server.name} claims {group} though {peer.name} could serve it")


def check_standby(server: Server, before: State) -> None:
    """Standby that nobody forced is accepted only while another server could serve what is held here."""
    assert server.process is not None
    state = server.process.state
    if before.standby or not state.standby:
        return
    mine = set(before.lacks or ())
    for group in before.groups.values():
        needed = {"", *server.config.daemons, *group.config.services}
        if group.state is GroupState.HELD and not any(
            peer.alive and peer.last_heartbeat is not None
            and not any(
                one.service in needed and one not in mine for one in peer.last_heartbeat.lacks or ()
            )
            for peer in before.peers.values()
        ):
            raise InvariantViolation(f"{server.name} leaves {group.name} to servers that could not serve it")


def _too_early(server: Server, state: State) -> bool:
    process = server.process
    assert process is not None
    if server.world.now >= process.started + server.config.timers.initdead_s * 0.999:
        return False
    return any(peer.liveness is Liveness.UNKNOWN and not peer.unknown_server for peer in state.peers.values())


def _check_not_asleep(server: Server, before: State, state: State, group: str) -> None:
    """After a pause of longer than the address lifetime a server neither renews nor claims in its first
    step."""
    if state.now - before.now > server.config.timers.address_lifetime_s:
        raise InvariantViolation(f"{server.name} renews or claims {group} on waking up")


def _check_start_with_address(server: Server, state: State, service: str) -> None:
    """dhcpd is started only where its group is held, or is claimed again after its address vanished."""
    group = state.groups[state.services[service].group]
    if group.state is not GroupState.HELD and group.reason != "address vanished":
        raise InvariantViolation(f"{server.name} starts {service} while {group.name} is {group.state.value}")


def _check_handover_target(server: Server, state: State, name: str) -> None:
    """A group is handed over for the sake of health only to a server that reports a smaller penalty, and
    given back only to one that does not report a larger one."""
    reason = state.groups[name].reason
    handed, back = reason.endswith(" is better"), reason.startswith("failback to ")
    if not (handed or back):
        return
    taker = reason.split()[-3 if handed else -1]
    said = state.peers[taker].last_heartbeat
    assert said is not None
    services = (*server.config.daemons, *state.groups[name].config.services)
    missing = {one.service: Health.BROKEN for one in state.lacks or () if one.kind is LackKind.CONTAINER}
    mine = _health_penalty(
        state.lan.health, {one: daemon.health for one, daemon in state.daemons.items()} | missing, services
    )
    only_there = [
        one for one in said.lacks or () if one.service in ("", *services) and one not in (state.lacks or ())
    ]
    if back and only_there:
        raise InvariantViolation(f"{server.name} gives {name} back to {taker}, which lacks {only_there}")
    theirs = _health_penalty(said.lan, said.daemons, services)
    if theirs > mine or (handed and theirs == mine):
        raise InvariantViolation(f"{server.name} hands {name} over to {taker}, which is no better: {reason}")


def _health_penalty(
    lan: LanHealth, daemons: Mapping[str, Health], services: tuple[str, ...]
) -> tuple[bool, int]:
    bad = lan in (LanHealth.RX_DEAD, LanHealth.NO_CARRIER)
    return bad, sum(daemons.get(name) is Health.BROKEN for name in services)


def _check_overruled(server: Server, macs: str) -> None:
    """What a claim overrules is no server's answer."""
    for mac in macs.split(","):
        if any(one.plug.mac.hex(":") == mac for one in server.world.servers.values()):
            raise InvariantViolation(f"{server.name} takes {mac} for no server's")


def _check_split(server: Server, mac: str) -> None:
    """A split is logged only when no heartbeat comes through, not when one link of two is lost. A server that
    the site does not name is none: whoever has gone over to that site hears it no more."""
    world = server.world
    other = next((one for one in world.servers.values() if one.plug.mac.hex(":") == mac), None)
    if other is None or server.process is None or other.name not in server.process.state.peers:
        return
    ways = world.connected(server.name, other.name) and world.connected(other.name, server.name)
    settled = world.now >= world.disrupted_at + 0.8 * world.timers.deadtime_s
    speaks = other.process is not None and world.now < other.process.last_sent_at + world.timers.warntime_s
    if other.awake and speaks and ways and settled and world.network.loss == 0.0:
        raise InvariantViolation(
            f"{server.name} sees a split from {other.name}, though heartbeats come through"
        )
