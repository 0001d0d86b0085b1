"""The core's entry points: initial(), step(), next_deadline().

Dispatches events and runs the parts of a step in their order; each part is in a module of its own.

The caller must ensure: time never goes back; effects are carried out in their order, those of one group
one after the other; every ClaimVip and DropVip gets an outcome event; a VipObserved was read from the
kernel after the last such outcome for that group.
"""

from __future__ import annotations

from dataclasses import replace

from .effects import Effect, LogLevel
from .events import (
    AddressConflict,
    AddressesAnswered,
    ArpProbeAnswered,
    ArpProbeFailed,
    ArpRequestAnswered,
    Event,
    HeartbeatReceived,
    LanObserved,
    LeaveRequested,
    LinkCarrierLost,
    ReadinessObserved,
    ServiceHeard,
    ServiceObserved,
    ServiceProbed,
    SiteApplied,
    StandbyRequested,
    Tick,
    VipClaimed,
    VipClaimFailed,
    VipDropFailed,
    VipDropped,
    VipObserved,
)
from .health import intake, readiness
from .health import lan as lans
from .health import managed as services
from .health.daemon import Daemon
from .health.holddown import HoldDown
from .health.managed import ManagedService
from .membership import heartbeat, leave, liveness, reach, sites
from .membership import peer as peers
from .membership.peer import Peer, PeerLink
from .membership.reach import Reach
from .model import ClusterConfig, GroupState, ServiceState
from .ownership import candidates, decide, standby
from .state import Phase, State, StepContext
from .vip import claim_probing, conflict, foreign_hosts, served_elsewhere, transitions
from .vip import group as groups
from .vip.group import Group

Effects = tuple[Effect, ...]


def initial(config: ClusterConfig, boot_id: int, now: float) -> tuple[State, Effects]:
    """A server's first state. The first effects remove what an earlier run left behind."""
    state = State(
        config=config,
        boot_id=boot_id,
        now=now,
        phase=Phase.STARTING,
        starting_until=now + config.timers.initdead_s,
        peers={
            name: Peer(name, links={link: PeerLink(expected_since=now) for link in config.links_to(name)})
            for name in config.peers
        },
        groups={
            one.name: Group(one, GroupState.RELEASING, now, transitions.REASON_AT_START)
            for one in config.groups
        },
        services={
            service: ManagedService(service, one.name) for one in config.groups for service in one.services
        },
        daemons={name: Daemon(name) for name in _daemon_names(config)},
        holddowns={name: HoldDown(since=now) for name in config.servers},
        reach=Reach(due_at=now),
        next_min_echo_at=now,
        send_at=now,
    )
    ctx = StepContext(state, now)
    ctx.log(LogLevel.INFO, "starting", peers=",".join(config.peers))
    for group in tuple(ctx.state.groups.values()):
        transitions.request_drop(ctx, group)
    for group in tuple(ctx.state.groups.values()):
        transitions.stop_services(ctx, group)
    heartbeat.send_if_due(ctx)
    return ctx.state, tuple(ctx.effects)


def _daemon_names(config: ClusterConfig) -> tuple[str, ...]:
    """Every daemon whose health is tracked here: those that every server runs, and the managed services."""
    return (*config.daemons, *(service for one in config.groups for service in one.services))


def step(state: State, event: Event, now: float) -> tuple[State, Effects]:
    """Process one event at time `now`; return the next state and the effects, in order."""
    if state.phase is Phase.LEFT:
        return state, ()
    now = max(now, state.now)
    ctx = StepContext(state, now)
    _handle_pause(ctx, now - state.now)
    _dispatch(ctx, event)
    if liveness.nothing_new(ctx, event, state):
        return ctx.state, ()
    for peer in tuple(ctx.state.peers.values()):
        liveness.check_silence(ctx, peer)
    _end_starting_phase(ctx)
    reach.tick(ctx)
    intake.tick(ctx)
    for group in tuple(ctx.state.groups.values()):
        transitions.tick(ctx, group)
        conflict.tick(ctx, ctx.state.groups[group.name])
        served_elsewhere.tick(ctx, ctx.state.groups[group.name])
    decide.decide(ctx)
    for group in tuple(ctx.state.groups.values()):
        transitions.announce(ctx, group)
    transitions.reconcile_services(ctx)
    leave.finish_when_done(ctx)
    if ctx.state.phase is not Phase.LEFT:
        heartbeat.send_if_due(ctx)
    return replace(ctx.state, cached_deadline=_deadline(ctx.state)), tuple(ctx.effects)


def next_deadline(state: State) -> float | None:
    """The latest time for the next Tick, monotonic seconds; None when the core has left."""
    return state.cached_deadline if state.cached_deadline is not None else _deadline(state)


def _deadline(state: State) -> float | None:
    if state.phase is Phase.LEFT:
        return None
    timers = state.config.timers
    due: list[float | None] = [state.send_at, state.reach.due_at]
    if state.phase is Phase.STARTING and state.starting_until > state.now:
        due.append(state.starting_until)
    if state.phase is Phase.LEAVING:
        due.append(state.leave_by)
    due += lans.deadlines(state.lan, timers)
    for peer in state.peers.values():
        due += peers.deadlines(peer, timers)
        due.append(candidates.starting_grace_ends(state, peer))
    for group in state.groups.values():
        due += groups.deadlines(group)
        due += [at for at in decide.failback_deadlines(state, group) if at > state.now]
        due.append(decide.unclaimed_deadline(state, group))
        due.append(served_elsewhere.deadline(state, group))
        if group.rivals and state.now < group.rivals_since + timers.deadtime_s:
            due.append(group.rivals_since + timers.deadtime_s)
    for service in state.services.values():
        due += services.deadlines(service)
    return min(at for at in due if at is not None)


