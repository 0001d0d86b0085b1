"""The ways between client and servers, and between the servers: late, lossy, doubled, in another order."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from twinboot.core.vip.group import ANNOUNCE_AT_S
from twinboot.takeover.logic.tcp.segment import Segment

from .clock import Clock
from .middlebox import Middlebox

if TYPE_CHECKING:
    from .kernel import Kernel
    from .server import Server


@dataclass(frozen=True)
class Way:
    """delay_s: at least. jitter_s: at most as much more, each packet on its own. loss, double: of one."""

    delay_s: float = 0.0005
    jitter_s: float = 0.0
    loss: float = 0.0
    double: float = 0.0

    def arrivals(self, draw: Random) -> list[float]:
        """After how long a packet arrives: never, once or twice."""
        copies = 2 if self.double and draw.random() < self.double else 1
        return [
            self.delay_s + (self.jitter_s * draw.random() if self.jitter_s else 0.0)
            for _ in range(copies)
            if not (self.loss and draw.random() < self.loss)
        ]


class Network:
    """way: of segments; replication: of the servers' packets. hears_arp: the client takes the address' new
    place from an announcement."""

    takes_frames_for_others = True
    """Frames that are sent to a former holder reach the holder: of a dead one it takes them in, a live one
    sends them on (agent.vip.stale_arp)."""

    def __init__(
        self, clock: Clock, draw: Random, way: Way, replication: Way, box: Middlebox, *, hears_arp: bool
    ) -> None:
        self.clock, self.draw, self.way, self.replication, self.box = clock, draw, way, replication, box
        self.hears_arp = hears_arp
        self.client: Kernel
        self.servers: dict[str, Server] = {}
        self.holder_by_arp: str = ""
        """The server to which the client sends its frames."""
        self.sent_by_servers = self.bytes_sent = 0

    def from_server(self, server: Server, one: Segment) -> None:
        self.sent_by_servers += 1
        self.bytes_sent += one.payload_bytes
        for delay_s in self.way.arrivals(self.draw):
            self.clock.after(delay_s, self._to_client, one)

    def _to_client(self, one: Segment) -> None:
        if self.box.passes(one, up=False):
            self.client.input(one)
        elif (refusal := self.box.refusal(one)) is not None:
            self._to_server(refusal)

    def from_client(self, one: Segment) -> None:
        if self.box.passes(one, up=True):
            for delay_s in self.way.arrivals(self.draw):
                self.clock.after(delay_s, self._to_server, one)

    def _to_server(self, one: Segment) -> None:
        target = self.servers[self.holder_by_arp]
        if self.takes_frames_for_others and not (target.alive and one.target in target.kernel.addresses):
            target = next(
                (
                    other
                    for other in self.servers.values()
                    if other.alive and one.target in other.kernel.addresses
                ),
                target,
            )
        target.kernel.input(one)

    def replicate(self, sender: Server, peer: str, packet: Any) -> bool:
        if not sender.alive:
            return False
        for delay_s in self.replication.arrivals(self.draw):
            self.clock.after(delay_s, self._to_peer, peer, packet)
        return True

    def _to_peer(self, peer: str, packet: Any) -> None:
        one = self.servers[peer]
        if one.alive:
            one.packet(packet)

    def announce(self, server: Server) -> None:
        for delay_s in ANNOUNCE_AT_S:
            self.clock.after(delay_s, self._announced, server)

    def _announced(self, server: Server) -> None:
        if server.alive and server.address in server.kernel.addresses and self.hears_arp:
            for delay_s in self.way.arrivals(self.draw):
                self.clock.after(delay_s, self._learn, server.name)

    def _learn(self, name: str) -> None:
        self.holder_by_arp = name
