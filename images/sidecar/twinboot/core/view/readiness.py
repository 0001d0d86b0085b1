"""Whether each server could take a group over, and why not: for status, metrics and alarms. Queries only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..health import readiness
from ..health.penalty import describe_penalty
from ..model import Lack
from ..ownership import candidates
from ..state import Phase, State
from ..vip.group import Group


@dataclass(frozen=True, slots=True)
class Readiness:
    """ready: it could serve the group; None: not known. why: reasons against it. remedy: the command."""

    ready: bool | None
    why: tuple[str, ...] = ()
    remedy: str = ""


def all_readiness(state: State, group: Group) -> Mapping[str, Readiness]:
    """Readiness of every server of the group's order."""
    return {server: readiness_of(state, server, group) for server in group.config.order}


def readiness_of(state: State, server: str, group: Group) -> Readiness:
    lacks = readiness.of_group(state, server, group.config)
    why = (*_barred(state, server, group), *(readiness.describe(one) for one in lacks))
    if why:
        return Readiness(False, why, readiness.remedy(server, lacks))
    return Readiness(None if readiness.lacks_of(state, server) is None else True)


def _barred(state: State, server: str, group: Group) -> Iterator[str]:
    """What its heartbeats say beside its lacks."""
    peer = state.peers.get(server)
    if server == state.config.me:
        if state.standby:
            yield "on standby"
        if state.phase is Phase.STARTING:
            yield "starting"
        elif not candidates.eligible(state, group):
            yield "the last claim failed" if state.phase is Phase.ACTIVE else "leaving"
    elif peer is None or not peer.alive or peer.last_heartbeat is None:
        yield "it left" if peer is not None and peer.left else "not heard"
        return
    else:
        said = peer.last_heartbeat
        if said.standby:
            yield "on standby"
        if said.starting:
            yield "starting"
        elif not candidates.offers(said, group):
            yield "the last claim failed there"
        if candidates.does_not_hear_us(state, peer):
            yield f"it does not hear {state.config.me}"
    lacking = {f"{name} broken" for name in readiness.not_startable(readiness.lacks_of(state, server))}
    needed = (*state.config.daemons, *group.config.services)
    for reason in filter(None, describe_penalty(state, server).split(", ")):
        concerns = reason.startswith("LAN ") or reason.removesuffix(" broken") in needed
        if concerns and reason not in lacking:
            yield reason


def lacks_by_service(lacks: tuple[Lack, ...]) -> Mapping[str, tuple[Lack, ...]]:
    """The same, service by service; the empty name: of the whole server."""
    return {
        service: tuple(one for one in lacks if one.service == service)
        for service in dict.fromkeys(one.service for one in lacks)
    }
