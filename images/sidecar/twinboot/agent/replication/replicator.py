"""Replication between sidecars on this server: packets over the UDP links, peers' changes to subscribers.

Runs on the loop and never waits. Owns which link a packet takes; twinboot.replication decides what is sent
and resent. The tables and their bounds are given to the node.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from twinboot import core
from twinboot.core.effects import LogLevel
from twinboot.log import log_event
from twinboot.replication.node import Outgoing, PeerStatus, ReplicationNode, RowChange, TableReset
from twinboot.replication.table import TableFull
from twinboot.wire.cluster.authentication import EncodeError
from twinboot.wire.cluster.replication import ReplicationCodec

log = logging.getLogger(__name__)

UNACKED_LIMIT_S = 0.5
"""A peer that has not acknowledged our changes for this long makes no caller wait."""
PACKETS_PER_S = 2000.0
PACKET_BURST = 500

ChangeHandler = Callable[[TableReset | RowChange], None]


class PeerLink(Protocol):
    """A link that can address one peer: adapters.links.udp.UdpLink, or a stand-in."""

    def send_to(self, peer: str, data: bytes) -> bool: ...


class Replicator:
    """This server's end of replication. links: those that can carry it (serial ones cannot)."""

    def __init__(self, node: ReplicationNode, codec: ReplicationCodec, links: Mapping[str, PeerLink],
                 now: Callable[[], float]) -> None:
        self._node = node
        self._codec = codec
        self._links = tuple(links.values())
        self._now = now
        self._next_link = 0
        self._handlers: dict[str, ChangeHandler] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._known_peers: tuple[tuple[str, int, bool], ...] = ()
        self._delivery_waiters: list[tuple[str, int, Callable[[], None]]] = []
        self._full_tables: set[str] = set()
        self._closed = False
        self.packets_dropped = 0
        self._tokens, self._filled_at = float(PACKET_BURST), now()

    def subscribe(self, table: str, handler: ChangeHandler) -> None:
        """Call the handler, on the loop, with every change of the peers' tables of this name."""
        self._handlers[table] = handler

    def rekey(self, codec: ReplicationCodec) -> None:
        self._codec = codec

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    # Our own tables -----------------------------------------------------------------------------

    def put(self, table: str, key: bytes, value: bytes) -> bool:
        """Replicate to all peers, now and when they join later. False: too large, or the table is full."""
        try:
            self._node.put(table, key, value, self._now())
        except (ValueError, TableFull) as exc:
            if table not in self._full_tables:
                self._full_tables.add(table)
                log_event(log, LogLevel.ERROR, "replication-refused", table=table, reason=str(exc))
            return False
        self._arm()
        return True

    def remove(self, table: str, key: bytes) -> None:
        self._node.remove(table, key, self._now())
        self._arm()

    def hurry(self, table: str) -> None:
        """Somebody waits for the peers to have what the table holds."""
        self._node.hurry(table)
        self._arm()

    def lag_s(self, table: str) -> dict[str, float]:
        """For each live peer: age of our oldest change that it has not acknowledged, seconds."""
        return self._node.lag_s(table, self._now())

    def ack_time_s(self, table: str) -> tuple[float, float]:
        """From a change to a peer's acknowledgement: median and worst of the last thousand, seconds."""
        return self._node.ack_time_s(table)

    async def delivered(self, table: str, limit_s: float) -> bool:
        """Wait until every live peer has all that the table holds now; False when that took too long.

        Changes made meanwhile are not waited for: there may always be more.
        """
        upto = self._node.head(table)
        if self._node.delivered(table, upto):
            return True
        arrived = asyncio.Event()
        entry = table, upto, arrived.set
        self._delivery_waiters.append(entry)
        try:
            await asyncio.wait_for(arrived.wait(), limit_s)
        except TimeoutError:
            return self._node.delivered(table, upto)
        finally:
            if entry in self._delivery_waiters:
                self._delivery_waiters.remove(entry)
        return True

    def head(self, table: str) -> int:
        """The number of our newest change, for has()."""
        return self._node.head(table)

    def has(self, table: str, upto: int, *, without: Collection[str] = ()) -> bool:
        """Whether every live peer, but those of `without`, has acknowledged our table up to that change."""
        return self._node.delivered(table, upto, without=without)

    def unheard(self, table: str) -> set[str]:
        """Live peers that have never acknowledged anything of the table."""
        return self._node.unheard(table)

    def complete(self, peer: str, table: str) -> bool:
        """Whether we have all of the peer's table."""
        return self._node.complete(peer, table)

    def call_when_delivered(self, table: str, call: Callable[[], None]) -> None:
        """Call once, on the loop, when every live peer has all that the table holds now.

        Called at once when a peer has not acknowledged for UNACKED_LIMIT_S: perhaps nothing reaches it.
        """
        upto = self._node.head(table)
        unacked = max(self.lag_s(table).values(), default=0.0) >= UNACKED_LIMIT_S
        if unacked or self._node.delivered(table, upto):
            call()
        else:
            self._delivery_waiters.append((table, upto, call))

    # Peers --------------------------------------------------------------------------------------

    def update_peers(self, state: core.State) -> None:
        """Learn from the core's state which peers are alive. Cheap: called after every heartbeat."""
        seen = tuple(
            (peer.name, peer.boot_id, peer.alive) for peer in state.peers.values()
            if peer.boot_id is not None and not peer.unknown_server
        )
        if seen != self._known_peers or any(not alive for _, _, alive in seen):
            self._known_peers = seen
            self._node.set_peers({name: PeerStatus(boot, alive) for name, boot, alive in seen}, self._now())
            self._wake_waiters()
            self._arm()

    def receive(self, data: bytes) -> None:
        """Handle a datagram with replication's magic. DecodeError when it is not authentic.

        Datagrams above the rate limit are dropped unread, so that replayed recordings cannot take the
        loop's time. Genuine packets lost with them are sent again.
        """
        if not self._take_token():
            self.packets_dropped += 1
            return
        packet = self._codec.decode(data)
        for change in self._node.receive(packet, self._now()):
            handler = self._handlers.get(change.table_name)
            if handler is not None:
                handler(change)
        self._wake_waiters()
        self._arm()

    # Inside -------------------------------------------------------------------------------------

    def _take_token(self) -> bool:
        """Token bucket: PACKETS_PER_S packets a second, of which PACKET_BURST may come at once."""
        now = self._now()
        self._tokens = min(float(PACKET_BURST), self._tokens + (now - self._filled_at) * PACKETS_PER_S)
        self._filled_at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def _arm(self) -> None:
        now = self._now()
        deadline = self._node.next_deadline(now)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline is not None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, deadline - now), self._flush)

    def _flush(self) -> None:
        self._timer = None
        for outgoing in self._node.outgoing(self._now()):
            self._send(outgoing)
        self._arm()

    def _send(self, outgoing: Outgoing) -> None:
        try:
            data = self._codec.encode(outgoing.packet)
        except EncodeError:
            log.exception("a replication packet could not be encoded")
            return
        for _ in self._links:
            self._next_link = (self._next_link + 1) % len(self._links)
            sent = self._links[self._next_link].send_to(outgoing.peer, data)
            if sent and not outgoing.on_all_links:
                return

    def _wake_waiters(self) -> None:
        if not self._delivery_waiters:
            return
        waiting, self._delivery_waiters = self._delivery_waiters, []
        for entry in waiting:
            if self._node.delivered(entry[0], entry[1]):
                entry[2]()
            else:
                self._delivery_waiters.append(entry)
