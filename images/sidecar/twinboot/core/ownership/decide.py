"""Decides, at the end of every step, whether a group must change hands.

Reads ownership.py, acts through roles.py. Releases are decided before claims.
"""

from __future__ import annotations

from dataclasses import replace

from ..effects import Level
from ..health import holddown
from ..health.penalty import burden, sound, trouble
from ..model import Failback, GroupState, LanHealth
from ..state import Phase, State, Turn
from ..vip import transitions, witness
from ..vip.group import Group, announcing
from . import candidates


def decide(turn: Turn) -> None:
    for name in tuple(turn.state.groups):
        group = turn.state.groups[name]
        if group.engaged:
            _keep_or_give_up(turn, group)
    for name in tuple(turn.state.groups):
        group = turn.state.groups[name]
        if group.state is GroupState.IDLE:
            _take_or_leave(turn, group)
        witness.tend(turn, turn.state.groups[name])


def _take_or_leave(turn: Turn, group: Group) -> None:
    state = turn.state
    if _free_for_us(state, group):
        transitions.claim(turn, group, claim_reason(turn, group))
    else:
        witness.leave_be(turn, group)


def _free_for_us(state: State, group: Group) -> bool:
    if state.phase is not Phase.ACTIVE or candidates.busy_peers(state, group.name):
        return False
    return candidates.first(state, group) == state.config.me


def claim_reason(turn: Turn, group: Group) -> str:
    """Why the group is free, in the operator's terms."""
    last = turn.state.peers.get(group.last_holder)
    if last is None:
        return "first in order" if not group.last_holder else "nobody holds it"
    if last.left:
        return f"{last.name} left"
    if not last.alive:
        silence = turn.now - last.heard_at if last.heard_at is not None else 0.0
        return f"{last.name} dead for {silence:.2f} s"
    if last.last is not None and last.last.starting:
        return f"{last.name} restarted"
    if last.last is not None and last.last.standby:
        return f"{last.name} on standby"
    why = trouble(turn.state, last.name)
    return f"released by {last.name} ({why})" if why else f"released by {last.name}"


def _keep_or_give_up(turn: Turn, group: Group) -> None:
    state = turn.state
    if state.phase in (Phase.LEAVING, Phase.LEFT):
        transitions.release(turn, group, "leaving")
    elif state.standby:
        transitions.release(turn, group, "standby")
    elif group.probing:
        if not _free_for_us(state, group):
            busy = candidates.busy_peers(state, group.name)
            transitions.drop(turn, group, f"{busy[0]} has it" if busy else "it is not for us to take now")
    elif not _yields(turn, group) and not _hand_over(turn, turn.state.groups[group.name]):
        _fail_back(turn, turn.state.groups[group.name])


def _yields(turn: Turn, group: Group) -> bool:
    """Two servers hold the group: the later one in the order gives it up at once.

    A rival that does not hear us cannot know, so after a deadtime we give way even to a later one:
    two holders are worse than the wrong one.
    """
    state, now = turn.state, turn.now
    found = candidates.rivals(state, group.name)
    if found != group.rivals:
        if not group.rivals:
            group = replace(group, rivals_since=now)
        group = replace(group, rivals=found)
        if found:
            turn.log(Level.WARNING, "group-conflict", group=group.name, rivals=",".join(found))
        else:
            turn.log(Level.INFO, "group-conflict-over", group=group.name)
            if group.state is GroupState.HELD:
                group = announcing(group, now)
        turn.put_group(group)
    if not found:
        return False
    mine = candidates.rank(state, state.config.me, group)
    for name in found:
        if candidates.rank(state, name, group) < mine:
            transitions.drop(turn, group, f"{name} holds it too and comes first")
            return True
    waited = now >= group.rivals_since + state.config.timers.deadtime_s
    for name in found:
        if waited and candidates.deaf(state, state.peers[name]):
            transitions.drop(turn, group, f"{name} holds it too and does not hear us")
            return True
    return False


def _hand_over(turn: Turn, group: Group) -> bool:
    """Another server has a strictly smaller burden: let it have the group.

    Behind a bad LAN nobody is served, so then the address goes before the services. A lost carrier waits a
    blink: where a switch loses its power, or gets it back, they change one after the other. For the sake of
    daemons only to a server of which nothing is in doubt and that does not flap: while both fail for the
    same reason, or one comes and goes, each move would be one for nothing.
    """
    state = turn.state
    taker = _better(state, group)
    lan_worse = taker is not None and state.lan.bad and not state.peers[taker].lan_bad
    if not lan_worse and group.worse_until is not None:
        group = replace(group, worse_until=None)
        turn.put_group(group)
    if taker is None:
        return False
    reason = f"{trouble(state, state.config.me)}; {taker} is better"
    if lan_worse:
        blink_s = state.config.timers.interval_s / 2 if state.lan.health is LanHealth.NO_CARRIER else 0.0
        until = turn.now + blink_s if group.worse_until is None else group.worse_until
        if turn.now >= until:
            transitions.drop(turn, group, reason)
            return True
        turn.put_group(replace(group, worse_until=until))
        return False
    if not sound(state, taker) or turn.now < _held_down_until(state, taker):
        return False
    transitions.release(turn, group, reason)
    return True


def _better(state: State, group: Group) -> str | None:
    """The server with a strictly smaller burden that would take the group we hold."""
    if group.state is not GroupState.HELD:
        return None
    mine = burden(state, state.config.me, group)
    if mine == (False, 0):
        return None
    taker = candidates.first(state, group)
    if taker is None or taker == state.config.me or candidates.deaf(state, state.peers[taker]):
        return None
    return taker if burden(state, taker, group) < mine else None


def _held_down_until(state: State, server: str) -> float:
    return holddown.ends(state.holds[server], state.now, state.config.timers.failback_delay_s)


def _fail_back(turn: Turn, group: Group) -> None:
    """Give a group back to an earlier server that was steady for failback_delay_s, and through its hold-down.

    Only to the one that will take it: another one in between would be a move for nothing.
    """
    state, now = turn.state, turn.now
    if state.config.failback is not Failback.AUTO or group.state is not GroupState.HELD:
        return
    steady = {server: group.steady.get(server, now) for server in candidates.takers_back(state, group)}
    if steady != group.steady:
        group = replace(group, steady=steady)
        turn.put_group(group)
    taker = candidates.first(state, group) if steady else None
    if taker is None or taker not in steady:
        return
    if now >= _failback_due(state, taker, steady[taker]):
        transitions.release(turn, group, f"failback to {taker}")


def failback_at(state: State, group: Group) -> list[float]:
    """When the group may go back to each earlier server that could have it."""
    return [_failback_due(state, server, since) for server, since in group.steady.items()]


def _failback_due(state: State, server: str, since: float) -> float:
    return max(since + state.config.timers.failback_delay_s, _held_down_until(state, server))
