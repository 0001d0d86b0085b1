"""The peer detector: which servers are alive, and which links deliver.

Owns the records of the other servers and the rules what counts as a sign of life. Decides nothing
about groups and logs nothing; step.py turns its findings into effects.

Rules
* A message proves life only when its sequence number is higher than any seen of that boot on any
  link. Every message goes out on every link, so a second copy says nothing new about the server;
  it does show that the second link works, if it is recent. Old recordings prove neither.
* A boot id not seen before is a candidate. It is accepted when it echoes our own boot id with a
  sequence number we sent a short while ago: only a server that hears us now can say that.
* A boot that was replaced, or said goodbye, is never accepted again. Only the latest few are
  remembered; older ones fail the echo rule, since what they echo is long past.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from ..health.lan import BAD
from ..model import GroupState, Health, Heard, Heartbeat, Timers

MAX_CANDIDATES = 8
MAX_PAST = 8
SEQ_WINDOW = 32
"""How far a copy may lag behind the newest message and still show that its link works."""


class Life(Enum):
    UNKNOWN = "unknown"
    ALIVE = "alive"
    DEAD = "dead"


class LinkState(Enum):
    UNKNOWN = "unknown"
    UP = "up"
    LATE = "late"
    DOWN = "down"


class Verdict(Enum):
    """What a received message was."""

    NEWS = "news"
    COPY = "copy"
    REPLAYED = "replayed"
    CANDIDATE = "candidate"
    STRANGER = "stranger"
    """A candidate heard for the first time."""
    ACCEPTED = "accepted"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Link:
    """One link as far as one peer is heard on it."""

    state: LinkState = LinkState.UNKNOWN
    heard_at: float | None = None
    since: float = 0.0
    """A link never heard counts from here."""
    silent_since: float | None = None
    """Late or down: its last message came then."""
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A boot id that has not proved itself yet."""

    boot: int
    seq: int
    heard_at: float


@dataclass(frozen=True, slots=True)
class Peer:
    """Another server, as its messages show it."""

    name: str
    life: Life = Life.UNKNOWN
    boot: int | None = None
    seq: int = 0
    heard_at: float | None = None
    since: float = 0.0
    """Alive without a break, in this boot, since then."""
    spared_until: float = 0.0
    """Not declared dead before: we ourselves were asleep."""
    left: bool = False
    left_at: float = 0.0
    left_with: tuple[str, ...] = ()
    """Groups that it had not released when it left."""
    links: Mapping[str, Link] = field(default_factory=dict)
    last: Heartbeat | None = None
    """Its newest message; only meaningful while it is alive."""
    candidates: tuple[Candidate, ...] = ()
    past: tuple[int, ...] = ()
    mac: bytes = b""
    """Hardware address of its LAN interface as it last said; kept when it falls silent."""
    lan_bad: bool = False
    broken: frozenset[str] = frozenset()
    """Daemons that are BROKEN by its own word."""

    @property
    def alive(self) -> bool:
        return self.life is Life.ALIVE


@dataclass(frozen=True, slots=True)
class Echo:
    """What makes an echo of ourselves a fresh one."""

    me: str
    boot: int
    fresh_seq: int

    def in_(self, heartbeat: Heartbeat) -> bool:
        heard = heartbeat.heard.get(self.me)
        return heard is not None and heard.boot == self.boot and heard.seq >= self.fresh_seq


def hear(peer: Peer, link: str, heartbeat: Heartbeat, *, now: float, echo: Echo) -> tuple[Peer, Verdict]:
    """Take in one authentic message of this peer."""
    if heartbeat.boot == peer.boot:
        return _hear_known(peer, link, heartbeat, now)
    if heartbeat.boot in peer.past:
        return peer, Verdict.REPLAYED
    if heartbeat.leaving:
        # The goodbye of a life that we never took part in: nothing of ours hangs on it.
        return peer, Verdict.REPLAYED
    if echo.in_(heartbeat):
        return _accept(peer, link, heartbeat, now), Verdict.ACCEPTED
    return _hear_candidate(peer, heartbeat, now)


def _hear_known(peer: Peer, link: str, heartbeat: Heartbeat, now: float) -> tuple[Peer, Verdict]:
    old = peer.links[link]
    if heartbeat.seq <= old.seq or heartbeat.seq + SEQ_WINDOW <= peer.seq:
        return peer, Verdict.REPLAYED
    heard = replace(old, seq=heartbeat.seq, heard_at=now)
    peer = replace(peer, links={**peer.links, link: heard})
    if heartbeat.seq <= peer.seq:
        return peer, Verdict.COPY
    if heartbeat.leaving:
        return _leave(peer, heartbeat, now), Verdict.LEFT
    peer = _told(peer, heartbeat)
    return replace(peer, seq=heartbeat.seq, heard_at=now, last=heartbeat), Verdict.NEWS


def _told(peer: Peer, heartbeat: Heartbeat) -> Peer:
    """What the peer says of itself, noted when it differs from what it said before."""
    mac, lan_bad = heartbeat.mac or peer.mac, heartbeat.lan in BAD
    broken = peer.broken
    if peer.last is None or heartbeat.daemons != peer.last.daemons:
        broken = frozenset(name for name, health in heartbeat.daemons.items() if health is Health.BROKEN)
    if (mac, lan_bad, broken) == (peer.mac, peer.lan_bad, peer.broken):
        return peer
    return replace(peer, mac=mac, lan_bad=lan_bad, broken=broken)


