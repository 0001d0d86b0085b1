"""What the core shows of itself: read-only values for status, logs and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import ownership
from .group import Group
from .model import GroupState, ServiceState
from .peer import Life, LinkState, Peer
from .state import Phase, State


@dataclass(frozen=True, slots=True)
class LinkView:
    """state: up, late or down. age_s: since the last message by this link; None: never."""

    state: LinkState
    age_s: float | None


@dataclass(frozen=True, slots=True)
class PeerView:
    """state: alive, dead or unknown (never heard, or not since we slept)."""

    state: Life
    standby: bool
    starting: bool
    left: bool
    links: Mapping[str, LinkView]


@dataclass(frozen=True, slots=True)
class GroupView:
    """state: this server's own part. holder: who holds it as far as we know. since: of that state."""

    state: GroupState
    holder: str | None
    order: tuple[str, ...]
    services: Mapping[str, ServiceState]
    reason: str
    since: float
    eligible: bool


@dataclass(frozen=True, slots=True)
class View:
    """state: starting, active, standby or leaving."""

    state: str
    groups: Mapping[str, GroupView]
    peers: Mapping[str, PeerView]
    replayed: int
    ignored: int
    alarms: tuple[str, ...]


def view(state: State, now: float) -> View:
    return View(
        state=_overall(state),
        groups={
            group.name: GroupView(
                state=group.state,
                holder=ownership.holder(state, group),
                order=group.config.order,
                services={name: state.services[name].reported for name in group.config.services},
                reason=group.reason,
                since=group.since,
                eligible=ownership.eligible(state, group),
            )
            for group in state.groups.values()
        },
        peers={peer.name: _peer(peer, now) for peer in state.peers.values()},
        replayed=state.replayed,
        ignored=state.ignored,
        alarms=alarms(state),
    )


def _overall(state: State) -> str:
    if state.phase in (Phase.LEAVING, Phase.LEFT):
        return "leaving"
    if state.phase is Phase.STARTING:
        return "starting"
    return "standby" if state.standby else "active"


def _peer(peer: Peer, now: float) -> PeerView:
    links = {}
    for name, link in peer.links.items():
        shown = LinkState.DOWN if link.state is LinkState.UNKNOWN else link.state
        age_s = None if link.heard_at is None else max(0.0, now - link.heard_at)
        links[name] = LinkView(shown, age_s)
    said = peer.last if peer.alive else None
    return PeerView(
        state=peer.life,
        standby=said is not None and said.standby,
        starting=said is not None and said.starting,
        left=peer.left,
        links=links,
    )


def alarms(state: State) -> tuple[str, ...]:
    """What an operator should look at, one sentence each; empty when all is well."""
    found: list[str] = []
    starting = state.phase is Phase.STARTING
    for peer in state.peers.values():
        if not peer.alive and not (starting and peer.life is Life.UNKNOWN):
            found.append(f"server {peer.name} {'left' if peer.left else 'is not heard'}")
        elif peer.alive:
            found += [
                f"link {name} to {peer.name} is {link.state.value}"
                for name, link in peer.links.items() if link.state in (LinkState.LATE, LinkState.DOWN)
            ]
    for group in state.groups.values():
        if group.rivals:
            found.append(f"group {group.name} is held by {', '.join(group.rivals)}, too")
        if group.answered_by:
            found.append(_split(state, group))
        if group.probe_fault:
            found.append(f"group {group.name} cannot be claimed here: {group.probe_fault}")
        elif group.barred_until is not None:
            found.append(f"group {group.name} could not be claimed here")
        if group.state is GroupState.RELEASING and group.retries > 1:
            found.append(f"address of group {group.name} could not be dropped")
        if not starting and not group.answered_by and ownership.holder(state, group) is None:
            found.append(f"group {group.name} has no holder")
    found += [
        f"service {one.name} does not run: {one.reason or one.observed.value}"
        for one in state.services.values() if one.wanted and one.retry_at is not None
    ]
    return tuple(found)


def _split(state: State, group: Group) -> str:
    silent = ownership.unaccounted(state, group)
    what = f"{group.config.address} ({group.name})" if group.config.address else group.name
    why = f"{', '.join(silent)} {'is' if len(silent) == 1 else 'are'} silent on every link"
    return (
        f"split: {what} is still answered by {group.answered_by} although "
        f"{why if silent else 'no server says that it has it'}"
    )
