"""Decides in every step whether this server claims, keeps or releases each group.

Reads candidates.py, acts through transitions.py. Releases are decided before claims.
"""

from __future__ import annotations

from dataclasses import replace

from ..effects import LogLevel
from ..health import holddown
from ..health.penalty import daemons_confirmed, describe_penalty, health_penalty
from ..membership import sites
from ..model import Failback, GroupState, LanHealth
from ..state import Phase, State, StepContext
from ..vip import claim_probing, transitions
from ..vip import group as groups
from ..vip.group import Group, with_announcements
from . import candidates

CARRIER_WAIT_S = 0.1


def decide(ctx: StepContext) -> None:
    for name in tuple(ctx.state.groups):
        group = _note_free(ctx, ctx.state.groups[name])
        if group.holds_or_claims:
            _keep_or_release(ctx, group)
    for name in tuple(ctx.state.groups):
        group = ctx.state.groups[name]
        if group.state is GroupState.IDLE:
            _claim_if_free(ctx, group)
        claim_probing.tick(ctx, ctx.state.groups[name])


def _claim_if_free(ctx: StepContext, group: Group) -> None:
    state = ctx.state
    if _is_ours_to_claim(state, group):
        transitions.claim(ctx, group, claim_reason(ctx, group))
    else:
        claim_probing.clear_alarms(ctx, group)


def _is_ours_to_claim(state: State, group: Group) -> bool:
    if state.phase is not Phase.ACTIVE or candidates.peers_with_address(state, group):
        return False
    if candidates.preferred_owner(state, group) == state.config.me:
        return True
    due = unclaimed_at(state, group)
    return due is not None and state.now >= due


def unclaimed_at(state: State, group: Group) -> float | None:
    """When this server claims a group that it would leave to another one of its order; None: never.

    While the site files differ each may leave it to the other."""
    me = state.config.me
    if group.free_since is None or sites.all_alike(state) or me not in group.config.order:
        return None
    if not candidates.can_take(state, me, group):
        return None
    return group.free_since + groups.UNCLAIMED_DEADTIMES * state.config.timers.deadtime_s


def unclaimed_deadline(state: State, group: Group) -> float | None:
    due = unclaimed_at(state, group) if group.state is GroupState.IDLE else None
    return due if due is not None and due > state.now else None


def _note_free(ctx: StepContext, group: Group) -> Group:
    """The group with since when no peer has its address."""
    free = not group.holds_or_claims or group.arp_probing
    free = free and not candidates.peers_with_address(ctx.state, group)
    if free is (group.free_since is not None):
        return group
    group = replace(group, free_since=ctx.now if free else None)
    ctx.put_group(group)
    return group


def claim_reason(ctx: StepContext, group: Group) -> str:
    """Why the group is free, as text for the operator."""
    last = ctx.state.peers.get(group.last_holder)
    if last is None:
        return "first in order" if not group.last_holder else "nobody holds it"
    if last.left:
        return f"{last.name} left"
    if not last.alive:
        silence = ctx.now - last.heard_at if last.heard_at is not None else 0.0
        return f"{last.name} dead for {silence:.2f} s"
    if last.last_heartbeat is not None and last.last_heartbeat.starting:
        return f"{last.name} restarted"
    if last.last_heartbeat is not None and last.last_heartbeat.standby:
        return f"{last.name} on standby"
    why = describe_penalty(ctx.state, last.name)
    return f"released by {last.name} ({why})" if why else f"released by {last.name}"


def _keep_or_release(ctx: StepContext, group: Group) -> None:
    state = ctx.state
    if state.phase in (Phase.LEAVING, Phase.LEFT):
        transitions.release(ctx, group, "leaving")
    elif state.standby:
        transitions.release(ctx, group, "standby")
    elif group.arp_probing:
        if not _is_ours_to_claim(state, group):
            busy = candidates.peers_with_address(state, group)
            transitions.drop(ctx, group, f"{busy[0]} has it" if busy else "it is not for us to take now")
    elif not _yield_to_rival(ctx, group) and not _hand_over_to_healthier(ctx, ctx.state.groups[group.name]):
        _fail_back(ctx, ctx.state.groups[group.name])


