"""The core's door: initial(), step(), next_deadline().

Dispatches events, ages the peers, and puts the parts of a step in their order. All else lives in
the modules named after it.

What the core expects of its caller: time never goes back; effects are carried out in their order,
those of one group one after the other; every ClaimVip and DropVip is answered, and a VipObserved
was looked at after the last answer given for that group.
"""

from __future__ import annotations

from dataclasses import replace

from .effects import Effect, Level
from .events import (
    AddressConflict,
    Event,
    LanObserved,
    LeaveAsked,
    ProbeAnswered,
    ProbeFailed,
    Received,
    ServiceObserved,
    ServiceProbed,
    StandbyAsked,
    Tick,
    VipClaimed,
    VipClaimFailed,
    VipDropFailed,
    VipDropped,
    VipObserved,
)
from .health import intake
from .health import lan as lans
from .health import managed as services
from .health.daemon import Daemon
from .health.holddown import Hold
from .health.managed import Service
from .membership import heartbeat, leave, liveness
from .membership import peer as peers
from .membership.peer import Link, Peer
from .model import ClusterConfig, GroupState, ServiceState
from .ownership import candidates, decide
from .state import Phase, State, Turn
from .vip import conflict, transitions, witness
from .vip import group as groups
from .vip.group import Group

Effects = tuple[Effect, ...]


def initial(config: ClusterConfig, boot: int, now: float) -> tuple[State, Effects]:
    """A server's first state. The first effects take away what an earlier life left behind."""
    state = State(
        config=config, boot=boot, now=now, phase=Phase.STARTING,
        hold_until=now + config.timers.initdead_s,
        peers={
            name: Peer(name, links={link: Link(since=now) for link in config.links_to(name)})
            for name in config.peers
        },
        groups={
            one.name: Group(one, GroupState.RELEASING, now, transitions.AT_START) for one in config.groups
        },
        services={
            service: Service(service, one.name) for one in config.groups for service in one.services
        },
        daemons={name: Daemon(name) for name in _daemons(config)},
        holds={name: Hold(since=now) for name in config.servers},
        mark_at=now, send_at=now,
    )
    turn = Turn(state, now)
    turn.log(Level.INFO, "starting", peers=",".join(config.peers))
    for group in tuple(turn.state.groups.values()):
        transitions.ask_to_drop(turn, group)
    for group in tuple(turn.state.groups.values()):
        transitions.stop_services(turn, group)
    heartbeat.send_if_due(turn)
    return turn.state, tuple(turn.effects)


def _daemons(config: ClusterConfig) -> tuple[str, ...]:
    """Every daemon whose health is known here: those that every server runs, and the managed ones."""
    return (*config.daemons, *(service for one in config.groups for service in one.services))


def step(state: State, event: Event, now: float) -> tuple[State, Effects]:
    """Take in one event at one moment; give the next state and what is to be done, in order."""
    if state.phase is Phase.LEFT:
        return state, ()
    now = max(now, state.now)
    turn = Turn(state, now)
    _after_gap(turn, now - state.now)
    _take_in(turn, event)
    if liveness.nothing_new(turn, event, state):
        return turn.state, ()
    for peer in tuple(turn.state.peers.values()):
        liveness.age(turn, peer)
    _end_of_start(turn)
    intake.tend(turn)
    for group in tuple(turn.state.groups.values()):
        transitions.tend(turn, group)
        conflict.tend(turn, turn.state.groups[group.name])
    decide.decide(turn)
    for group in tuple(turn.state.groups.values()):
        transitions.announce(turn, group)
    transitions.tend_services(turn)
    leave.when_done(turn)
    if turn.state.phase is not Phase.LEFT:
        heartbeat.send_if_due(turn)
    return replace(turn.state, due=_deadline(turn.state)), tuple(turn.effects)


def next_deadline(state: State) -> float | None:
    """When step() wants a Tick at the latest; None when there is nothing more to do."""
    return state.due if state.due is not None else _deadline(state)


def _deadline(state: State) -> float | None:
    if state.phase is Phase.LEFT:
        return None
    timers = state.config.timers
    due: list[float | None] = [state.send_at]
    if state.phase is Phase.STARTING:
        due.append(state.hold_until)
    if state.phase is Phase.LEAVING:
        due.append(state.leave_by)
    due += lans.deadlines(state.lan, timers)
    for peer in state.peers.values():
        due += peers.deadlines(peer, timers)
        due.append(candidates.patience_ends(state, peer))
    for group in state.groups.values():
        due += groups.deadlines(group)
        due += [at for at in decide.failback_at(state, group) if at > state.now]
        if group.rivals and state.now < group.rivals_since + timers.deadtime_s:
            due.append(group.rivals_since + timers.deadtime_s)
    for service in state.services.values():
        due += services.deadlines(service)
    return min(at for at in due if at is not None)


