"""One server's end of the stream: its own tables, a session with each peer, and the pace of it all.

Feed it (put, remove, peers, receive), drain it (outgoing), arm one timer (next_deadline).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from twinboot.wire.cluster.replication import Ack, Data, Packet

from .lag import Lag
from .receiver import Inbox
from .sender import Outbox
from .table import Table

GATHER_S = 0.002
"""Changes wait so long for company in one packet."""
AWAY_S = 30.0
"""A peer that is not alive for longer begins anew when it is back."""
RATE_S = 2000.0
"""Packets a second to all peers together; at most BURST of them at once."""
BURST = 64
MOST_REMOVALS = 20_000


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer as heartbeats show it. boot: of the life that they have proved."""

    boot: int
    alive: bool


@dataclass(frozen=True, slots=True)
class Reset:
    """The peer sends this topic from the beginning: what it does not send again, it has no more."""

    peer: str
    topic: str


@dataclass(frozen=True, slots=True)
class Change:
    """A peer's key has this value now; None: it was removed."""

    peer: str
    topic: str
    key: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A packet to send. widely: over all links at once, not over one of them in turn."""

    peer: str
    packet: Packet
    widely: bool


class Node:
    """topics: name -> most keys of our own in it. Packets of other topics are ignored.

    prompt: topics whose changes do not wait for company.
    """

    def __init__(self, me: str, boot: int, topics: Mapping[str, int],
                 prompt: frozenset[str] = frozenset()) -> None:
        self._prompt, self._hurry = prompt, False
        self._lags = {name: Lag() for name in topics}
        self.ignored: Counter[str] = Counter()
        """Authentic packets that are of no use, by reason."""
        self._me, self._boot = me, boot
        self._tables = {name: Table(most) for name, most in topics.items()}
        self._peers: dict[str, Peer] = {}
        self._away_since: dict[str, float] = {}
        self._outboxes: dict[tuple[str, str], Outbox] = {}
        self._inboxes: dict[tuple[str, str], Inbox] = {}
        self._to_ack: set[tuple[str, str]] = set()
        self._sessions = count(1)
        self._changed_at: float | None = None
        self._tokens = float(BURST)
        self._filled_at = 0.0

    # Our own tables -----------------------------------------------------------------------------

    def put(self, topic: str, key: bytes, value: bytes, now: float) -> None:
        """ValueError: too large. table.Full: no room."""
        if self._tables[topic].put(key, value):
            self._note(topic, now)

    def remove(self, topic: str, key: bytes, now: float) -> None:
        if self._tables[topic].remove(key):
            self._note(topic, now)
            self._tidy(topic)

    def size(self, topic: str) -> int:
        return len(self._tables[topic])

    def lag_s(self, topic: str, now: float) -> dict[str, float]:
        """For each peer that lives: how long it has been without our oldest news, seconds."""
        return {
            peer: 0.0 if outbox.done else self._lags[topic].since(outbox.acked, now)
            for (peer, name), outbox in self._outboxes.items() if name == topic and self._peers[peer].alive
        }

    def taken_s(self, topic: str) -> tuple[float, float]:
        """From a change to a peer's acknowledgement: median and worst of the last thousand, seconds."""
        return self._lags[topic].taken_s

    def head(self, topic: str) -> int:
        """The number of our newest change."""
        return self._tables[topic].head

    def delivered(self, topic: str, upto: int | None = None) -> bool:
        """Every live peer has this topic of ours as it stands, or its changes up to that number."""
        wanted = self.head(topic) if upto is None else upto
        return all(
            outbox.acked >= wanted for (peer, name), outbox in self._outboxes.items()
            if name == topic and self._peers[peer].alive
        )

    # Peers --------------------------------------------------------------------------------------

    def peers(self, peers: Mapping[str, Peer], now: float) -> None:
        """Who is there. A life not seen before begins with everything."""
        for name, peer in peers.items():
            known = self._peers.get(name)
            if peer == known:
                continue
            self._peers[name] = peer
            if known is None or known.boot != peer.boot:
                self._end_session(name, also_theirs=True)
            if peer.alive:
                self._away_since.pop(name, None)
                for topic, table in self._tables.items():
                    self._outboxes.setdefault((name, topic), self._outbox(table, topic, peer.boot))
            else:
                self._away_since.setdefault(name, now)
        for name in [n for n, since in self._away_since.items() if now >= since + AWAY_S]:
            self._end_session(name, also_theirs=False)

    def complete(self, peer: str, topic: str) -> bool:
        """We have this topic of the peer as it last said it was."""
        inbox = self._inboxes.get((peer, topic))
        return inbox is not None and inbox.complete

    # Packets ------------------------------------------------------------------------------------

    def receive(self, packet: Packet, now: float) -> tuple[Reset | Change, ...]:
        """Take in an authentic packet; what is of another life, or of no topic of ours, is ignored."""
        peer = self._peers.get(packet.sender)
        if packet.to_boot != self._boot or peer is None or packet.boot != peer.boot:
            self.ignored["life"] += 1
        elif packet.topic not in self._tables:
            self.ignored["topic"] += 1
        elif isinstance(packet, Data):
            return self._receive_data(packet)
        else:
            self._receive_ack(packet, now)
        return ()

    def outgoing(self, now: float) -> list[Outgoing]:
        """What is to be sent now."""
        found = [
            Outgoing(peer, self._ack(peer, topic), widely=True) for peer, topic in sorted(self._to_ack)
        ]
        self._to_ack.clear()
        self._hurry = False
        if self._changed_at is not None and now >= self._changed_at + GATHER_S:
            self._changed_at = None
        self._tokens = min(float(BURST), self._tokens + (now - self._filled_at) * RATE_S)
        self._filled_at = now
        waiting = [key for key in self._outboxes if self._peers[key[0]].alive]
        while waiting and self._tokens >= 1 and self._changed_at is None:
            for key in tuple(waiting):
                got = self._outboxes[key].next_packet(now)
                if got is None:
                    waiting.remove(key)
                    continue
                self._tokens -= 1
                packet, again = got
                found.append(Outgoing(key[0], packet, widely=again or packet.upto == packet.head))
        return found

    def next_deadline(self, now: float) -> float | None:
        """When outgoing() may have something again."""
        if self._to_ack:
            return now
        deadlines = [
            at for (peer, _), outbox in self._outboxes.items()
            if self._peers[peer].alive and (at := outbox.next_deadline()) is not None
        ]
        if not deadlines:
            return None
        earliest = min(deadlines)
        if self._changed_at is not None:
            earliest = max(earliest, self._changed_at + GATHER_S)
        if self._tokens < 1:
            earliest = max(earliest, self._filled_at + BURST / 4 / RATE_S)
        return max(earliest, now)

    # Inside -------------------------------------------------------------------------------------

    def _note(self, topic: str, now: float) -> None:
        if any(peer.alive for peer in self._peers.values()):
            self._lags[topic].changed(self._tables[topic].head, now)
        if topic in self._prompt:
            self._hurry, self._changed_at = True, None
        elif self._changed_at is None and not self._hurry:
            self._changed_at = now

    def _outbox(self, table: Table, topic: str, to_boot: int) -> Outbox:
        return Outbox(table, me=self._me, boot=self._boot, to_boot=to_boot, session=next(self._sessions),
                      topic=topic)

    def _end_session(self, peer: str, *, also_theirs: bool) -> None:
        for key in [key for key in self._outboxes if key[0] == peer]:
            del self._outboxes[key]
        if also_theirs:
            for key in [key for key in self._inboxes if key[0] == peer]:
                del self._inboxes[key]
            self._to_ack = {key for key in self._to_ack if key[0] != peer}
        self._away_since.pop(peer, None)
        for topic in self._tables:
            self._tidy(topic)

    def _tidy(self, topic: str) -> None:
        """Forget removals that all know; peers far behind must not make us keep them for ever."""
        table = self._tables[topic]
        boxes = {peer: box for (peer, name), box in self._outboxes.items() if name == topic}
        if table.removals() > MOST_REMOVALS:
            for peer in [peer for peer, box in boxes.items() if not box.done]:
                self._outboxes[peer, topic] = self._outbox(table, topic, self._peers[peer].boot)
            table.forget(table.head)
            return
        table.forget(min((box.acked for box in boxes.values()), default=table.head))

    def _receive_data(self, data: Data) -> tuple[Reset | Change, ...]:
        key = data.sender, data.topic
        inbox = self._inboxes.get(key)
        found: list[Reset | Change] = []
        if inbox is None or data.session > inbox.session:
            inbox = self._inboxes[key] = Inbox(data.session)
            found.append(Reset(*key))
        elif data.session < inbox.session:
            self.ignored["session"] += 1
            return ()
        found += (Change(*key, entry.key, entry.value) for entry in inbox.take(data))
        self._to_ack.add(key)
        return tuple(found)

    def _receive_ack(self, ack: Ack, now: float) -> None:
        outbox = self._outboxes.get((ack.sender, ack.topic))
        if outbox is not None:
            before, lag = outbox.acked, self._lags[ack.topic]
            outbox.take(ack)
            lag.acked(before, outbox.acked, now)
            lag.forget(min(box.acked for (peer, name), box in self._outboxes.items()
                           if name == ack.topic and (self._peers[peer].alive or peer == ack.sender)))
            self._tidy(ack.topic)

    def _ack(self, peer: str, topic: str) -> Packet:
        return self._inboxes[peer, topic].ack(
            me=self._me, boot=self._boot, to_boot=self._peers[peer].boot, topic=topic)
