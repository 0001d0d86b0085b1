"""The stream between sidecars on this server: its packets on the udp links, its changes to whoever asks.

Runs on the loop and never waits. Owns which link a packet takes; what is sent and repeated is
twinboot.replication's. A topic is named, with its bound, when this is built.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from twinboot import core
from twinboot.core.effects import Level
from twinboot.log import say
from twinboot.replication.node import Change, Node, Outgoing, Peer, Reset
from twinboot.replication.table import Full
from twinboot.wire.cluster.authentication import EncodeError
from twinboot.wire.cluster.replication import StreamCodec

log = logging.getLogger(__name__)

DEAF_S = 0.5
"""Nobody is made to wait for a peer that has not acknowledged our news for so long."""
TAKEN_S = 2000.0
TAKEN_AT_ONCE = 500

Listener = Callable[[Reset | Change], None]


class Carrier(Protocol):
    """A link that can address one peer: adapters.links.udp.UdpLink, or a stand-in."""

    def send_to(self, peer: str, data: bytes) -> bool: ...


class Streams:
    """The stream's end on this server. links: those that can carry it (serial ones cannot)."""

    def __init__(self, node: Node, codec: StreamCodec, links: Mapping[str, Carrier],
                 now: Callable[[], float]) -> None:
        self._node = node
        self._codec = codec
        self._links = tuple(links.values())
        self._now = now
        self._turn = 0
        self._listeners: dict[str, Listener] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._seen: tuple[tuple[str, int, bool], ...] = ()
        self._waiting: list[tuple[str, int, Callable[[], None]]] = []
        self._full: set[str] = set()
        self._closed = False
        self.thrown_away = 0
        self._tokens, self._filled_at = float(TAKEN_AT_ONCE), now()

    def listen(self, topic: str, listener: Listener) -> None:
        """Hand every change of the peers' tables of this topic to the listener, on the loop."""
        self._listeners[topic] = listener

    def rekey(self, codec: StreamCodec) -> None:
        self._codec = codec

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    # Our own ------------------------------------------------------------------------------------

    def put(self, topic: str, key: bytes, value: bytes) -> bool:
        """Tell all peers, now and when they join later. False: too large, or the topic is full."""
        try:
            self._node.put(topic, key, value, self._now())
        except (ValueError, Full) as exc:
            if topic not in self._full:
                self._full.add(topic)
                say(log, Level.ERROR, "stream-refused", topic=topic, reason=str(exc))
            return False
        self._arm()
        return True

    def remove(self, topic: str, key: bytes) -> None:
        self._node.remove(topic, key, self._now())
        self._arm()

    def lag_s(self, topic: str) -> dict[str, float]:
        """For each live peer: how long it has been without our oldest news, seconds."""
        return self._node.lag_s(topic, self._now())

    def taken_s(self, topic: str) -> tuple[float, float]:
        """From a change to a peer's acknowledgement: median and worst of the last thousand, seconds."""
        return self._node.taken_s(topic)

    async def delivered(self, topic: str, limit_s: float) -> bool:
        """Wait until every live peer has all that the topic holds now; False when some had not in time.

        What changes meanwhile is not waited for: there may be news all the time.
        """
        upto = self._node.head(topic)
        if self._node.delivered(topic, upto):
            return True
        arrived = asyncio.Event()
        entry = topic, upto, arrived.set
        self._waiting.append(entry)
        try:
            await asyncio.wait_for(arrived.wait(), limit_s)
        except TimeoutError:
            return self._node.delivered(topic, upto)
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)
        return True

    def when_known(self, topic: str, call: Callable[[], None]) -> None:
        """Call once, on the loop, when every live peer has all that the topic holds now.

        A peer that has been without our news for DEAF_S is not waited for: perhaps nothing reaches it.
        """
        upto = self._node.head(topic)
        deaf = max(self.lag_s(topic).values(), default=0.0) >= DEAF_S
        if deaf or self._node.delivered(topic, upto):
            call()
        else:
            self._waiting.append((topic, upto, call))

    # Peers --------------------------------------------------------------------------------------

    def look(self, state: core.State) -> None:
        """Take over from the heartbeats who is there. Cheap: called after every one."""
        seen = tuple(
            (peer.name, peer.boot, peer.alive) for peer in state.peers.values() if peer.boot is not None)
        if seen != self._seen or any(not alive for _, _, alive in seen):
            self._seen = seen
            self._node.peers({name: Peer(boot, alive) for name, boot, alive in seen}, self._now())
            self._tell_waiting()
            self._arm()

    def deliver(self, data: bytes) -> None:
        """A datagram with the stream's magic came in. DecodeError when it is not authentic.

        More than peers send are thrown away unread: recordings that are played back by the thousand must
        not take the loop's time. What was lost with them is sent again.
        """
        if not self._room():
            self.thrown_away += 1
            return
        packet = self._codec.decode(data)
        for news in self._node.receive(packet, self._now()):
            listener = self._listeners.get(news.topic)
            if listener is not None:
                listener(news)
        self._tell_waiting()
        self._arm()

    # Inside -------------------------------------------------------------------------------------

    def _room(self) -> bool:
        """A bucket of TAKEN_S packets a second, of which TAKEN_AT_ONCE may come together."""
        now = self._now()
        self._tokens = min(float(TAKEN_AT_ONCE), self._tokens + (now - self._filled_at) * TAKEN_S)
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
            log.exception("a packet of the stream could not be made")
            return
        for _ in self._links:
            self._turn = (self._turn + 1) % len(self._links)
            sent = self._links[self._turn].send_to(outgoing.peer, data)
            if sent and not outgoing.widely:
                return

    def _tell_waiting(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        for entry in waiting:
            if self._node.delivered(entry[0], entry[1]):
                entry[2]()
            else:
                self._waiting.append(entry)