def _after_gap(turn: Turn, gap_s: float) -> None:
    """We did not run for a while: frozen, suspended, or starved.

    Longer than a lease: the kernel has taken our addresses, others may have them. Drop first, hear
    the others, then decide anew. Longer than warntime: the peers may have spoken unheard.
    """
    state, timers = turn.state, turn.config.timers
    if gap_s > timers.lease_s:
        for group in tuple(state.groups.values()):
            if group.engaged or group.drop_by is not None:
                transitions.drop_address(turn, group, "asleep for longer than the lease")
        for group in tuple(turn.state.groups.values()):
            transitions.stop_services(turn, group)
        for peer in tuple(turn.state.peers.values()):
            turn.put_peer(peers.forget(peer, turn.now))
        intake.woke(turn)
        if state.phase is not Phase.LEAVING:
            turn.state = replace(
                turn.state, phase=Phase.STARTING, hold_until=turn.now + timers.deadtime_s
            )
        turn.log(Level.WARNING, "woke-up", asleep_s=round(gap_s, 2))
    elif gap_s > timers.warntime_s:
        for peer in tuple(state.peers.values()):
            turn.put_peer(peers.spare(peer, turn.now, timers))
        turn.log(Level.WARNING, "stalled", gap_s=round(gap_s, 2))


def _take_in(turn: Turn, event: Event) -> None:
    match event:
        case Tick():
            pass
        case Received():
            liveness.received(turn, event)
        case StandbyAsked():
            _standby(turn, event)
        case LeaveAsked():
            leave.begin(turn)
        case ServiceObserved(service=name, state=seen, reason=reason):
            _service_observed(turn, name, seen, reason)
        case ServiceProbed():
            intake.probed(turn, event)
        case LanObserved():
            intake.lan_observed(turn, event)
        case _:
            _vip_event(turn, event)


def _vip_event(
    turn: Turn,
    event: VipClaimed | VipClaimFailed | VipDropped | VipDropFailed | VipObserved | ProbeAnswered
    | ProbeFailed | AddressConflict,
) -> None:
    group = turn.state.groups.get(event.group)
    if group is None:
        return
    match event:
        case VipClaimed():
            transitions.claimed(turn, group)
            witness.confirm(turn, group)
        case VipClaimFailed(reason=reason):
            transitions.claim_failed(turn, group, reason)
        case VipDropped():
            transitions.dropped(turn, group)
        case VipDropFailed(reason=reason):
            transitions.drop_failed(turn, group, reason)
        case VipObserved(present=present):
            transitions.observed(turn, group, present)
        case ProbeAnswered(mac=mac, only_asks=only_asks):
            witness.answered(turn, group, mac, only_asks=only_asks)
        case ProbeFailed(reason=reason):
            witness.failed(turn, group, reason)
        case AddressConflict(mac=address):
            conflict.seen(turn, group, address)


def _service_observed(turn: Turn, name: str, seen: ServiceState, reason: str) -> None:
    old = turn.state.services.get(name)
    if old is None:
        return
    new = services.observe(old, seen, reason, turn.now)
    turn.put_service(new)
    if new.wanted and new.retry_at is not None:
        intake.not_running(turn, name, reason or f"it is {seen.value}")
    if new.observed is old.observed and new.reason == old.reason:
        return
    # A look while a command is under way may show the state before it: no fault, see services.observe.
    under_way = new.command is not None and not reason
    expected = new.settled or under_way or seen in (ServiceState.STARTING, ServiceState.STOPPING)
    fields: dict[str, str | int | float] = {"service": name, "state": seen.value}
    if reason:
        fields["reason"] = reason
    turn.log(Level.INFO if expected else Level.WARNING, "service-state", **fields)


def _standby(turn: Turn, event: StandbyAsked) -> None:
    if event.on is turn.state.standby:
        return
    refusal = candidates.standby_refusal(turn.state) if event.on and not event.force else None
    if refusal is not None:
        turn.log(Level.WARNING, "standby-refused", reason=refusal)
        return
    turn.state = replace(turn.state, standby=event.on)
    turn.log(Level.INFO, "standby" if event.on else "resume")


def _end_of_start(turn: Turn) -> None:
    state = turn.state
    if state.phase is not Phase.STARTING:
        return
    missing = [peer.name for peer in state.peers.values() if not peer.alive]
    if missing and turn.now < state.hold_until:
        return
    turn.state = replace(state, phase=Phase.ACTIVE)
    if missing:
        turn.log(Level.WARNING, "active", missing=",".join(missing))
    else:
        turn.log(Level.INFO, "active")
