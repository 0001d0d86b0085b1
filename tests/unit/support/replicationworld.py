"""Servers that replicate tables to each other over a network with loss, delay and copies, in virtual time."""

from __future__ import annotations

import heapq
import random
from itertools import count

from twinboot.replication.node import PeerStatus, ReplicationNode, TableReset
from twinboot.wire.cluster.replication import Packet

TABLES = {"leases": 10_000, "connections": 10_000}
STEP_S = 0.001


class LossyNetwork:
    """Carries packets for a time between 0 and `delay_s`, loses and doubles some. cut: nothing passes."""

    def __init__(self, seed: int, *, loss: float = 0.0, double: float = 0.0, delay_s: float = 0.001) -> None:
        self.draw = random.Random(seed)
        self.loss, self.double, self.delay_s = loss, double, delay_s
        self.cut: set[frozenset[str]] = set()
        self.carried = 0
        self.recorded: list[tuple[str, Packet]] = []
        self._way: list[tuple[float, int, str, Packet]] = []
        self._count = count()

    def send(self, now: float, to: str, packet: Packet) -> None:
        self.recorded.append((to, packet))
        for _ in range(2 if self.draw.random() < self.double else 1):
            if self.draw.random() < self.loss or frozenset((packet.sender, to)) in self.cut:
                continue
            arrives = now + self.draw.random() * self.delay_s
            heapq.heappush(self._way, (arrives, next(self._count), to, packet))

    def due(self, now: float) -> list[tuple[str, Packet]]:
        found = []
        while self._way and self._way[0][0] <= now:
            _, _, to, packet = heapq.heappop(self._way)
            found.append((to, packet))
            self.carried += 1
        return found


class ReplicationWorld:
    """Nodes by name, each with what it has learnt: (peer, table_name) -> table."""

    def __init__(self, names: list[str], net: LossyNetwork) -> None:
        self.net = net
        self.now = 100.0
        self.nodes: dict[str, ReplicationNode] = {}
        self.boots: dict[str, int] = {}
        self.alive: dict[str, bool] = {}
        self.learnt: dict[str, dict[tuple[str, str], dict[bytes, bytes]]] = {}
        self._boots = count(1000)
        for name in names:
            self.boot(name)

    def boot(self, name: str) -> None:
        """(Re)start a server: it has forgotten everything."""
        self.boots[name], self.alive[name] = next(self._boots), True
        self.nodes[name] = ReplicationNode(name, self.boots[name], TABLES, frozenset({"connections"}))
        self.learnt[name] = {}
        self.meet()

    def meet(self) -> None:
        """Heartbeats tell everyone who is there."""
        for name, node in self.nodes.items():
            others = {n: PeerStatus(boot, self.alive[n]) for n, boot in self.boots.items() if n != name}
            node.set_peers(others, self.now)

    def receive(self, to: str, packet: Packet) -> int:
        news = self.nodes[to].receive(packet, self.now)
        for item in news:
            table = self.learnt[to].setdefault((item.peer, item.table_name), {})
            if isinstance(item, TableReset):
                table.clear()
            elif item.value is None:
                table.pop(item.key, None)
            else:
                table[item.key] = item.value
        return len(news)

    def run(self, for_s: float) -> None:
        end = self.now + for_s
        while self.now < end:
            self.now += STEP_S
            for to, packet in self.net.due(self.now):
                if self.alive[to]:
                    self.receive(to, packet)
            for name, node in self.nodes.items():
                deadline = node.next_deadline(self.now)
                if self.alive[name] and deadline is not None and deadline <= self.now:
                    for outgoing in node.outgoing(self.now):
                        self.net.send(self.now, outgoing.peer, outgoing.packet)

    def put(self, name: str, key: str, value: str, table_name: str = "leases") -> None:
        self.nodes[name].put(table_name, key.encode(), value.encode(), self.now)

    def remove(self, name: str, key: str, table_name: str = "leases") -> None:
        self.nodes[name].remove(table_name, key.encode(), self.now)

    def has(self, name: str, peer: str, table_name: str = "leases") -> dict[str, str]:
        table = self.learnt[name].get((peer, table_name), {})
        return {key.decode(): value.decode() for key, value in table.items()}
