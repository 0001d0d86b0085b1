"""Failure detector: which servers are alive, and which links deliver.

Owns the records of the other servers and the rules for what is a sign of life. Decides nothing about
groups and logs nothing; liveness.py turns its results into effects.

Rules
* A message is a sign of life only when its sequence number is higher than any seen of that boot on any
  link. Every message is sent on every link, so a duplicate says nothing new about the server; if recent, it
  shows that the second link works. A replayed message shows neither.
* A boot id not seen before is unverified until it proves that it hears us (boots.py). A boot that was
  replaced, or said goodbye, is not accepted again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from ipaddress import IPv4Address

from ..health.lan import BAD_LAN
from ..model import GroupConfig, GroupState, Health, Heartbeat, SiteId, Timers
from . import suspicion as suspicions
from .boots import MAX_RETIRED_BOOTS, MAX_UNVERIFIED_BOOTS, FreshEcho, UnverifiedBoot
from .suspicion import Suspicion

SEQ_WINDOW = 32
"""How far a copy may lag behind the newest message and still show that its link works."""


class Liveness(Enum):
    UNKNOWN = "unknown"
    ALIVE = "alive"
    DEAD = "dead"


class LinkState(Enum):
    UNKNOWN = "unknown"
    UP = "up"
    LATE = "late"
    DOWN = "down"


class HeartbeatKind(Enum):
    """What a received message was."""

    NEW = "new"
    DUPLICATE = "duplicate"
    REPLAYED = "replayed"
    UNVERIFIED_BOOT = "unverified boot"
    FIRST_SEEN_BOOT = "first seen boot"
    """An unverified boot heard for the first time."""
    BOOT_ACCEPTED = "boot accepted"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class PeerLink:
    """The state of one link to one peer."""

    state: LinkState = LinkState.UNKNOWN
    heard_at: float | None = None
    expected_since: float = 0.0
    """A link that has delivered nothing yet counts as silent from this time."""
    heard_before: float | None = None
    """When it last delivered anything of an earlier life of the peer. Only shown: it proves nothing now."""
    silent_since: float | None = None
    """LATE or DOWN: the time of its last message."""
    seq: int = 0
    received: int = (1 << suspicions.LOSS_WINDOW) - 1
    """Which of the latest heartbeats this link delivered (suspicion.record_received)."""

    @property
    def last_message_at(self) -> float | None:
        """When it last delivered anything, in whatever life of the peer."""
        return self.heard_at if self.heard_at is not None else self.heard_before


@dataclass(frozen=True, slots=True)
class Peer:
    """The record of another server, from its heartbeats."""

    name: str
    liveness: Liveness = Liveness.UNKNOWN
    boot_id: int | None = None
    seq: int = 0
    heard_at: float | None = None
    alive_since: float = 0.0
    """Alive without interruption, in this boot, since this time."""
    dead_not_before: float = 0.0
    """Not declared dead before this time, because we ourselves were paused (postpone_death)."""
    left: bool = False
    left_at: float = 0.0
    goodbye: Heartbeat | None = None
    """Its last words when it left."""
    links: Mapping[str, PeerLink] = field(default_factory=dict)
    last_heartbeat: Heartbeat | None = None
    """Its newest heartbeat; only meaningful while the peer is alive."""
    unverified_boots: tuple[UnverifiedBoot, ...] = ()
    retired_boots: tuple[int, ...] = ()
    mac: bytes = b""
    """Hardware address of its LAN interface as last reported; kept when the peer falls silent."""
    address: IPv4Address | None = None
    """Its own address on the LAN as last reported; kept, too."""
    site: SiteId | None = None
    """The site that it works by as last reported; kept, too."""
    version: str = ""
    """Its release as last reported; kept, too."""
    site_differs_since: float | None = None
    """Since when that is another site than ours."""
    unknown_server: bool = False
    """It is none of our site file's servers, but speaks for the same cluster with its key."""
    lan_bad: bool = False
    broken_daemons: frozenset[str] = frozenset()
    """Daemons that the peer reports as BROKEN."""
    suspicion: Suspicion | None = None
    """While it is alive: it may be dead, and is asked for on the LAN."""
    timers: Timers | None = None
    """What holds between it and us, where that is not ours (timing.py)."""

    @property
    def alive(self) -> bool:
        return self.liveness is Liveness.ALIVE

    def left_with(self, group: GroupConfig) -> bool:
        """Whether it had not released the group's address when it left."""
        report = self.goodbye.on_address(group) if self.goodbye is not None else None
        return report is not None and report[1].state is not GroupState.IDLE


