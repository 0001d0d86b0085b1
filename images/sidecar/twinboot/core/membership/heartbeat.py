"""What this server tells the others: builds the heartbeat and decides when one is due.

One goes out every interval, and at once when anything of our own changed. While a live peer is late, or
lacks what we sent, four times as many go out: on links that lose much, the two then hear enough of each
other not to take loss for death. Encoding is the wire's.
"""

from __future__ import annotations

from dataclasses import replace

from ..effects import Send
from ..model import GroupReport, Health, Heard, Heartbeat
from ..ownership import candidates
from ..state import Phase, State, Turn
from . import peer as peers

QUICK = 4
"""So many times as often as usual, while a peer is late."""
REMEMBERED = 32
"""Messages of which we know when they were sent."""


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
        lan=state.lan.health,
        daemons=_daemons(state),
        mac=state.lan.mac,
    )


def _groups(state: State) -> dict[str, GroupReport]:
    return {
        group.name: GroupReport(
            group.told, {name: state.services[name].reported for name in group.config.services}
        )
        for group in state.groups.values()
    }


def _eligible(state: State) -> tuple[str, ...]:
    return tuple(group.name for group in state.groups.values() if candidates.eligible(state, group))


def _daemons(state: State) -> dict[str, Health]:
    """A managed service only when there is something to say of it."""
    return {
        name: one.health for name, one in state.daemons.items()
        if one.health is not Health.UNKNOWN or name not in state.services
    }


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
        state, seq=seq, sent_at=now, send_at=now + timers.interval_s, told=message,
        sent_times=(*state.sent_times[1 - REMEMBERED:], now),
    )


def send_if_due(turn: Turn) -> None:
    """The end of every step: the interval is over, or there is news."""
    state, now = turn.state, turn.now
    soon = state.sent_at + state.config.timers.interval_s / QUICK
    quick = turn.late or now < state.quick_until
    # A stranger is answered at once, but a flood of them does not make a flood of answers.
    if now >= state.send_at or _news(state) or ((quick or turn.greet) and now >= soon):
        send(turn)
        soon = now + state.config.timers.interval_s / QUICK
    if quick and turn.state.send_at > soon:
        turn.state = replace(turn.state, send_at=soon)


def lacks_s(state: State, seq: int) -> float:
    """How long ago we first said what a peer lacks that last heard message `seq` of ours; 0: nothing."""
    missing = state.seq - seq
    if missing <= 0 or not state.sent_times:
        return 0.0
    return state.now - state.sent_times[max(len(state.sent_times) - missing, 0)]


def _news(state: State) -> bool:
    told = state.told
    if told is None:
        return True
    return (
        state.standby != told.standby or (state.phase is Phase.STARTING) != told.starting
        or state.lan.health is not told.lan or _groups(state) != told.groups
        or _eligible(state) != told.eligible or _daemons(state) != told.daemons
    )
