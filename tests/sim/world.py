"""Virtual time: an event heap, the servers and the network between them.

No real clock and no real randomness: the same scenario and seed give the same history.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random

from twinboot.core.effects import Level, Log, Send
from twinboot.core.events import Received
from twinboot.core.model import ClusterConfig, Failback, GroupConfig, Timers

from .judge import Judge
from .network import Network
from .server import ARP_S, Server

FAST = Timers(initdead_s=2.0, failback_delay_s=2.0)
"""Shorter waits than in life, so that a history holds more events; detection as in life."""


def site(servers: int, *, timers: Timers, failback: Failback) -> list[ClusterConfig]:
    """A site of that many servers, each first in the order of one group; dhcpd with the first."""
    names = tuple(f"server{number}" for number in range(1, servers + 1))
    labels = ("first", "second", "third", "fourth", "fifth")
    groups = tuple(
        GroupConfig(
            labels[place], names[place:] + names[:place], ("dhcpd",) if place == 0 else (),
            f"192.168.0.{253 + place}",
        )
        for place in range(min(servers, len(labels)))
    )
    return [
        ClusterConfig("sim", me, names, groups, ("crossover", "lan"), timers, failback) for me in names
    ]


class World:
    """Everything of one history."""

    def __init__(
        self, servers: int = 2, *, seed: int = 0, timers: Timers = FAST, failback: Failback = Failback.AUTO,
    ) -> None:
        configs = site(servers, timers=timers, failback=failback)
        self.timers = timers
        self.failback = failback
        self.groups = configs[0].groups
        self.now = 0.0
        self.rng = Random(seed)
        self.network = Network(configs[0].links, Random(seed + 1))
        self.servers = {config.me: Server(self, config) for config in configs}
        self.judge = Judge(self)
        self.shaken_at = 0.0
        """Last time somebody did what may rightly cost a moment of double holding."""
        self.touched_at = 0.0
        """Last time somebody did anything to the cluster."""
        self.story: list[str] = []
        self.changes: list[tuple[float, str, str]] = []
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, when: float, act: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, act))

    def run_until(self, end: float) -> None:
        heap = self._heap
        while heap and heap[0][0] <= end:
            self.now, _, act = heapq.heappop(heap)
            act()
            self.judge.look()
        self.now = end
        self.judge.look()

    def run_for(self, seconds: float) -> None:
        self.run_until(self.now + seconds)

    def broadcast(self, sender: Server, effect: Send) -> None:
        for link in self.network.links:
            if link == "lan" and not sender.lan:
                continue
            event = Received(link, effect.heartbeat)
            self.network.record(link, effect.heartbeat)
            for receiver in self.servers.values():
                if receiver is sender or not self.network.passes(link, sender.name, receiver.name):
                    continue
                for delay_s in self.network.arrivals():
                    self.at(self.now + delay_s, _hearing(receiver, link, event))

    def arp(self, sender: Server, group: str, *, probe: bool) -> None:
        """A broadcast on the LAN, where frames neither get lost nor wait; a cable is in or out."""
        if not sender.reachable():
            return
        for receiver in self.servers.values():
            if receiver is not sender:
                self.at(self.now + ARP_S, _hearing_arp(receiver, group, sender, probe))

    def connected(self, sender: str, receiver: str) -> bool:
        """Does any link carry messages in that direction?"""
        a, b = self.servers[sender], self.servers[receiver]
        return any(
            self.network.passes(link, sender, receiver) and (link != "lan" or (a.lan and b.lan))
            for link in self.network.links
        )

    def note(self, server: Server, text: str) -> None:
        self.story.append(f"{self.now:9.3f} {server.name:8} {text}")

    def log(self, server: Server, effect: Log) -> None:
        if effect.event in ("group-claimed", "group-released") and effect.fields.get("reason") != "start":
            self.changes.append((self.now, server.name, effect.event))
        if effect.level is Level.DEBUG:
            return
        facts = "".join(f' {key}={_quoted(value)}' for key, value in effect.fields.items())
        self.note(server, f"{effect.level.name} {effect.event}{facts}")


def _hearing(receiver: Server, link: str, event: Received) -> Callable[[], None]:
    return lambda: receiver.hear(link, event)


def _hearing_arp(receiver: Server, group: str, sender: Server, probe: bool) -> Callable[[], None]:
    return lambda: receiver.hear_arp(group, sender, probe=probe)


def _quoted(value: str | int | float) -> str:
    text = str(value)
    return f'"{text}"' if " " in text else text
