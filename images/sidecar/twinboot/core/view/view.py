"""A read-only view of the core's state, for status, logs and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..health import holddown
from ..health import readiness as health_readiness
from ..health.daemon import Daemon
from ..membership import sites
from ..membership.peer import LinkState, Liveness, Peer
from ..model import GroupState, Health, LanHealth, ServiceState, SiteId
from ..ownership import candidates
from ..state import Phase, State
from .readiness import Readiness, all_readiness


@dataclass(frozen=True, slots=True)
class LinkView:
    """state: up, late or down. age_s: since the last message on this link; None: never."""

    state: LinkState
    age_s: float | None


@dataclass(frozen=True, slots=True)
class PeerView:
    """state: alive, dead or unknown (never heard, or not since a pause of ours)."""

    state: Liveness
    standby: bool
    starting: bool
    left: bool
    lan: LanHealth
    daemons: Mapping[str, Health]
    hold_down_s: float
    """Seconds that it must still stay healthy before groups are given back to it; 0: none, or not healthy."""
    links: Mapping[str, LinkView]
    site: SiteId | None
    """By which site it works, as last heard."""
    site_differs_s: float | None
    """For how long that has been another one than this server's; None: it is the same, or not known."""
    differing_parts: tuple[str, ...]
    version: str
    """Its release, as last heard; empty: it does not say."""
    hears_us: bool
    """Whether it says so, while it is alive."""


@dataclass(frozen=True, slots=True)
class GroupView:
    """state: this server's own, entered at `since`. holder: the server that holds it, as far as we know.
    readiness: by server, whether it could take the group over."""

    state: GroupState
    holder: str | None
    order: tuple[str, ...]
    services: Mapping[str, ServiceState]
    reason: str
    since: float
    eligible: bool
    readiness: Mapping[str, Readiness]


@dataclass(frozen=True, slots=True)
class DaemonView:
    """health: of a daemon on this server. fault: why it is not GOOD, as text for the operator."""

    health: Health
    fault: str


@dataclass(frozen=True, slots=True)
class View:
    """state: starting, active, standby or leaving. lan, daemons, hold_down_s: of this server."""

    state: str
    groups: Mapping[str, GroupView]
    peers: Mapping[str, PeerView]
    lan: LanHealth
    isolated: bool
    daemons: Mapping[str, DaemonView]
    hold_down_s: float
    replayed: int
    ignored: int
    site: SiteId | None
    """By which site this server works."""


def view(state: State, now: float) -> View:
    return View(
        state=_overall(state),
        groups={
            group.name: GroupView(
                state=group.state,
                holder=candidates.holder(state, group),
                order=group.config.order,
                services={name: state.services[name].reported_state for name in group.config.services},
                reason=group.reason,
                since=group.since,
                eligible=candidates.eligible(state, group),
                readiness=all_readiness(state, group),
            )
            for group in state.groups.values()
        },
        peers={
            peer.name: _peer(state, peer, now) for peer in state.peers.values()
            if peer.alive or not peer.unknown_server
        },
        lan=state.lan.health,
        isolated=state.lan.isolated,
        daemons={name: _own_daemon(state, one) for name, one in state.daemons.items()},
        hold_down_s=_hold_down_s(state, state.config.me, now),
        replayed=state.replayed,
        ignored=state.ignored,
        site=state.config.site,
    )


def _own_daemon(state: State, one: Daemon) -> DaemonView:
    """State of this server's daemon as heartbeats tell it: what could not be started is BROKEN."""
    for lack in state.lacks or ():
        if lack.service == one.name and one.name in health_readiness.not_startable((lack,)):
            return DaemonView(Health.BROKEN, health_readiness.describe(lack).partition(": ")[2])
    return DaemonView(one.health, one.fault)


def _overall(state: State) -> str:
    if state.phase in (Phase.LEAVING, Phase.LEFT):
        return "leaving"
    if state.phase is Phase.STARTING:
        return "starting"
    return "standby" if state.standby else "active"


def _hold_down_s(state: State, server: str, now: float) -> float:
    record, delay_s = state.holddowns[server], state.config.timers.failback_delay_s
    if not record.healthy or holddown.recent_losses(record, now) < holddown.FLAPPING_LOSSES:
        return 0.0
    return max(0.0, holddown.ends_at(record, now, delay_s) - now)


def _peer(state: State, peer: Peer, now: float) -> PeerView:
    links = {}
    for name, link in peer.links.items():
        shown = LinkState.DOWN if link.state is LinkState.UNKNOWN else link.state
        heard_at = link.last_message_at
        age_s = None if heard_at is None else max(0.0, now - heard_at)
        links[name] = LinkView(shown, age_s)
    said = peer.last_heartbeat if peer.alive else None
    return PeerView(
        state=peer.liveness,
        standby=said is not None and said.standby,
        starting=said is not None and said.starting,
        left=peer.left,
        lan=said.lan if said is not None else LanHealth.UNKNOWN,
        daemons=said.daemons if said is not None else {},
        hold_down_s=_hold_down_s(state, peer.name, now),
        links=links,
        site=peer.site,
        site_differs_s=None if peer.site_differs_since is None else max(0.0, now - peer.site_differs_since),
        differing_parts=sites.differing_parts(state, peer),
        version=peer.version,
        hears_us=said is not None and not candidates.does_not_hear_us(state, peer),
    )
