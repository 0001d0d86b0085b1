"""Carries out changes of role: claim, release, yield, and what is due while a group is held.

Owns the order of effects: services stop before the address goes on an orderly release; the address
goes first when another server has it too, or when we slept and others may have it. Decides nothing
about ownership (decide.py).
"""

from __future__ import annotations

from dataclasses import replace

from ..effects import Announce, ClaimVip, DropVip, Level, RenewVip, StartService, StopService
from ..health import managed as services
from ..health.managed import Command, Service
from ..model import GroupState, Health, ServiceState
from ..ownership import candidates
from ..state import Turn
from . import group as groups
from .group import Group, announcing, barred, enter

AT_START = "start"
"""The reason of a release when there was no role yet: only leftovers are taken away."""


def claim(turn: Turn, group: Group, reason: str) -> None:
    """Begin to take a group. The address itself is asked for when the witness agrees (witness.py)."""
    group = replace(enter(group, GroupState.CLAIMING, now=turn.now, reason=reason), probing=True)
    turn.put_group(group)
    turn.log(Level.DEBUG, "group-claiming", group=group.name, reason=reason)


def ask_for_address(turn: Turn, group: Group) -> None:
    turn.put_group(replace(group, claim_by=turn.now + groups.CLAIM_LIMIT_S))
    turn.emit(ClaimVip(group.name, turn.config.timers.lease_s))


def claimed(turn: Turn, group: Group) -> None:
    """The address is up: announce it, then let the services come."""
    if group.state is GroupState.IDLE:
        drop(turn, group, "address came up after the claim was given up")
    if group.state is not GroupState.CLAIMING or group.probing:
        return
    timers = turn.config.timers
    held = enter(group, GroupState.HELD, now=turn.now, reason=group.reason)
    waits = bool(held.config.services) and not group.serve
    wait_s = groups.GUARD_S if group.guarded else groups.SERVE_WAIT_S
    held = replace(
        held, failures=0, barred_until=None, resort_at=None, answered_by="", probe_fault="",
        last_holder=turn.config.me,
        renew_at=turn.now + timers.lease_s / 3,
        serve=group.serve, serve_by=turn.now + wait_s if waits else None, guarded=group.guarded and waits,
    )
    turn.put_group(announcing(held, turn.now))
    turn.log(Level.INFO, "group-claimed", group=group.name, reason=group.reason)


def claim_failed(turn: Turn, group: Group, reason: str) -> None:
    """Leave the group to others for a while, and leave no half-made address behind."""
    if group.state is not GroupState.CLAIMING:
        return
    group = barred(group, turn.now)
    pause = (group.resort_at or turn.now) - turn.now
    turn.log(Level.ERROR, "group-claim-failed", group=group.name, reason=reason, retry_s=round(pause, 1))
    drop(turn, group, "claim failed")


def release(turn: Turn, group: Group, reason: str) -> None:
    """Hand a held group over: services first, then the address, within a bounded time."""
    if group.state is GroupState.CLAIMING:
        drop(turn, group, reason)
        return
    released = enter(group, GroupState.RELEASING, now=turn.now, reason=reason)
    turn.log(Level.DEBUG, "group-releasing", group=group.name, reason=reason)
    turn.put_group(replace(released, drop_by=turn.now + groups.STOP_WAIT_S, renew_at=group.renew_at))
    stop_services(turn, group)
    _drop_when_stopped(turn, turn.state.groups[group.name])


def drop(turn: Turn, group: Group, reason: str) -> None:
    """Take the address away at once, whatever the services do, and stop them then."""
    drop_address(turn, group, reason)
    stop_services(turn, group)


def drop_address(turn: Turn, group: Group, reason: str) -> None:
    if group.state is GroupState.CLAIMING and group.probing:
        turn.put_group(enter(group, GroupState.IDLE, now=turn.now, reason=reason))
        turn.log(Level.INFO, "group-claim-withdrawn", group=group.name, reason=reason)
        return
    if group.state is not GroupState.RELEASING:
        group = enter(group, GroupState.RELEASING, now=turn.now, reason=reason)
    ask_to_drop(turn, group)


def ask_to_drop(turn: Turn, group: Group) -> None:
    """DropVip, repeated until the address is gone; the kernel's lifetime ends the wait."""
    now = turn.now
    gone_by = group.gone_by
    if gone_by is None:
        gone_by = now + turn.config.timers.lease_s + groups.KERNEL_MARGIN_S
    pause = min(groups.DROP_RETRY_S * 2.0**group.retries, groups.DROP_RETRY_MAX_S)
    turn.put_group(replace(
        group, drop_by=None, renew_at=None, gone_by=gone_by, retry_at=now + pause,
        retries=min(group.retries + 1, 10),
    ))
    turn.emit(DropVip(group.name))


def dropped(turn: Turn, group: Group) -> None:
    """The address is not here."""
    if group.state in (GroupState.HELD, GroupState.CLAIMING):
        reclaim(turn, group)
    elif group.state is GroupState.RELEASING and group.drop_by is None:
        _released(turn, group)


def drop_failed(turn: Turn, group: Group, reason: str) -> None:
    if group.state is GroupState.RELEASING:
        turn.log(Level.ERROR, "address-drop-failed", group=group.name, reason=reason)


def reclaim(turn: Turn, group: Group) -> None:
    """The address we hold has vanished (another tool flushed it): put it back, announce again."""
    if group.state is not GroupState.HELD:
        return
    turn.log(Level.WARNING, "address-vanished", group=group.name)
    again = enter(group, GroupState.CLAIMING, now=turn.now, reason="address vanished")
    turn.put_group(replace(again, probing=True, serve=group.serve))


