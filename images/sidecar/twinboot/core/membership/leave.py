"""Orderly stop: release every group, stop the managed services, send a goodbye, exit; in bounded time.

A peer that takes over waits for the managed services to stop here, so this server waits for them, too. When
no peer can take over, the limit is shorter.
"""

from __future__ import annotations

from dataclasses import replace

from ..effects import Exit, LogLevel
from ..model import GroupState, ServiceState
from ..ownership import candidates
from ..state import Phase, State, StepContext
from ..vip import transitions
from . import heartbeat

LEAVE_LIMIT_S = 3.0
ALONE_LIMIT_S = 1.0
STOP_LIMIT_S = 0.7
"""Limit once every address is released: the services' own guards stop them sooner, the engine may hang."""


def begin(ctx: StepContext) -> None:
    if ctx.state.phase is Phase.LEAVING:
        return
    limit_s = LEAVE_LIMIT_S if _can_be_taken_over(ctx.state) else ALONE_LIMIT_S
    ctx.state = replace(ctx.state, phase=Phase.LEAVING, leave_by=ctx.now + limit_s)
    ctx.log(LogLevel.INFO, "leaving")


def _can_be_taken_over(state: State) -> bool:
    """Whether a peer could take a group that is not IDLE here."""
    return any(
        candidates.can_take(state, peer, group)
        for group in state.groups.values() if group.state is not GroupState.IDLE
        for peer in state.peers
    )


def finish_when_done(ctx: StepContext) -> None:
    state = ctx.state
    if state.phase is not Phase.LEAVING:
        return
    handed_over = all(group.state is GroupState.IDLE for group in state.groups.values())
    stopped = all(one.observed is ServiceState.STOPPED for one in state.services.values())
    if not (handed_over and stopped) and ctx.now < state.leave_by:
        if handed_over and state.leave_by > ctx.now + STOP_LIMIT_S:
            ctx.state = replace(state, leave_by=ctx.now + STOP_LIMIT_S)
        return
    if not handed_over:
        for group in tuple(state.groups.values()):
            if group.state is GroupState.RELEASING and group.drop_by is not None:
                transitions.request_drop(ctx, group)
        ctx.log(LogLevel.ERROR, "leave-unfinished")
    ctx.state = replace(ctx.state, phase=Phase.LEFT)
    heartbeat.send(ctx)
    heartbeat.send(ctx)
    ctx.log(LogLevel.INFO, "left")
    ctx.emit(Exit())