def receive(
    peer: Peer, link: str, heartbeat: Heartbeat, *, now: float, echo: FreshEcho
) -> tuple[Peer, HeartbeatKind]:
    """Apply one authentic message of this peer; return the new record and what the message was."""
    if heartbeat.boot_id == peer.boot_id:
        return _receive_known_boot(peer, link, heartbeat, now)
    if heartbeat.boot_id in peer.retired_boots:
        return peer, HeartbeatKind.REPLAYED
    if heartbeat.leaving:
        # The goodbye of a boot that was never accepted here: there is nothing to end.
        return peer, HeartbeatKind.REPLAYED
    if echo.is_in(heartbeat):
        return _accept_boot(peer, link, heartbeat, now), HeartbeatKind.BOOT_ACCEPTED
    return _receive_unverified_boot(peer, heartbeat, now)


def _receive_known_boot(
    peer: Peer, link: str, heartbeat: Heartbeat, now: float
) -> tuple[Peer, HeartbeatKind]:
    old = peer.links[link]
    if heartbeat.seq <= old.seq or heartbeat.seq + SEQ_WINDOW <= peer.seq:
        return peer, HeartbeatKind.REPLAYED
    advance = heartbeat.seq - old.seq if old.heard_at is not None else 1
    received = suspicions.record_received(old.received, advance)
    heard = replace(old, seq=heartbeat.seq, heard_at=now, received=received)
    peer = replace(peer, links={**peer.links, link: heard})
    if heartbeat.seq <= peer.seq:
        return peer, HeartbeatKind.DUPLICATE
    if heartbeat.leaving:
        return _mark_left(peer, heartbeat, now), HeartbeatKind.LEFT
    peer = _note_own_health(peer, heartbeat)
    peer = replace(peer, seq=heartbeat.seq, heard_at=now, last_heartbeat=heartbeat, suspicion=None)
    return peer, HeartbeatKind.NEW


def _note_own_health(peer: Peer, heartbeat: Heartbeat) -> Peer:
    """Record what the peer says of itself, but for the groups; the same record when nothing changed."""
    mac, lan_bad = heartbeat.mac or peer.mac, heartbeat.lan in BAD_LAN
    address, site, version = heartbeat.address or peer.address, heartbeat.site, heartbeat.version
    broken = peer.broken_daemons
    if peer.last_heartbeat is None or heartbeat.daemons != peer.last_heartbeat.daemons:
        broken = frozenset(name for name, health in heartbeat.daemons.items() if health is Health.BROKEN)
    if (mac, lan_bad, broken, address, site, version) == (
        peer.mac, peer.lan_bad, peer.broken_daemons, peer.address, peer.site, peer.version
    ):
        return peer
    return replace(
        peer, mac=mac, lan_bad=lan_bad, broken_daemons=broken, address=address, site=site, version=version,
    )


def _accept_boot(peer: Peer, link: str, heartbeat: Heartbeat, now: float) -> Peer:
    past = (
        peer.retired_boots
        if peer.boot_id is None
        else (*peer.retired_boots, peer.boot_id)[-MAX_RETIRED_BOOTS:]
    )
    links = {
        name: PeerLink(
            expected_since=now, silent_since=old.silent_since, heard_before=old.last_message_at,
            state=LinkState.DOWN if old.state is LinkState.DOWN else LinkState.UNKNOWN,
        )
        for name, old in peer.links.items()
    }
    links[link] = replace(links[link], heard_at=now, seq=heartbeat.seq)
    peer = _note_own_health(replace(peer, last_heartbeat=None), heartbeat)
    return replace(
        peer,
        boot_id=heartbeat.boot_id,
        seq=heartbeat.seq,
        heard_at=now,
        last_heartbeat=heartbeat,
        left=False,
        links=links,
        unverified_boots=(),
        retired_boots=past,
        dead_not_before=0.0,
        suspicion=None,
    )


def _mark_left(peer: Peer, heartbeat: Heartbeat, now: float) -> Peer:
    assert peer.boot_id is not None
    return replace(
        peer, liveness=Liveness.DEAD, boot_id=None, left=True, last_heartbeat=None, left_at=now,
        suspicion=None,
        goodbye=heartbeat,
        links={
            name: PeerLink(state=LinkState.DOWN, silent_since=now, heard_before=old.last_message_at)
            for name, old in peer.links.items()
        },
        retired_boots=(*peer.retired_boots, peer.boot_id)[-MAX_RETIRED_BOOTS:],
    )


