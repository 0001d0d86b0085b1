"""Replication between sidecars on this server: its packets on the udp links, its changes to whoever asks.

Runs on the loop and never waits. Owns which link a packet takes; what is sent and repeated is
twinboot.replication's. A table is named, with its bound, when this is built.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
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
"""Nobody is made to wait for a peer that has not acknowledged our news for so long."""
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
        """Hand every change of the peers' tables of this name to the listener, on the loop."""
        self._handlers[table] = handler

    def rekey(self, codec: ReplicationCodec) -> None:
        self._codec = codec

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    # Our own ------------------------------------------------------------------------------------

    def put(self, table: str, key: bytes, value: bytes) -> bool:
        """Tell all peers, now and when they join later. False: too large, or the table is full."""
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

    def lag_s(self, table: str) -> dict[str, float]:
        """For each live peer: how long it has been without our oldest news, seconds."""
        return self._node.lag_s(table, self._now())

    def ack_time_s(self, table: str) -> tuple[float, float]:
        """From a change to a peer's acknowledgement: median and worst of the last thousand, seconds."""
        return self._node.ack_time_s(table)

    async def delivered(self, table: str, limit_s: float) -> bool:
        """Wait until every live peer has all that the table holds now; False when some had not in time.

        What changes meanwhile is not waited for: there may be news all the time.
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

    def call_when_delivered(self, table: str, call: Callable[[], None]) -> None:
        """Call once, on the loop, when every live peer has all that the table holds now.

        A peer that has been without our news for UNACKED_LIMIT_S is not waited for: perhaps nothing reaches
        it.
        """
        upto = self._node.head(table)
        unacked = max(self.lag_s(table).values(), default=0.0) >= UNACKED_LIMIT_S
        if unacked or self._node.delivered(table, upto):
            call()
        else:
            self._delivery_waiters.append((table, upto, call))

    # Peers --------------------------------------------------------------------------------------

    def update_peers(self, state: core.State) -> None:
        """Take over from the heartbeats who is there. Cheap: called after every one."""
        seen = tuple(
            (peer.name, peer.boot_id, peer.alive) for peer in state.peers.values() if peer.boot_id is not None
        )
        if seen != self._known_peers or any(not alive for _, _, alive in seen):
            self._known_peers = seen
            self._node.set_peers({name: PeerStatus(boot, alive) for name, boot, alive in seen}, self._now())
            self._wake_waiters()
            self._arm()

    def receive(self, data: bytes) -> None:
        """A datagram with replication's magic came in. DecodeError when it is not authentic.

        More than peers send are thrown away unread: recordings that are played back by the thousand must
        not take the loop's time. What was lost with them is sent again.
        """
        if not self._take_token():
            self.packets_dropped += 1
            return
        packet = self._codec.decode(data)
        for news in self._node.receive(packet, self._now()):
            listener = self._handlers.get(news.table_name)
            if listener is not None:
                listener(news)
        self._wake_waiters()
        self._arm()

    # Inside -------------------------------------------------------------------------------------

    def _take_token(self) -> bool:
        """A bucket of TAKEN_S packets a second, of which TAKEN_AT_ONCE may come together."""
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