def _handle_pause(ctx: StepContext, gap_s: float) -> None:
    """Handle a pause of this process: frozen, suspended, or without CPU time.

    Longer than an address lifetime: the kernel has removed our addresses and others may have them, so drop
    everything, listen for the peers, then decide again. Longer than warntime: heartbeats of peers may lie
    unread.
    """
    state, timers = ctx.state, ctx.config.timers
    if gap_s > timers.address_lifetime_s:
        for group in tuple(state.groups.values()):
            if group.holds_or_claims or group.drop_by is not None:
                transitions.drop_address(ctx, group, "asleep for longer than the address lifetime")
        for group in tuple(ctx.state.groups.values()):
            transitions.stop_services(ctx, group)
        for peer in tuple(ctx.state.peers.values()):
            ctx.put_peer(peers.forget_liveness(peer, ctx.now))
        intake.resumed_after_sleep(ctx)
        if state.phase is not Phase.LEAVING:
            ctx.state = replace(
                ctx.state, phase=Phase.STARTING, starting_until=ctx.now + timers.deadtime_s
            )
        ctx.log(LogLevel.WARNING, "woke-up", asleep_s=round(gap_s, 2))
    elif gap_s > timers.warntime_s:
        for peer in tuple(state.peers.values()):
            ctx.put_peer(peers.postpone_death(peer, ctx.now, timers))
        ctx.log(LogLevel.WARNING, "stalled", gap_s=round(gap_s, 2))


def _dispatch(ctx: StepContext, event: Event) -> None:
    match event:
        case Tick():
            pass
        case HeartbeatReceived():
            liveness.received(ctx, event)
        case StandbyRequested():
            _standby(ctx, event)
        case SiteApplied(site=site):
            sites.applied(ctx, site)
        case LeaveRequested():
            leave.begin(ctx)
        case ServiceObserved(service=name, state=seen, reason=reason):
            _service_observed(ctx, name, seen, reason)
        case ServiceProbed():
            intake.service_probed(ctx, event)
        case ServiceHeard():
            served_elsewhere.heard(ctx, event)
        case LanObserved():
            intake.lan_observed(ctx, event)
        case ReadinessObserved(lacks=lacks):
            readiness.observed(ctx, lacks)
        case LinkCarrierLost():
            liveness.carrier_lost(ctx, event)
        case ArpRequestAnswered():
            liveness.request_answered(ctx, event)
            foreign_hosts.request_answered(ctx, event)
        case AddressesAnswered():
            reach.answered(ctx, event)
            conflict.answered(ctx, event)
        case _:
            _vip_event(ctx, event)


def _vip_event(
    ctx: StepContext,
    event: VipClaimed | VipClaimFailed | VipDropped | VipDropFailed | VipObserved | ArpProbeAnswered
    | ArpProbeFailed | AddressConflict,
) -> None:
    group = ctx.state.groups.get(event.group)
    if group is None:
        return
    match event:
        case VipClaimed():
            transitions.claimed(ctx, group)
            claim_probing.probe_after_claim(ctx, group)
        case VipClaimFailed(reason=reason, late=late):
            if late:
                transitions.claim_came_late(ctx, group, reason)
            else:
                transitions.claim_failed(ctx, group, reason)
        case VipDropped():
            transitions.dropped(ctx, group)
        case VipDropFailed(reason=reason):
            transitions.drop_failed(ctx, group, reason)
        case VipObserved(present=present):
            transitions.observed(ctx, group, present)
        case ArpProbeAnswered(mac=mac, simultaneous_probe=simultaneous_probe):
            claim_probing.answered(ctx, group, mac, simultaneous_probe=simultaneous_probe)
        case ArpProbeFailed(reason=reason):
            claim_probing.probe_failed(ctx, group, reason)
        case AddressConflict(mac=address):
            conflict.seen(ctx, group, address)


def _service_observed(ctx: StepContext, name: str, seen: ServiceState, reason: str) -> None:
    old = ctx.state.services.get(name)
    if old is None:
        return
    new = services.observe(old, seen, reason, ctx.now)
    ctx.put_service(new)
    if new.wanted and new.retry_at is not None:
        intake.service_not_running(ctx, name, reason or f"it is {seen.value}")
    if new.observed is old.observed and new.reason == old.reason:
        return
    # An observation made while a command is under way may show the state before it: no fault.
    under_way = new.command is not None and not reason
    expected = new.settled or under_way or seen in (ServiceState.STARTING, ServiceState.STOPPING)
    fields: dict[str, str | int | float] = {"service": name, "state": seen.value}
    if reason:
        fields["reason"] = reason
    ctx.log(LogLevel.INFO if expected else LogLevel.WARNING, "service-state", **fields)


def _standby(ctx: StepContext, event: StandbyRequested) -> None:
    if event.on is ctx.state.standby:
        return
    refusal = standby.standby_refusal(ctx.state) if event.on and not event.force else None
    if refusal is not None:
        ctx.log(LogLevel.WARNING, "standby-refused", reason=refusal)
        return
    ctx.state = replace(ctx.state, standby=event.on)
    ctx.log(LogLevel.INFO, "standby" if event.on else "resume")


def _end_starting_phase(ctx: StepContext) -> None:
    state = ctx.state
    if state.phase is not Phase.STARTING:
        return
    missing = [peer.name for peer in state.peers.values() if not peer.alive and not peer.unknown_server]
    if missing and ctx.now < state.starting_until:
        return
    if sites.superseded(state):
        return  # the agent takes the newer site and starts anew with it; while that peer lives it serves
    ctx.state = replace(state, phase=Phase.ACTIVE)
    if missing:
        ctx.log(LogLevel.WARNING, "active", missing=",".join(missing))
    else:
        ctx.log(LogLevel.INFO, "active")
