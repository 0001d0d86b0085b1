"""What a server lacks to take over, and what a planned move to it would leave unserved.

The agent reports what this server lacks (ReadinessObserved), heartbeats tell the others.

* A service that could not be started there counts as BROKEN (penalty.py), on both sides: whatever chooses
  between servers by their health goes past it.
* A planned move (standby, failback, leaving) asks in addition what else is missing there and not here.
* After a death all that counts for nothing: the last server claims, ready or not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..effects import LogLevel
from ..model import GroupConfig, Lack, LackKind

if TYPE_CHECKING:
    from ..state import State, StepContext

_NOT_STARTABLE = frozenset({LackKind.CONTAINER, LackKind.IMAGE, LackKind.CONFIGURATION})
_SERVES_ON = frozenset({LackKind.DOWNLOADS, LackKind.OTHER})
"""New clients are served all the same."""

_WHAT = {
    LackKind.CONTAINER: "its container is gone",
    LackKind.IMAGE: "its container is gone, and its image too",
    LackKind.CONFIGURATION: "it refuses its configuration",
    LackKind.ENGINE: "the Docker engine does not answer",
    LackKind.LEASES: "the leases cannot be read or written",
    LackKind.TREES: "an install tree cannot be read",
    LackKind.NETWORK: "its network would not answer clients",
    LackKind.DOWNLOADS: "running downloads would break",
    LackKind.OTHER: "it names a lack that this release does not know",
}
_REMEDY = {
    LackKind.CONTAINER: "make up",
    LackKind.IMAGE: "make up",
    LackKind.CONFIGURATION: "scripts/twinboot check",
    LackKind.TREES: "scripts/twinboot check",
    LackKind.ENGINE: "make up",
}
_ELSE = "make status"


def observed(ctx: StepContext, lacks: tuple[Lack, ...]) -> None:
    """Records what this server lacks, as looked at now."""
    before = ctx.state.lacks
    if lacks == before:
        return
    ctx.state = replace(ctx.state, lacks=lacks)
    if lacks:
        what = "; ".join(describe(one) for one in lacks)
        ctx.log(LogLevel.WARNING, "not-ready-to-take-over", lacks=what)
    elif before:
        ctx.log(LogLevel.INFO, "ready-to-take-over")


def not_startable(lacks: tuple[Lack, ...] | None) -> frozenset[str]:
    """Services that could not be started."""
    return frozenset(one.service for one in lacks or () if one.kind in _NOT_STARTABLE and one.service)


def lacks_of(state: State, server: str) -> tuple[Lack, ...] | None:
    """What that server lacks, as far as it says; None: it does not say."""
    if server == state.config.me:
        return state.lacks
    peer = state.peers.get(server)
    return peer.last_heartbeat.lacks if peer is not None and peer.last_heartbeat is not None else None


def of_group(state: State, server: str, group: GroupConfig) -> tuple[Lack, ...]:
    """Those of its lacks that concern a group: of the whole server, or of a service that clients need."""
    needed = {"", *state.config.daemons, *group.services}
    return tuple(one for one in lacks_of(state, server) or () if one.service in needed)


def unserved_after(state: State, target: str, group: GroupConfig) -> tuple[Lack, ...]:
    """What a move of the group to that server would leave unserved: missing there, and not here."""
    mine = frozenset(of_group(state, state.config.me, group))
    return tuple(
        one for one in of_group(state, target, group) if one.kind not in _SERVES_ON and one not in mine
    )


def describe(lack: Lack) -> str:
    """dhcpd: its container is gone."""
    return f"{lack.service}: {_WHAT[lack.kind]}" if lack.service else _WHAT[lack.kind]


def remedy(server: str, lacks: Iterable[Lack]) -> str:
    """The commands that mend it, and where: make up on server2."""
    commands = dict.fromkeys(_REMEDY.get(one.kind, _ELSE) for one in lacks)
    return f"`{'`, then `'.join(commands)}` on {server}" if commands else ""
