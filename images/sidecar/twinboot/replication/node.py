"""One server's end of replication: its own tables, the sessions with each peer, batching and rate limit.

The caller reports changes and packets (put, remove, set_peers, receive), sends what outgoing() returns, and
arms one timer (next_deadline).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import count

from twinboot.wire.cluster.replication import Ack, Data, Packet

from .lag import ReplicationLag
from .receiver import ReceiverSession
from .sender import SenderSession
from .table import Table

BATCH_DELAY_S = 0.002
"""How long a change waits for others to share its packet."""
BULK_DELAY_S = 0.1
"""The same for a table whose changes are no haste, unless hurry() says otherwise."""
SESSION_TIMEOUT_S = 30.0
"""A peer that is not alive for longer gets a new session when it is back."""
SEND_RATE_PER_S = 2000.0
"""Packets a second to all peers together; at most SEND_BURST of them at once."""
SEND_BURST = 64
MAX_TOMBSTONES = 20_000


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """A peer as heartbeats show it. boot: the boot id that they have verified."""

    boot: int
    alive: bool


@dataclass(frozen=True, slots=True)
class TableReset:
    """The peer sends this table from the beginning: rows that it does not send again are gone."""

    peer: str
    table_name: str


@dataclass(frozen=True, slots=True)
class RowChange:
    """A peer's key has a new value; None: it was removed."""

    peer: str
    table_name: str
    key: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A packet to send. on_all_links: over every link at once, rather than over one of them in turn."""

    peer: str
    packet: Packet
    on_all_links: bool


class ReplicationNode:
    """tables: name -> maximum number of our own keys. Packets of other tables are ignored.

    urgent_tables: tables whose changes are sent without BATCH_DELAY_S. bulk_tables: with BULK_DELAY_S.
    """

    def __init__(self, own_name: str, boot: int, tables: Mapping[str, int],
                 urgent_tables: frozenset[str] = frozenset(),
                 bulk_tables: frozenset[str] = frozenset()) -> None:
        self._patient_tables = bulk_tables
        self._held: dict[str, float] = {}
        """Patient tables with changes that wait for others, and until when."""
        self._prompt_tables, self._send_at_once = urgent_tables, False
        self._lags = {name: ReplicationLag() for name in tables}
        self.ignored: Counter[str] = Counter()
        """Count of authentic packets that were ignored, by reason."""
        self._own_name, self._boot = own_name, boot
        self._tables = {name: Table(most) for name, most in tables.items()}
        self._peers: dict[str, PeerStatus] = {}
        self._away_since: dict[str, float] = {}
        self._senders: dict[tuple[str, str], SenderSession] = {}
        self._receivers: dict[tuple[str, str], ReceiverSession] = {}
        self._to_ack: set[tuple[str, str]] = set()
        self._sessions = count(1)
        self._changed_at: float | None = None
        self._tokens = float(SEND_BURST)
        self._filled_at = 0.0

    # Our own tables -----------------------------------------------------------------------------

    def put(self, table_name: str, key: bytes, value: bytes, now: float) -> None:
        """Set a key of our own table. ValueError: too large. TableFull: no room."""
        before = self._tables[table_name].number_of(key)
        if self._tables[table_name].put(key, value):
            self._note_change(table_name, before, now)

    def remove(self, table_name: str, key: bytes, now: float) -> None:
        before = self._tables[table_name].number_of(key)
        if self._tables[table_name].remove(key):
            self._note_change(table_name, before, now)
            self._drop_tombstones(table_name)

    def hurry(self, table_name: str) -> None:
        """Somebody waits for the peers to have what the table holds."""
        self._held.pop(table_name, None)

    def size(self, table_name: str) -> int:
        return len(self._tables[table_name])

    def lag_s(self, table_name: str, now: float) -> dict[str, float]:
        """For each live peer: seconds since our oldest change that it has not acknowledged."""
        return {
            peer: 0.0 if sender.up_to_date else self._lags[table_name].oldest_wait_s(sender.acked, now)
            for (peer, name), sender in self._senders.items()
            if name == table_name and self._peers[peer].alive
        }

    def ack_time_s(self, table_name: str) -> tuple[float, float]:
        """Seconds from a change to a peer's acknowledgement: median and maximum of recent changes."""
        return self._lags[table_name].ack_time_s

    def head(self, table_name: str) -> int:
        """The sequence number of our newest change."""
        return self._tables[table_name].head

    def delivered(
        self, table_name: str, upto: int | None = None, *, without: Collection[str] = ()
    ) -> bool:
        """Whether every live peer has acknowledged our table as it stands, or its changes up to `upto`."""
        wanted = self.head(table_name) if upto is None else upto
        return all(
            sender.acked >= wanted for (peer, name), sender in self._senders.items()
            if name == table_name and self._peers[peer].alive and peer not in without
        )

    def unheard(self, table_name: str) -> set[str]:
        """Live peers that have never acknowledged anything of the table: they are new, or do not know it."""
        return {
            peer for (peer, name), sender in self._senders.items()
            if name == table_name and self._peers[peer].alive and not sender.heard
        }

    # Peers --------------------------------------------------------------------------------------

    def set_peers(self, peers: Mapping[str, PeerStatus], now: float) -> None:
        """Set the known peers. A new boot of a peer gets the whole of every table."""
        for name, peer in peers.items():
            known = self._peers.get(name)
            if peer == known:
                continue
            self._peers[name] = peer
            if known is None or known.boot != peer.boot:
                self._end_session(name, also_theirs=True)
            if peer.alive:
                self._away_since.pop(name, None)
                for table_name, table in self._tables.items():
                    self._senders.setdefault(
                        (name, table_name), self._new_sender(table, table_name, peer.boot)
                    )
            else:
                self._away_since.setdefault(name, now)
        for name in [n for n, since in self._away_since.items() if now >= since + SESSION_TIMEOUT_S]:
            self._end_session(name, also_theirs=False)

    def complete(self, peer: str, table_name: str) -> bool:
        """Whether we have all rows of the peer's table, up to the newest that it told us of."""
        receiver = self._receivers.get((peer, table_name))
        return receiver is not None and receiver.complete

    # Packets ------------------------------------------------------------------------------------

    def receive(self, packet: Packet, now: float) -> tuple[TableReset | RowChange, ...]:
        """Apply an authentic packet; one of another boot or an unknown table is ignored and counted."""
        peer = self._peers.get(packet.sender)
        if packet.to_boot != self._boot or peer is None or packet.boot != peer.boot:
            self.ignored["life"] += 1
        elif packet.table_name not in self._tables:
            self.ignored["table"] += 1
        elif isinstance(packet, Data):
            return self._receive_data(packet)
        else:
            self._receive_ack(packet, now)
        return ()

    def outgoing(self, now: float) -> list[Outgoing]:
        """The packets to send now: acknowledgements first."""
        found = [
            Outgoing(peer, self._ack(peer, table_name), on_all_links=True)
            for peer, table_name in sorted(self._to_ack)
        ]
        self._to_ack.clear()
        self._send_at_once = False
        if self._changed_at is not None and now >= self._changed_at + BATCH_DELAY_S:
            self._changed_at = None
        self._tokens = min(float(SEND_BURST), self._tokens + (now - self._filled_at) * SEND_RATE_PER_S)
        self._filled_at = now
        self._held = {name: until for name, until in self._held.items() if until > now}
        waiting = [key for key in self._senders if self._peers[key[0]].alive and key[1] not in self._held]
        while waiting and self._tokens >= 1 and self._changed_at is None:
            for key in tuple(waiting):
                got = self._senders[key].next_packet(now)
                if got is None:
                    waiting.remove(key)
                    continue
                self._tokens -= 1
                packet, again = got
                found.append(Outgoing(key[0], packet, on_all_links=again or packet.upto == packet.head))
        return found

    def next_deadline(self, now: float) -> float | None:
        """When outgoing() may have something again."""
        if self._to_ack:
            return now
        deadlines = [
            max(at, self._held.get(name, at)) for (peer, name), sender in self._senders.items()
            if self._peers[peer].alive and (at := sender.next_deadline()) is not None
        ]
        if not deadlines:
            return None
        earliest = min(deadlines)
        if self._changed_at is not None:
            earliest = max(earliest, self._changed_at + BATCH_DELAY_S)
        if self._tokens < 1:
            earliest = max(earliest, self._filled_at + SEND_BURST / 4 / SEND_RATE_PER_S)
        return max(earliest, now)

    # Inside -------------------------------------------------------------------------------------

    def _note_change(self, table_name: str, overwritten: int | None, now: float) -> None:
        if overwritten is not None:
            for (_peer, name), sender in self._senders.items():
                if name == table_name:
                    sender.note_overwritten(overwritten, self._tables[table_name].head)
        if any(peer.alive for peer in self._peers.values()):
            self._lags[table_name].note_change(self._tables[table_name].head, now)
        if table_name in self._patient_tables:
            self._held.setdefault(table_name, now + BULK_DELAY_S)
        elif table_name in self._prompt_tables:
            self._send_at_once, self._changed_at = True, None
        elif self._changed_at is None and not self._send_at_once:
            self._changed_at = now

    def _new_sender(self, table: Table, table_name: str, to_boot: int) -> SenderSession:
        return SenderSession(
            table,
            me=self._own_name,
            boot=self._boot,
            to_boot=to_boot,
            session=next(self._sessions),
            table_name=table_name,
        )

    def _end_session(self, peer: str, *, also_theirs: bool) -> None:
        for key in [key for key in self._senders if key[0] == peer]:
            del self._senders[key]
        if also_theirs:
            for key in [key for key in self._receivers if key[0] == peer]:
                del self._receivers[key]
            self._to_ack = {key for key in self._to_ack if key[0] != peer}
        self._away_since.pop(peer, None)
        for table_name in self._tables:
            self._drop_tombstones(table_name)

    def _drop_tombstones(self, table_name: str) -> None:
        """Drop removals that all peers have acknowledged. Above MAX_TOMBSTONES drop all: peers that lag
        behind get a new session instead."""
        table = self._tables[table_name]
        senders = {peer: sender for (peer, name), sender in self._senders.items() if name == table_name}
        if table.tombstone_count() > MAX_TOMBSTONES:
            for peer in [peer for peer, sender in senders.items() if not sender.up_to_date]:
                self._senders[peer, table_name] = self._new_sender(table, table_name, self._peers[peer].boot)
            table.drop_tombstones(table.head)
            return
        table.drop_tombstones(min((sender.acked for sender in senders.values()), default=table.head))

    def _receive_data(self, data: Data) -> tuple[TableReset | RowChange, ...]:
        key = data.sender, data.table_name
        receiver = self._receivers.get(key)
        found: list[TableReset | RowChange] = []
        if receiver is None or data.session > receiver.session:
            receiver = self._receivers[key] = ReceiverSession(data.session)
            found.append(TableReset(*key))
        elif data.session < receiver.session:
            self.ignored["session"] += 1
            return ()
        found += (RowChange(*key, row.key, row.value) for row in receiver.receive(data))
        self._to_ack.add(key)
        return tuple(found)

    def _receive_ack(self, ack: Ack, now: float) -> None:
        sender = self._senders.get((ack.sender, ack.table_name))
        if sender is not None:
            before, lag = sender.acked, self._lags[ack.table_name]
            sender.receive_ack(ack, now)
            lag.note_ack(before, sender.acked, now)
            lag.forget(min(sender.acked for (peer, name), sender in self._senders.items()
                           if name == ack.table_name and (self._peers[peer].alive or peer == ack.sender)))
            self._drop_tombstones(ack.table_name)

    def _ack(self, peer: str, table_name: str) -> Packet:
        return self._receivers[peer, table_name].ack(
            own_name=self._own_name, boot=self._boot, to_boot=self._peers[peer].boot, table_name=table_name)
