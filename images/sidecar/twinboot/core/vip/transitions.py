"""Carries out a group's transitions: claim, release, drop, and the periodic work while it is held.

Owns the order of effects. Orderly release: services stop, then the address is dropped. The address is
dropped first when another server has it too, when our LAN is bad, or when we paused for longer than
an address lifetime.
Decides nothing about ownership (decide.py).
"""

from __future__ import annotations

import math
from dataclasses import replace

from ..effects import (
    CLAIM_WITHIN_S,
    AnnounceVip,
    ClaimVip,
    DropVip,
    LogLevel,
    RenewVip,
    StartService,
    StopService,
)
from ..health import managed as services
from ..health.managed import Command, ManagedService
from ..membership import sites
from ..model import GroupState, Health, ServiceState
from ..ownership import candidates
from ..state import StepContext
from . import group as groups
from . import served_elsewhere
from .group import Group, transition, with_announcements, with_claim_backoff

REASON_AT_START = "start"
"""The reason of the release at start, which only removes what an earlier run left."""


def claim(ctx: StepContext, group: Group, reason: str) -> None:
    """Begin to claim a group. ClaimVip is emitted by claim_probing.py, after ARP probes where needed."""
    group = replace(transition(group, GroupState.CLAIMING, now=ctx.now, reason=reason), arp_probing=True)
    ctx.put_group(group)
    ctx.log(LogLevel.DEBUG, "group-claiming", group=group.name, reason=reason)


def request_address(ctx: StepContext, group: Group) -> None:
    ctx.put_group(replace(group, claim_by=ctx.now + groups.CLAIM_LIMIT_S))
    timers = ctx.config.timers
    # where nothing is probed, the others know by our heartbeats that we claim
    within_s = CLAIM_WITHIN_S if group.arp_probe_at is not None else 2 * timers.interval_s + CLAIM_WITHIN_S
    ctx.emit(ClaimVip(group.name, timers.address_lifetime_s, within_s))


def claimed(ctx: StepContext, group: Group) -> None:
    """The address is up: the group is HELD; announce it and arm the start of the services."""
    if group.state is GroupState.IDLE:
        drop(ctx, group, "address came up after the claim was given up")
    if group.state is not GroupState.CLAIMING or group.arp_probing:
        return
    timers = ctx.config.timers
    held = transition(group, GroupState.HELD, now=ctx.now, reason=group.reason)
    waits = bool(held.config.services) and not group.may_serve
    # With differing site files a peer may begin to run the services by its own at this moment.
    await_guard = group.await_guard or not sites.all_alike(ctx.state)
    wait_s = groups.GUARD_S if await_guard else groups.SERVE_WAIT_S
    held = replace(
        held,
        claim_failures=0,
        claim_backoff_until=None,
        last_resort_at=None,
        answered_by="",
        arp_probe_fault="",
        last_holder=ctx.config.me,
        renew_at=ctx.now + timers.address_lifetime_s / 3,
        may_serve=group.may_serve,
        serve_at=ctx.now + wait_s if waits else None,
        await_guard=await_guard and waits,
    )
    ctx.put_group(with_announcements(held, ctx.now))
    ctx.log(LogLevel.INFO, "group-claimed", group=group.name, reason=group.reason)


def claim_failed(ctx: StepContext, group: Group, reason: str) -> None:
    """A claim failed: back off, and drop an address that may be half configured."""
    if group.state is not GroupState.CLAIMING:
        return
    group = with_claim_backoff(group, ctx.now)
    pause = (group.last_resort_at or ctx.now) - ctx.now
    ctx.log(LogLevel.ERROR, "group-claim-failed", group=group.name, reason=reason, retry_s=round(pause, 1))
    drop(ctx, group, "claim failed")


def claim_came_late(ctx: StepContext, group: Group, reason: str) -> None:
    """We were paused between the decision and the claim: decide again, at once."""
    if group.state is GroupState.CLAIMING:
        ctx.log(LogLevel.INFO, "group-claim-late", group=group.name, reason=reason)
        drop(ctx, group, "claimed too late")


def release(ctx: StepContext, group: Group, reason: str) -> None:
    """Release a held group: stop the services, then drop the address, within STOP_WAIT_S."""
    if group.state is GroupState.CLAIMING:
        drop(ctx, group, reason)
        return
    released = transition(group, GroupState.RELEASING, now=ctx.now, reason=reason)
    ctx.log(LogLevel.DEBUG, "group-releasing", group=group.name, reason=reason)
    ctx.put_group(replace(released, drop_by=ctx.now + groups.STOP_WAIT_S, renew_at=group.renew_at))
    stop_services(ctx, group)
    _drop_when_stopped(ctx, ctx.state.groups[group.name])


def drop(ctx: StepContext, group: Group, reason: str) -> None:
    """Drop the address at once, without waiting for the services, and stop those."""
    drop_address(ctx, group, reason)
    stop_services(ctx, group)