def _yield_to_rival(ctx: StepContext, group: Group) -> bool:
    """Two servers hold the group: the one that ranks later (candidates.rank) gives it up at once.

    A rival that does not hear us will not yield, so after a deadtime we yield even to a later one:
    two holders are worse than the wrong one.
    """
    state, now = ctx.state, ctx.now
    found = candidates.rivals(state, group)
    if found != group.rivals:
        if not group.rivals:
            group = replace(group, rivals_since=now)
        group = replace(group, rivals=found)
        if found:
            ctx.log(LogLevel.WARNING, "group-conflict", group=group.name, rivals=",".join(found))
        else:
            ctx.log(LogLevel.INFO, "group-conflict-over", group=group.name)
            if group.state is GroupState.HELD:
                group = with_announcements(group, now)
        ctx.put_group(group)
    if not found:
        return False
    for name in found:
        if candidates.outranks(state, name, group):
            transitions.drop(ctx, group, f"{name} holds it too and comes first")
            return True
    for name in found:
        timers = state.peers[name].timers or state.config.timers
        waited = now >= group.rivals_since + timers.deadtime_s
        if waited and candidates.does_not_hear_us(state, state.peers[name]):
            transitions.drop(ctx, group, f"{name} holds it too and does not hear us")
            return True
    return False


def _hand_over_to_healthier(ctx: StepContext, group: Group) -> bool:
    """Another server has a strictly smaller health penalty: hand the group over to it.

    Because of a bad LAN: the address is dropped before the services stop, as nobody is served anyway. After
    a lost carrier this waits CARRIER_WAIT_S: when a switch loses or regains power, the carriers of several
    servers change one after the other. Because of broken daemons: only to a server whose daemons are
    confirmed and whose hold-down is over, or a common fault or a flapping server would cause useless moves.
    """
    state = ctx.state
    target = _healthier_server(state, group)
    lan_worse = target is not None and state.lan.bad and not state.peers[target].lan_bad
    if not lan_worse and group.lan_handover_at is not None:
        group = replace(group, lan_handover_at=None)
        ctx.put_group(group)
    if target is None:
        return False
    reason = f"{describe_penalty(state, state.config.me)}; {target} is better"
    if lan_worse:
        wait_s = CARRIER_WAIT_S if state.lan.health is LanHealth.NO_CARRIER else 0.0
        due = ctx.now + wait_s if group.lan_handover_at is None else group.lan_handover_at
        if ctx.now >= due:
            transitions.drop(ctx, group, reason)
            return True
        ctx.put_group(replace(group, lan_handover_at=due))
        return False
    if not sites.decides_alike(state, target):
        return False
    if not daemons_confirmed(state, target) or ctx.now < _holddown_ends(state, target):
        return False
    transitions.release(ctx, group, reason)
    return True


def _healthier_server(state: State, group: Group) -> str | None:
    """The preferred owner of a group we hold, when its health penalty is strictly smaller and it hears us."""
    if group.state is not GroupState.HELD:
        return None
    mine = health_penalty(state, state.config.me, group)
    if mine == (False, 0):
        return None
    target = candidates.preferred_owner(state, group)
    if target is None or target == state.config.me or candidates.does_not_hear_us(state, state.peers[target]):
        return None
    return target if health_penalty(state, target, group) < mine else None


def _holddown_ends(state: State, server: str) -> float:
    return holddown.ends_at(state.holddowns[server], state.now, state.config.timers.failback_delay_s)


def _fail_back(ctx: StepContext, group: Group) -> None:
    """Give a group back to an earlier server that has been a target for failback_delay_s and is past its
    hold-down. Only to the preferred owner: to any other server the group would move twice.
    """
    state, now = ctx.state, ctx.now
    if state.config.failback is not Failback.AUTO or group.state is not GroupState.HELD:
        return
    steady = {
        server: group.failback_since.get(server, now) for server in candidates.failback_targets(state, group)
    }
    if steady != group.failback_since:
        group = replace(group, failback_since=steady)
        ctx.put_group(group)
    target = candidates.preferred_owner(state, group) if steady else None
    if target is None or target not in steady:
        return
    if now >= _failback_due(state, target, steady[target]):
        transitions.release(ctx, group, f"failback to {target}")


def failback_deadlines(state: State, group: Group) -> list[float]:
    """When the group may be given back, one time per failback target."""
    return [_failback_due(state, server, since) for server, since in group.failback_since.items()]


def _failback_due(state: State, server: str, since: float) -> float:
    return max(since + state.config.timers.failback_delay_s, _holddown_ends(state, server))