def observed(turn: Turn, group: Group, present: bool) -> None:
    """Compare a look at the kernel with what we believe."""
    if not present:
        dropped(turn, group)
    elif group.state is GroupState.IDLE:
        turn.log(Level.WARNING, "address-left-over", group=group.name)
        drop(turn, group, "address found though not held")


def tend(turn: Turn, group: Group) -> None:
    """Do what is due for one group by the clock."""
    if group.state is GroupState.RELEASING:
        _tend_release(turn, group)
    elif group.state is GroupState.CLAIMING and group.claim_by is not None and turn.now >= group.claim_by:
        claim_failed(turn, group, f"no answer for {groups.CLAIM_LIMIT_S:g} s")
    elif group.state is GroupState.HELD:
        _tend_held(turn, group)
    group = turn.state.groups[group.name]
    if group.barred_until is not None and turn.now >= group.barred_until:
        turn.put_group(replace(group, barred_until=None, resort_at=None))
    elif group.resort_at is not None and turn.now >= group.resort_at:
        turn.put_group(replace(group, resort_at=None))


def _tend_release(turn: Turn, group: Group) -> None:
    if group.drop_by is not None:
        _renew(turn, group)
        _drop_when_stopped(turn, turn.state.groups[group.name])
    elif group.gone_by is not None and turn.now >= group.gone_by:
        lease_s = turn.config.timers.lease_s
        turn.log(Level.ERROR, "address-drop-unconfirmed", group=group.name, lease_s=lease_s)
        _released(turn, group)
    elif group.retry_at is not None and turn.now >= group.retry_at:
        ask_to_drop(turn, group)


def _drop_when_stopped(turn: Turn, group: Group) -> None:
    running = [
        name for name in group.config.services
        if turn.state.services[name].observed is not ServiceState.STOPPED
    ]
    wait = any(_worth_waiting(turn, name) for name in running)
    if wait and group.drop_by is not None and turn.now < group.drop_by:
        return
    if running:
        turn.log(Level.WARNING, "service-stop-slow", group=group.name, services=",".join(running))
    ask_to_drop(turn, group)


def _worth_waiting(turn: Turn, service: str) -> bool:
    """It stops in a moment. Not when it serves nobody any more, or the engine hangs: its guard will do."""
    if turn.state.daemons[service].health in (Health.FAILING, Health.BROKEN):
        return False
    return services.may_stop(turn.state.services[service], turn.now)


def _released(turn: Turn, group: Group) -> None:
    turn.put_group(enter(group, GroupState.IDLE, now=turn.now, reason=group.reason))
    level = Level.DEBUG if group.reason == AT_START else Level.INFO
    turn.log(level, "group-released", group=group.name, reason=group.reason)


def _tend_held(turn: Turn, group: Group) -> None:
    _renew(turn, group)
    group = turn.state.groups[group.name]
    if group.serve_by is not None:
        turn.put_group(_let_serve(turn, group))


def _renew(turn: Turn, group: Group) -> None:
    """The address is there while we run, and only then."""
    if group.renew_at is not None and turn.now >= group.renew_at:
        lease_s = turn.config.timers.lease_s
        turn.put_group(replace(group, renew_at=turn.now + lease_s / 3))
        turn.emit(RenewVip(group.name, lease_s))


def announce(turn: Turn, group: Group) -> None:
    """Announce what is due, once it is decided that the group stays here.

    While a server of the group's order is silent it may hold the address, too, in a part of the LAN that we
    do not reach: our announcements are what it hears first when the parts are joined again.
    """
    quiet = group.state is GroupState.HELD and not group.announce and group.conflict is None
    if quiet and candidates.unaccounted(turn.state, group):
        group = replace(group, announce=(turn.now + groups.ANNOUNCE_TO_SILENT_S,))
        turn.put_group(group)
    if group.state is GroupState.HELD and group.announce and turn.now >= group.announce[0]:
        # After a delay one frame stands for all that are overdue.
        turn.put_group(replace(group, announce=tuple(at for at in group.announce if at > turn.now)))
        turn.emit(Announce(group.name))


def _let_serve(turn: Turn, group: Group) -> Group:
    """The services may run when nobody else has them, or after a bounded wait."""
    elsewhere = candidates.services_elsewhere(turn.state, group)
    if (elsewhere or group.guarded) and group.serve_by is not None and turn.now < group.serve_by:
        return group
    if elsewhere:
        turn.log(Level.WARNING, "service-wait-over", group=group.name, still_on=",".join(elsewhere))
    return replace(group, serve=True, serve_by=None, guarded=False)


def stop_services(turn: Turn, group: Group) -> None:
    """Ask for the stop of all that may run; what is seen stopped is left alone."""
    for name in group.config.services:
        turn.put_service(services.want(turn.state.services[name], False))
        command_due(turn, turn.state.services[name])


def tend_services(turn: Turn) -> None:
    """Bring every service to the state that its group asks for."""
    for service in tuple(turn.state.services.values()):
        group = turn.state.groups[service.group]
        wanted = group.engaged and group.serve
        service = services.expire(services.want(service, wanted), turn.now)
        turn.put_service(service)
        command_due(turn, service)


def command_due(turn: Turn, service: Service) -> None:
    command = services.due(service, turn.now)
    if command is None:
        return
    turn.put_service(services.asked(service, command, turn.now))
    turn.emit(StartService(service.name) if command is Command.START else StopService(service.name))
    fields: dict[str, str | int | float] = {"service": service.name, "group": service.group}
    if service.reason:
        fields["reason"] = service.reason
    turn.log(Level.INFO, f"service-{command.value}", **fields)
