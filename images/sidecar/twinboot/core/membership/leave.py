"""Leaving in order: told to stop, a server hands everything over, says goodbye and ends, in bounded time.

A peer that is to take over waits for the managed services to stop here, so this server waits, too. Where
nobody can take over the wait serves nobody.
"""

from __future__ import annotations

from dataclasses import replace

from ..effects import Exit, Level
from ..model import GroupState, ServiceState
from ..ownership import candidates
from ..state import Phase, State, Turn
from ..vip import transitions
from . import heartbeat

LEAVE_LIMIT_S = 3.0
ALONE_LIMIT_S = 1.0
STOP_LIMIT_S = 0.7
"""Once every address is gone: the services' own guard stops them in less, and the engine may hang."""


def begin(turn: Turn) -> None:
    if turn.state.phase is Phase.LEAVING:
        return
    limit_s = LEAVE_LIMIT_S if _could_be_taken(turn.state) else ALONE_LIMIT_S
    turn.state = replace(turn.state, phase=Phase.LEAVING, leave_by=turn.now + limit_s)
    turn.log(Level.INFO, "leaving")


def _could_be_taken(state: State) -> bool:
    """Is there anybody for what we have?"""
    return any(
        candidates.fit(state, peer, group)
        for group in state.groups.values() if group.state is not GroupState.IDLE
        for peer in state.peers
    )


def when_done(turn: Turn) -> None:
    state = turn.state
    if state.phase is not Phase.LEAVING:
        return
    handed_over = all(group.state is GroupState.IDLE for group in state.groups.values())
    stopped = all(one.observed is ServiceState.STOPPED for one in state.services.values())
    if not (handed_over and stopped) and turn.now < state.leave_by:
        if handed_over and state.leave_by > turn.now + STOP_LIMIT_S:
            turn.state = replace(state, leave_by=turn.now + STOP_LIMIT_S)
        return
    if not handed_over:
        for group in tuple(state.groups.values()):
            if group.state is GroupState.RELEASING and group.drop_by is not None:
                transitions.ask_to_drop(turn, group)
        turn.log(Level.ERROR, "leave-unfinished")
    turn.state = replace(turn.state, phase=Phase.LEFT)
    heartbeat.send(turn)
    heartbeat.send(turn)
    turn.log(Level.INFO, "left")
    turn.emit(Exit())
