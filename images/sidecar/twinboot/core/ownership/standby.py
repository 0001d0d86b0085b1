"""Whether this server may hand over and hold nothing, by its operator's wish: queries on the state.

Asked by standby and by the stop of the stack. What would be left unserved is named with the command that
mends it; forced, both are done all the same.
"""

from __future__ import annotations

from ..health import readiness
from ..health.penalty import describe_penalty, health_penalty
from ..state import State
from ..vip.group import Group
from .candidates import can_take, rivals


def standby_refusal(state: State) -> str | None:
    """Why this server may not go on standby; None when it may."""
    if state.standby:
        return None
    for group in state.groups.values():
        reason = _refusal(state, group)
        if reason:
            return reason
    return None


def _refusal(state: State, group: Group) -> str:
    taker = _taker(state, group)
    if not group.holds_or_claims and rivals(state, group):
        return ""  # it does not move
    if taker is None:
        return "" if rivals(state, group) else f"no other server could take group {group.name}"
    lacks = readiness.unserved_after(state, taker, group.config)
    if lacks:
        what = "; ".join(readiness.describe(one) for one in lacks)
        return _text(taker, group, what, readiness.remedy(taker, lacks))
    if health_penalty(state, taker, group) > health_penalty(state, state.config.me, group):
        return _text(taker, group, describe_penalty(state, taker), f"`make logs` on {taker}")
    return ""


def _taker(state: State, group: Group) -> str | None:
    """The server that would take the group when this one gives it up (candidates.preferred_owner)."""
    able = [
        name for name in group.config.order
        if name in state.peers and can_take(state, name, group) and not state.peers[name].lan_bad
    ]
    return min(able, key=lambda name: health_penalty(state, name, group), default=None)


def _text(taker: str, group: Group, what: str, remedy: str) -> str:
    return f"{taker} would take group {group.name} and could not serve it: {what}; {remedy}"
