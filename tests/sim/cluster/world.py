"""Virtual time: an event heap, the servers and the network between them.

No real clock and no real randomness: the same scenario and seed give the same history.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import fields
from ipaddress import IPv4Address
from random import Random
from typing import Any

from twinboot.core.effects import Log, LogLevel, SendHeartbeat
from twinboot.core.events import HeartbeatReceived
from twinboot.core.model import ClusterConfig, Failback, GroupConfig, Timers

from .applying import Applying
from .host import Server
from .judge import Judge
from .network import Network
from .sites import identified

FAST = Timers(initdead_s=2.0, failback_delay_s=2.0)
"""Shorter waits than the defaults, so that a history contains more events; same failure detection."""

DENSE = Timers(initdead_s=1.5, address_lifetime_s=2.0, failback_delay_s=1.0)
"""Shorter still, for thousands of short histories."""

DAEMONS = ("vsftpd",)


def site(
    servers: int, *, timers: Timers, failback: Failback, daemons: tuple[str, ...] = DAEMONS,
) -> list[ClusterConfig]:
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
    links = ("crossover", "lan")
    return [
        identified(ClusterConfig(
            "sim", me, names, groups, links, timers, failback, daemons, lan_links=("lan",),
            addresses={name: IPv4Address(f"192.168.0.{place}") for place, name in enumerate(names, 11)},
        ))
        for me in names
    ]


class World:
    """Everything of one history."""

    def __init__(
        self, servers: int = 2, *, seed: int = 0, timers: Timers = FAST, failback: Failback = Failback.AUTO,
        daemons: tuple[str, ...] = DAEMONS,
    ) -> None:
        configs = site(servers, timers=timers, failback=failback, daemons=daemons)
        self.agreed = {config.me: config for config in configs}
        """By server: its configuration by the site that all have agreed on."""
        self.timers = timers
        """The longest of any server's."""
        self.sites_differ = False
        self.failback = failback
        self.groups = configs[0].groups
        self.services = frozenset(service for group in self.groups for service in group.services)
        self.now = 0.0
        self.rng = Random(seed)
        self.changed = True
        """What clients see, or may expect, has changed: the judge must look again."""
        self.network = Network(configs[0].links, Random(seed + 1))
        self.arp_rng = Random(seed + 2)
        self.router = True
        """A host of the LAN that is no server answers ARP."""
        self.foreign_hosts: dict[str, bytes] = {}
        """Address -> MAC of a host of the LAN that is no server and answers for it."""
        self.foreign_host_since = 0.0
        self.direct_cable = servers == 2
        """The crossover is one cable between two servers; else it is a switch."""
        self.servers = {config.me: Server(self, config) for config in configs}
        self.judge = Judge(self)
        self.disrupted_at = 0.0
        """Time of the last act that may cause dual holding for a moment (not in verbs.ORDERLY)."""
        self.acted_at = 0.0
        """Time of the last act (a replay does not count)."""
        self.move_causes: list[float] = []
        """Times of the acts that may make groups move (not in verbs.HEALTH)."""
        self.must_not_move = False
        """No group may move from now on, whatever is done."""
        self.applying: Applying | None = None
        """From the first `apply` on."""
        self.transcript: list[str] = []
        self.changes: list[tuple[float, str, str, str]] = []
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def sites_changed(self) -> None:
        """Some server has another site file now, or works by another."""
        remain = [one for one in self.servers.values() if not one.has_left]
        configs = [config for one in remain for config in (one.config, one.next_config)]
        self.sites_differ = any(config != self.agreed[config.me] for config in configs)
        self.timers = Timers(*(
            max(getattr(config.timers, one.name) for config in configs) for one in fields(Timers)
        ))

    def addresses(self) -> list[str]:
        """Every virtual address that some server's site file names."""
        if not self.sites_differ:
            return [group.address for group in self.groups]
        found = (one.address for server in self.servers.values() for one in server.config.groups)
        return list(dict.fromkeys(found))

    def label(self, address: str) -> str:
        """The name of the group that has the address by the agreed site."""
        return next((group.name for group in self.groups if group.address == address), address)

    def at(self, when: float, act: Callable[..., None], *args: Any) -> None:
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, act, args))

    def run_until(self, end: float) -> None:
        heap, judge, pop = self._heap, self.judge, heapq.heappop
        while heap and heap[0][0] <= end:
            self.now, _, act, args = pop(heap)
            act(*args)
            if self.changed or judge.violation_pending:
                judge.look()
        self.now = end
        judge.look()

    def run_for(self, seconds: float) -> None:
        self.run_until(self.now + seconds)

    def broadcast(self, sender: Server, effect: SendHeartbeat) -> None:
        network = self.network
        for link in network.links:
            lan = link == "lan"
            if lan and not sender.plug.transmits:
                continue
            event = HeartbeatReceived(link, effect.heartbeat)
            network.record(link, effect.heartbeat)
            for receiver in self.servers.values():
                if receiver is sender or (link, sender.name, receiver.name) in network.cuts:
                    continue
                for delay_s in network.arrivals(link):
                    if lan:
                        self.at(self.now + delay_s, self._arrives_by_lan, sender, receiver, event)
                    else:
                        self.at(self.now + delay_s, receiver.receive, link, event)

    def _arrives_by_lan(self, sender: Server, receiver: Server, event: HeartbeatReceived) -> None:
        if sender.plug.partition == receiver.plug.partition and receiver.plug.receives:
            receiver.receive("lan", event)

    @property
    def arp_loss(self) -> float:
        """The highest of any server's port."""
        return max(one.plug.loss for one in self.servers.values())

    def connected(self, sender: str, receiver: str) -> bool:
        """Whether any link carries messages in that direction."""
        a, b = self.servers[sender], self.servers[receiver]
        return any(
            self.network.passes(link, sender, receiver) and (link != "lan" or a.plug.reaches(b.plug))
            for link in self.network.links
        )

    def note(self, server: Server, text: str) -> None:
        self.transcript.append(f"{self.now:9.3f} {server.name:8} {text}")

    def record_log(self, server: Server, effect: Log) -> None:
        if effect.event in ("group-claimed", "group-released") and effect.fields.get("reason") != "start":
            change = (self.now, server.name, effect.event, str(effect.fields["group"]))
            self.changes.append(change)
            self.judge.moved(change)
        if effect.level is LogLevel.DEBUG:
            return
        facts = "".join(f' {key}={_quoted(value)}' for key, value in effect.fields.items())
        self.note(server, f"{effect.level.name} {effect.event}{facts}")


def _quoted(value: str | int | float) -> str:
    text = str(value)
    return f'"{text}"' if " " in text else text