def drop_address(ctx: StepContext, group: Group, reason: str) -> None:
    if group.state is GroupState.CLAIMING and group.arp_probing:
        ctx.put_group(transition(group, GroupState.IDLE, now=ctx.now, reason=reason))
        ctx.log(LogLevel.INFO, "group-claim-withdrawn", group=group.name, reason=reason)
        return
    if group.state is not GroupState.RELEASING:
        group = transition(group, GroupState.RELEASING, now=ctx.now, reason=reason)
    request_drop(ctx, group)


def request_drop(ctx: StepContext, group: Group) -> None:
    """Emit DropVip; it is repeated until the address is gone or its kernel lifetime is over."""
    now = ctx.now
    gone_by = group.expires_by
    if gone_by is None:
        gone_by = now + ctx.config.timers.address_lifetime_s + groups.KERNEL_MARGIN_S
    pause = min(groups.DROP_RETRY_S * 2.0**group.retries, groups.DROP_RETRY_MAX_S)
    ctx.put_group(replace(
        group, drop_by=None, renew_at=None, expires_by=gone_by, retry_at=now + pause,
        retries=min(group.retries + 1, 10),
    ))
    ctx.emit(DropVip(group.name))


def dropped(ctx: StepContext, group: Group) -> None:
    """The address is not on the interface: release is complete, or a held address has vanished."""
    if group.state in (GroupState.HELD, GroupState.CLAIMING):
        reclaim(ctx, group)
    elif group.state is GroupState.RELEASING and group.drop_by is None:
        _released(ctx, group)


def drop_failed(ctx: StepContext, group: Group, reason: str) -> None:
    """The kernel refused: ask sooner again than after a silence, as a peer may hold the address, too."""
    if group.state is GroupState.RELEASING:
        pause = groups.REFUSED_RETRY_S * 2.0 ** (group.retries - 1)
        ctx.put_group(replace(group, retry_at=min(group.retry_at or math.inf, ctx.now + pause)))
        ctx.log(LogLevel.ERROR, "address-drop-failed", group=group.name, reason=reason)


def reclaim(ctx: StepContext, group: Group) -> None:
    """A held address has vanished (for example flushed by another tool): claim it again."""
    if group.state is not GroupState.HELD:
        return
    ctx.log(LogLevel.WARNING, "address-vanished", group=group.name)
    again = transition(group, GroupState.CLAIMING, now=ctx.now, reason=groups.REASON_VANISHED)
    ctx.put_group(replace(again, arp_probing=True, may_serve=group.may_serve))


def observed(ctx: StepContext, group: Group, present: bool) -> None:
    """Compare the kernel's state with the record: reclaim a vanished address, drop a leftover one."""
    if not present:
        dropped(ctx, group)
    elif group.state is GroupState.IDLE:
        ctx.log(LogLevel.WARNING, "address-left-over", group=group.name)
        drop(ctx, group, "address found though not held")


def tick(ctx: StepContext, group: Group) -> None:
    """Do what is due for one group at this time."""
    if group.state is GroupState.RELEASING:
        _tick_releasing(ctx, group)
    elif group.state is GroupState.CLAIMING and group.claim_by is not None and ctx.now >= group.claim_by:
        claim_failed(ctx, group, f"no answer for {groups.CLAIM_LIMIT_S:g} s")
    elif group.state is GroupState.HELD:
        _tick_held(ctx, group)
    group = ctx.state.groups[group.name]
    if group.claim_backoff_until is not None and ctx.now >= group.claim_backoff_until:
        ctx.put_group(replace(group, claim_backoff_until=None, last_resort_at=None))
    elif group.last_resort_at is not None and ctx.now >= group.last_resort_at:
        ctx.put_group(replace(group, last_resort_at=None))


def _tick_releasing(ctx: StepContext, group: Group) -> None:
    if group.drop_by is not None:
        _renew(ctx, group)
        _drop_when_stopped(ctx, ctx.state.groups[group.name])
    elif group.expires_by is not None and ctx.now >= group.expires_by:
        lifetime_s = ctx.config.timers.address_lifetime_s
        ctx.log(LogLevel.ERROR, "address-drop-unconfirmed", group=group.name, lifetime_s=lifetime_s)
        _released(ctx, group)
    elif group.retry_at is not None and ctx.now >= group.retry_at:
        request_drop(ctx, group)


def _drop_when_stopped(ctx: StepContext, group: Group) -> None:
    running = [
        name for name in group.config.services
        if ctx.state.services[name].observed is not ServiceState.STOPPED
    ]
    wait = any(_stop_likely(ctx, name) for name in running)
    if wait and group.drop_by is not None and ctx.now < group.drop_by:
        return
    if running:
        ctx.log(LogLevel.WARNING, "service-stop-slow", group=group.name, services=",".join(running))
    request_drop(ctx, group)