def _receive_unverified_boot(peer: Peer, heartbeat: Heartbeat, now: float) -> tuple[Peer, HeartbeatKind]:
    new = UnverifiedBoot(heartbeat.boot_id, heartbeat.seq, now)
    others = tuple(one for one in peer.unverified_boots if one.boot_id != heartbeat.boot_id)
    known = len(others) < len(peer.unverified_boots)
    peer = replace(peer, unverified_boots=(*others, new)[-MAX_UNVERIFIED_BOOTS:])
    return peer, HeartbeatKind.UNVERIFIED_BOOT if known else HeartbeatKind.FIRST_SEEN_BOOT


def link_state(link: PeerLink, now: float, timers: Timers) -> LinkState:
    """The link's state by its silence. A link that has delivered nothing is UNKNOWN for a deadtime."""
    heard_at = link.heard_at
    if heard_at is None:
        down = link.state is LinkState.DOWN or now >= link.expected_since + timers.deadtime_s
        return LinkState.DOWN if down else LinkState.UNKNOWN
    if now >= heard_at + timers.deadtime_s:
        return LinkState.DOWN
    return LinkState.LATE if now >= heard_at + timers.warntime_s else LinkState.UP


def dead_at(peer: Peer, ours: Timers) -> float | None:
    """When a live peer counts as dead if nothing more is heard; None: it is not alive."""
    if not peer.alive or peer.heard_at is None:
        return None
    return max(peer.heard_at + (peer.timers or ours).deadtime_s, peer.dead_not_before)


def postpone_death(peer: Peer, now: float, ours: Timers) -> Peer:
    """We paused longer than warntime: heartbeats of the peer may still lie unread.

    It gets a whole deadtime from now, but at most one address lifetime after the regular time; otherwise
    repeated pauses of ours would keep a dead peer alive without end.
    """
    if not peer.alive or peer.heard_at is None:
        return peer
    timers = peer.timers or ours
    latest = peer.heard_at + timers.deadtime_s + timers.address_lifetime_s
    again = suspicions.anew(peer.suspicion, now) if peer.suspicion is not None else None
    return replace(peer, dead_not_before=min(now + timers.deadtime_s, latest), suspicion=again)


def forget_liveness(peer: Peer, now: float) -> Peer:
    """We paused longer than an address lifetime: the peer's liveness is UNKNOWN until it is heard again.

    Boot id and sequence number stay, so that older messages are not taken for new ones.
    """
    links = {
        name: replace(
            link, state=LinkState.UNKNOWN, heard_at=None, expected_since=now,
            heard_before=link.last_message_at,
        )
        for name, link in peer.links.items()
    }
    return replace(
        peer, liveness=Liveness.UNKNOWN, heard_at=None, last_heartbeat=None, links=links, unverified_boots=(),
        suspicion=None,
    )


def lost_much(peer: Peer, links: tuple[str, ...]) -> bool:
    """Whether much was lost, as far as these links showed when they last delivered."""
    return any(
        suspicions.lost(link.received) > suspicions.MAX_LOST for name, link in peer.links.items()
        if name in links
    )


def lossy(peer: Peer, links: tuple[str, ...], now: float, ours: Timers) -> bool:
    """One of these links delivered within the last deadtime, and has lost more than a few heartbeats."""
    oldest = now - (peer.timers or ours).deadtime_s
    return any(
        suspicions.lost(link.received) > suspicions.MAX_LOST for name, link in peer.links.items()
        if name in links and link.heard_at is not None and link.heard_at > oldest
    )


def _suspicion_due_at(peer: Peer, timers: Timers) -> float | None:
    """When a suspicion of this peer begins, or goes on. An unknown server's own address is not in our site
    file, so it cannot be asked for."""
    if not peer.alive or peer.heard_at is None or peer.unknown_server:
        return None
    if peer.suspicion is None:
        return suspicions.suspected_at(peer.heard_at, timers)
    return None if peer.suspicion.given_up else peer.suspicion.due_at


def deadlines(peer: Peer, ours: Timers) -> tuple[float | None, ...]:
    """When this peer's state or a link's state changes if nothing more is heard."""
    timers = peer.timers or ours
    due: list[float | None] = [dead_at(peer, timers), _suspicion_due_at(peer, timers)]
    if peer.boot_id is None:
        return tuple(due)
    for link in peer.links.values():
        if link.state is LinkState.UP and link.heard_at is not None:
            due.append(link.heard_at + timers.warntime_s)
        elif link.state is LinkState.LATE and link.heard_at is not None:
            due.append(link.heard_at + timers.deadtime_s)
        elif link.state is LinkState.UNKNOWN and link.heard_at is None:
            due.append(link.expected_since + timers.deadtime_s)
    return tuple(due)
