"""Takes in what is heard of the peers, and what their silence says.

The rules are peer.py's; here they become log lines and knowledge of who holds what.
"""

from __future__ import annotations

from dataclasses import fields, replace
from operator import attrgetter

from ..effects import Level
from ..events import Event, Received, Tick
from ..model import GroupState, Heartbeat
from ..ownership import candidates
from ..state import State, Turn
from ..vip.group import announcing
from . import heartbeat as report
from . import peer as peers
from .peer import Life, Link, LinkState, Peer, Verdict


def received(turn: Turn, event: Received) -> None:
    state, heartbeat = turn.state, event.heartbeat
    peer = state.peers.get(heartbeat.sender)
    if peer is None or event.link not in peer.links or heartbeat.cluster != state.config.cluster:
        turn.state = replace(state, ignored=state.ignored + 1)
        return
    echo = peers.Echo(state.config.me, state.boot, state.fresh_seq)
    peer, verdict = peers.hear(peer, event.link, heartbeat, now=turn.now, echo=echo)
    turn.put_peer(peer)
    if verdict is Verdict.REPLAYED:
        turn.state = replace(turn.state, replayed=turn.state.replayed + 1)
    elif verdict is Verdict.STRANGER:
        turn.greet = True
    elif verdict is Verdict.LEFT:
        turn.log(Level.INFO, "peer-left", peer=peer.name)
    elif verdict in (Verdict.NEWS, Verdict.ACCEPTED):
        _lives(turn, peer, restarted=verdict is Verdict.ACCEPTED)


def nothing_new(turn: Turn, event: Event, before: State) -> bool:
    """What was taken in changed nothing, and nothing is due: no more of the step is needed.

    For the last whole step has drawn its conclusions. Most messages say what the last one of their sender
    said, in time, on a link that was up anyhow; most looks find what the last one found. Every interval
    there is a whole step for our own heartbeat.
    """
    if not turn.idle or before.due is None or turn.now >= before.due or isinstance(event, Tick):
        return False
    if not isinstance(event, Received):
        return True
    name = event.heartbeat.sender
    old, new = before.peers.get(name), turn.state.peers.get(name)
    if old is None or new is None or old is new:
        return True
    link = old.links[event.link]
    return (
        link.state is LinkState.UP and old.alive and new.alive and new.boot == old.boot
        and (new.last is old.last or _same_said(old.last, new.last))
    )


_SAID = attrgetter(*(one.name for one in fields(Heartbeat) if one.name not in ("seq", "heard")))


def _same_said(old: Heartbeat | None, new: Heartbeat | None) -> bool:
    """The two differ in their counters only."""
    if old is None or new is None or old.heard.keys() != new.heard.keys():
        return False
    if _SAID(old) != _SAID(new):
        return False
    return all(
        one.boot == new.heard[name].boot and one.links == new.heard[name].links
        for name, one in old.heard.items()
    )


def _lives(turn: Turn, peer: Peer, *, restarted: bool) -> None:
    """A sign of life: note it, and note who holds what."""
    if restarted and peer.alive:
        turn.log(Level.WARNING, "peer-restarted", peer=peer.name)
    elif not peer.alive:
        turn.log(Level.INFO, "peer-alive", peer=peer.name)
    if restarted:
        turn.greet = True
    _answer_if_late(turn, peer)
    if restarted or not peer.alive:
        turn.put_peer(replace(peer, life=Life.ALIVE, since=turn.now, spared_until=0.0))
    returned = restarted or not peer.alive
    for group in tuple(turn.state.groups.values()):
        if returned and group.state is GroupState.HELD:
            # While apart it may have announced the address as its own: caches must learn better.
            turn.put_group(announcing(group, turn.now))
        holds = candidates.peer_group_state(peer, group.name) is GroupState.HELD
        if holds and not group.engaged and group.last_holder != peer.name:
            turn.put_group(replace(group, last_holder=peer.name))


def _answer_if_late(turn: Turn, peer: Peer) -> None:
    """We are late for it: speak up, and often, before it thinks us dead (heavy loss on every link)."""
    heard = peer.last.heard.get(turn.config.me) if peer.last is not None else None
    if heard is None or heard.boot != turn.state.boot:
        return
    timers = turn.config.timers
    # Counted from when the first message that it lacks was sent; it has waited for that one already.
    if report.lacks_s(turn.state, heard.seq) >= timers.warntime_s - timers.interval_s:
        turn.state = replace(turn.state, quick_until=turn.now + timers.interval_s)
        turn.greet = True


def age(turn: Turn, peer: Peer) -> None:
    """See what silence says of one peer and its links."""
    if peer.boot is None:
        return
    timers, now = turn.config.timers, turn.now
    links = peer.links
    for name, link in peer.links.items():
        new = peers.link_state(link, now, timers)
        if new is not link.state:
            since = link.silent_since if link.silent_since is not None else link.heard_at
            up = new is LinkState.UP
            links = {**links, name: replace(link, state=new, silent_since=None if up else since)}
            _log_link(turn, peer.name, name, link, new)
    died_at = peers.dead_at(peer, timers)
    dead = died_at is not None and now >= died_at
    if peer.alive and not dead and peer.heard_at is not None and now >= peer.heard_at + timers.warntime_s:
        turn.late = True
    if dead:
        _log_death(turn, peer)
    if dead or links is not peer.links:
        turn.put_peer(replace(peer, links=links, life=Life.DEAD if dead else peer.life))


def _log_link(turn: Turn, peer: str, name: str, link: Link, new: LinkState) -> None:
    fields: dict[str, str | int | float] = {"peer": peer, "link": name}
    silent_since = link.silent_since if new is LinkState.UP else link.heard_at
    if silent_since is not None:
        fields["silent_s"] = round(turn.now - silent_since, 2)
    level = Level.INFO if new is LinkState.UP else Level.WARNING
    turn.log(level, f"link-{new.value}", **fields)


def _log_death(turn: Turn, peer: Peer) -> None:
    heard_at = peer.heard_at if peer.heard_at is not None else turn.now
    newest = max((link.heard_at or 0.0 for link in peer.links.values()), default=0.0)
    by = [name for name, link in peer.links.items() if link.heard_at == newest]
    turn.log(
        Level.WARNING, "peer-dead", peer=peer.name, silent_s=round(turn.now - heard_at, 2),
        last_link=",".join(by),
    )