def _stop_likely(ctx: StepContext, service: str) -> bool:
    """Whether the service's stop is worth waiting for. Not when the daemon is failing or the engine hangs:
    then its own guard stops it."""
    if ctx.state.daemons[service].health in (Health.FAILING, Health.BROKEN):
        return False
    return services.stop_likely(ctx.state.services[service], ctx.now)


def _released(ctx: StepContext, group: Group) -> None:
    ctx.put_group(transition(group, GroupState.IDLE, now=ctx.now, reason=group.reason))
    level = LogLevel.DEBUG if group.reason == REASON_AT_START else LogLevel.INFO
    ctx.log(level, "group-released", group=group.name, reason=group.reason)


def _tick_held(ctx: StepContext, group: Group) -> None:
    _renew(ctx, group)
    group = ctx.state.groups[group.name]
    if group.config.services:
        ctx.put_group(_yield_services(ctx, group) if group.may_serve else _allow_services(ctx, group))


def _renew(ctx: StepContext, group: Group) -> None:
    """Renew the address' kernel lifetime when due, so that it expires if this process stops running."""
    if group.renew_at is not None and ctx.now >= group.renew_at:
        lifetime_s = ctx.config.timers.address_lifetime_s
        ctx.put_group(replace(group, renew_at=ctx.now + lifetime_s / 3))
        ctx.emit(RenewVip(group.name, lifetime_s))


def announce(ctx: StepContext, group: Group) -> None:
    """Send due announcements (after decide(), so only when the group stays here).

    While a server of the group's order is unaccounted for, they are a second apart at most, between those of
    the series after a claim, too: it may hold the address in a part of the LAN that we do not reach, and
    notices them when the parts are joined again.
    """
    if group.state is not GroupState.HELD:
        return
    if group.announce and ctx.now >= group.announce[0]:
        # One announcement stands for all that are due.
        later = tuple(at for at in group.announce if at > ctx.now + groups.ANNOUNCE_TOGETHER_S)
        group = replace(group, announce=later)
        ctx.put_group(group)
        ctx.emit(AnnounceVip(group.name))
    next_at = ctx.now + groups.ANNOUNCE_TO_SILENT_S
    far = not group.announce or group.announce[0] > next_at
    if far and group.conflict is None and candidates.unaccounted(ctx.state, group):
        ctx.put_group(replace(group, announce=(next_at, *group.announce)))


def _allow_services(ctx: StepContext, group: Group) -> Group:
    """The group with its services allowed, once no peer runs them.

    Where a peer runs them without the address, they are waited for until serve_at at most: the engine may
    hang there, and the services' guards stop them. A peer that has the address, of whatever group, goes on
    with them, so they do not start here.
    """
    elsewhere = candidates.peers_running_services(ctx.state, group)
    due = group.serve_at is None or ctx.now >= group.serve_at
    if candidates.peers_serving(ctx.state, group):
        return replace(group, serve_at=ctx.now + groups.SERVE_WAIT_S) if due else group
    if (elsewhere or group.await_guard) and not due:
        return group
    if served_elsewhere.holds_off(group, ctx.now):
        return replace(group, serve_at=ctx.now + groups.SERVE_WAIT_S) if due else group
    if elsewhere:
        ctx.log(LogLevel.WARNING, "service-wait-over", group=group.name, still_on=",".join(elsewhere))
    return replace(group, may_serve=True, serve_at=None, await_guard=False)


def _yield_services(ctx: StepContext, group: Group) -> Group:
    """The group without its services when a peer runs them under another group, and goes on with them."""
    other = candidates.serving_peer_that_stays(ctx.state, group)
    if other is None:
        return group
    ctx.log(LogLevel.WARNING, "service-yielded", group=group.name, to=other)
    return replace(group, may_serve=False, serve_at=ctx.now + groups.SERVE_WAIT_S)


def stop_services(ctx: StepContext, group: Group) -> None:
    """Stop the group's services; one that is observed as stopped gets no command."""
    for name in group.config.services:
        ctx.put_service(services.set_wanted(ctx.state.services[name], False))
        issue_due_command(ctx, ctx.state.services[name])


def reconcile_services(ctx: StepContext) -> None:
    """Issue the commands that bring every service to the state its group needs."""
    for service in tuple(ctx.state.services.values()):
        group = ctx.state.groups[service.group]
        wanted = group.holds_or_claims and group.may_serve
        service = services.expire_command(services.set_wanted(service, wanted), ctx.now)
        ctx.put_service(service)
        issue_due_command(ctx, service)


def issue_due_command(ctx: StepContext, service: ManagedService) -> None:
    command = services.due_command(service, ctx.now)
    if command is None:
        return
    ctx.put_service(services.command_issued(service, command, ctx.now))
    ctx.emit(StartService(service.name) if command is Command.START else StopService(service.name))
    fields: dict[str, str | int | float] = {"service": service.name, "group": service.group}
    if service.reason:
        fields["reason"] = service.reason
    ctx.log(LogLevel.INFO, f"service-{command.value}", **fields)