def _accept(peer: Peer, link: str, heartbeat: Heartbeat, now: float) -> Peer:
    past = peer.past if peer.boot is None else (*peer.past, peer.boot)[-MAX_PAST:]
    links = {
        name: Link(
            since=now, silent_since=old.silent_since,
            state=LinkState.DOWN if old.state is LinkState.DOWN else LinkState.UNKNOWN,
        )
        for name, old in peer.links.items()
    }
    links[link] = replace(links[link], heard_at=now, seq=heartbeat.seq)
    peer = _told(replace(peer, last=None), heartbeat)
    return replace(
        peer, boot=heartbeat.boot, seq=heartbeat.seq, heard_at=now, last=heartbeat, left=False,
        links=links, candidates=(), past=past, spared_until=0.0,
    )


def _leave(peer: Peer, heartbeat: Heartbeat, now: float) -> Peer:
    assert peer.boot is not None
    return replace(
        peer, life=Life.DEAD, boot=None, left=True, last=None, left_at=now,
        left_with=tuple(
            name for name, said in heartbeat.groups.items() if said.state is not GroupState.IDLE
        ),
        links={name: Link(state=LinkState.DOWN, silent_since=now) for name in peer.links},
        past=(*peer.past, peer.boot)[-MAX_PAST:],
    )


def _hear_candidate(peer: Peer, heartbeat: Heartbeat, now: float) -> tuple[Peer, Verdict]:
    new = Candidate(heartbeat.boot, heartbeat.seq, now)
    others = tuple(one for one in peer.candidates if one.boot != heartbeat.boot)
    known = len(others) < len(peer.candidates)
    peer = replace(peer, candidates=(*others, new)[-MAX_CANDIDATES:])
    return peer, Verdict.CANDIDATE if known else Verdict.STRANGER


def mention(peer: Peer, turn: int) -> Heard | None:
    """What we say of this peer: the accepted boot, or else one candidate after the other.

    A live accepted boot is never left out for a candidate: a restarted peer needs no mention to be
    accepted here, only that it hears us, and recordings must not make us look deaf to the live one.
    """
    if peer.boot is not None and peer.alive:
        links = tuple(
            name for name, link in peer.links.items() if link.state in (LinkState.UP, LinkState.LATE)
        )
        return Heard(peer.boot, peer.seq, links)
    if peer.candidates:
        one = peer.candidates[turn % len(peer.candidates)]
        return Heard(one.boot, one.seq)
    if peer.boot is not None:
        return Heard(peer.boot, peer.seq)
    return None


def link_state(link: Link, now: float, timers: Timers) -> LinkState:
    """What the link's silence says. A link never heard is unknown until deadtime has passed."""
    heard_at = link.heard_at
    if heard_at is None:
        down = link.state is LinkState.DOWN or now >= link.since + timers.deadtime_s
        return LinkState.DOWN if down else LinkState.UNKNOWN
    if now >= heard_at + timers.deadtime_s:
        return LinkState.DOWN
    return LinkState.LATE if now >= heard_at + timers.warntime_s else LinkState.UP


def dead_at(peer: Peer, timers: Timers) -> float | None:
    """When a live peer counts as dead if nothing more is heard."""
    if not peer.alive or peer.heard_at is None:
        return None
    return max(peer.heard_at + timers.deadtime_s, peer.spared_until)


def spare(peer: Peer, now: float, timers: Timers) -> Peer:
    """We slept longer than warntime: what the peer sent may still lie unread.

    It gets a whole deadtime from now. A server that stumbles all the time would spare a dead peer
    for ever, so the sum is bounded: at most one lease after the regular time.
    """
    if not peer.alive or peer.heard_at is None:
        return peer
    latest = peer.heard_at + timers.deadtime_s + timers.lease_s
    return replace(peer, spared_until=min(now + timers.deadtime_s, latest))


def forget(peer: Peer, now: float) -> Peer:
    """We slept longer than a lease: nothing is known of it until it is heard again.

    Boot and sequence stay, so that what was sent before is not taken for news.
    """
    links = {name: replace(link, state=LinkState.UNKNOWN, heard_at=None, since=now)
             for name, link in peer.links.items()}
    return replace(peer, life=Life.UNKNOWN, heard_at=None, last=None, links=links, candidates=())


def deadlines(peer: Peer, timers: Timers) -> tuple[float | None, ...]:
    """When the detector's view of this peer changes by silence alone."""
    due: list[float | None] = [dead_at(peer, timers)]
    if peer.boot is None:
        return tuple(due)
    for link in peer.links.values():
        if link.state is LinkState.UP and link.heard_at is not None:
            due.append(link.heard_at + timers.warntime_s)
        elif link.state is LinkState.LATE and link.heard_at is not None:
            due.append(link.heard_at + timers.deadtime_s)
        elif link.state is LinkState.UNKNOWN and link.heard_at is None:
            due.append(link.since + timers.deadtime_s)
    return tuple(due)
