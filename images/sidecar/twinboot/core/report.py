"""What this server tells the others: builds the heartbeat and decides when one is due.

One goes out every interval, and at once when anything of our own changed. Encoding is the wire's.
"""

from __future__ import annotations

from dataclasses import replace

from . import ownership
from . import peer as peers
from .effects import Send
from .model import GroupReport, Heard, Heartbeat
from .state import Phase, State, Turn


def heartbeat(state: State, seq: int) -> Heartbeat:
    """The message of this moment."""
    heard: dict[str, Heard] = {}
    for peer in state.peers.values():
        mention = peers.mention(peer, seq)
        if mention is not None:
            heard[peer.name] = mention
    return Heartbeat(
        cluster=state.config.cluster,
        sender=state.config.me,
        boot=state.boot,
        seq=seq,
        groups=_groups(state),
        eligible=_eligible(state),
        standby=state.standby,
        leaving=state.phase is Phase.LEFT,
        starting=state.phase is Phase.STARTING,
        heard=heard,
    )


def _groups(state: State) -> dict[str, GroupReport]:
    return {
        group.name: GroupReport(
            group.told, {name: state.services[name].reported for name in group.config.services}
        )
        for group in state.groups.values()
    }


def _eligible(state: State) -> tuple[str, ...]:
    return tuple(group.name for group in state.groups.values() if ownership.eligible(state, group))


def send(turn: Turn) -> None:
    """Send one now."""
    state, now = turn.state, turn.now
    timers = state.config.timers
    seq = state.seq + 1
    message = heartbeat(state, seq)
    turn.emit(Send(message))
    if now >= state.mark_at + timers.deadtime_s:
        state = replace(state, mark_at=now, mark_seq=seq, fresh_seq=state.mark_seq)
    turn.state = replace(
        state, seq=seq, sent_at=now, send_at=now + timers.interval_s, told=message
    )


def send_if_due(turn: Turn) -> None:
    """The end of every step: the interval is over, or there is news."""
    state = turn.state
    if turn.now >= state.send_at or _news(state):
        send(turn)
    elif turn.greet and turn.now >= state.sent_at + state.config.timers.interval_s / 4:
        # A stranger is answered at once, but a flood of them does not make a flood of answers.
        send(turn)


def _news(state: State) -> bool:
    told = state.told
    if told is None:
        return True
    return (
        _groups(state) != told.groups or _eligible(state) != told.eligible
        or state.standby != told.standby or (state.phase is Phase.LEFT) != told.leaving
        or (state.phase is Phase.STARTING) != told.starting
    )
