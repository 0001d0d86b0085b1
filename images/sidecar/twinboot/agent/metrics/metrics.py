"""The metrics: a snapshot that the loop takes once a second, and its text in Prometheus' format.

The loop only copies values. The text is made by the thread that asks for it (adapters.exporter), of the last
snapshot: a scrape never waits for the loop, nor the loop for a scrape. Names are listed in
images/sidecar/METRICS.md.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from twinboot import core
from twinboot.alarms import Alarm
from twinboot.core.membership.peer import LinkState, Liveness
from twinboot.core.model import GroupState, Health, LanHealth, ServiceState

from ..loop import Agent
from ..loop_counters import LAG_BOUNDS_S
from ..machines.figures import Figures
from . import connections as metrics_connections
from . import machines as metrics_machines
from . import webhooks as metrics_webhooks

if TYPE_CHECKING:
    from prometheus_client.core import Metric

SNAPSHOT_EVERY_S = 1.0
_CACHE_S = 0.5
"""A text is given out again for so long: many scrapes at once cost no more than a few."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Values of one moment; nothing in it changes any more."""

    taken_at: float
    server: str
    cluster: str
    uptime_s: float
    view: core.View
    split: frozenset[str]
    alarms: tuple[Alarm, ...]
    daemons: Mapping[str, Health]
    lan: LanHealth
    received: int
    refused: Mapping[str, int]
    send_errors: Mapping[str, int]
    renewals: Mapping[str, int]
    holder_changes: Mapping[str, int]
    lag_counts: tuple[int, ...]
    lag_sum_s: float
    log_lines_lost: int
    connections: Mapping[str, Any]
    stale_arp_frames: Mapping[str, int]
    trees: Mapping[str, Mapping[str, str]]
    tree_copies: Mapping[str, Mapping[str, Mapping[str, Any]]]
    machines: Figures
    load: Mapping[str, Any] | None
    webhooks: Mapping[str, Mapping[str, int]]


def snapshot(agent: Agent, *, log_lines_lost: int, now: float) -> Snapshot:
    """Copy what the metrics need; on the loop."""
    view, state, counters = agent.view(), agent.state, agent.counters
    refused = {refusal.value: count for refusal, count in counters.refused.items()}
    refused |= {"unknown-sender": agent.links.unknown_senders(), "replayed": agent.replayed(),
                "ignored": view.ignored,
                "dropped": agent.links.dropped()}
    told = state.last_sent
    return Snapshot(
        taken_at=now,
        server=agent.config.me,
        cluster=agent.config.cluster,
        uptime_s=agent.uptime_s(),
        view=view,
        split=frozenset(name for name, group in state.groups.items() if group.answered_by),
        alarms=agent.alarms.look(),
        daemons=dict(told.daemons) if told is not None else {},
        lan=told.lan if told is not None else LanHealth.UNKNOWN,
        received=counters.received,
        refused=refused,
        send_errors=agent.links.send_errors(),
        renewals=agent.renewals(),
        holder_changes=dict(agent.loop_counters.holder_changes),
        lag_counts=tuple(agent.loop_counters.lag_counts),
        lag_sum_s=agent.loop_counters.lag_sum_s,
        log_lines_lost=log_lines_lost,
        connections=agent.connections(),
        stale_arp_frames=dict(agent.stale_arp_frames()),
        trees=agent.trees(agent.config.me),
        tree_copies=agent.tree_copies(),
        machines=agent.machines(),
        load=agent.balancing(),
        webhooks=agent.webhooks(),
    )


class Metrics:
    """Takes the snapshots on the loop; text() is for another thread."""

    def __init__(self, agent: Agent, log_lines_lost: Callable[[], int]) -> None:
        self._agent = agent
        self._log_lines_lost = log_lines_lost
        self._last: Snapshot | None = None
        self._cached: tuple[float, tuple[str, bytes]] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Take one now, and one every second from now on."""
        self._timer = asyncio.get_running_loop().call_later(SNAPSHOT_EVERY_S, self.start)
        self._last = snapshot(self._agent, log_lines_lost=self._log_lines_lost(), now=time.monotonic())

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def text(self) -> tuple[str, bytes]:
        """Content type and text."""
        now, last = time.monotonic(), self._last
        if last is None:
            return "text/plain", b""
        if self._cached is None or now > self._cached[0] + _CACHE_S:
            self._cached = (now, exposition(last, now))
        return self._cached[1]


def exposition(last: Snapshot, now: float) -> tuple[str, bytes]:
    """A snapshot in Prometheus' text format."""
    # Here, so that an agent without metrics does not carry the library.
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
    from prometheus_client.registry import Collector, CollectorRegistry

    class Once(Collector):
        def collect(self) -> Iterable[Metric]:
            yield from families(last, now)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Once())
    return CONTENT_TYPE_LATEST, generate_latest(registry)


def families(last: Snapshot, now: float) -> Iterator[Metric]:
    """Every metric."""
    yield from _process(last, now)
    yield from _groups(last)
    yield from _peers(last)
    yield from _health(last)
    yield from _messages(last)
    yield from metrics_connections.families(last.connections)
    yield from _trees(last)
    yield from metrics_machines.families(last.machines)
    yield from _load(last)
    yield from metrics_webhooks.families(last.webhooks)


_Row = tuple[tuple[str, ...], float]


def _gauge(name: str, help_: str, labels: tuple[str, ...], rows: Iterable[_Row]) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"twinboot_{name}", help_, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family


def _counter(name: str, help_: str, labels: tuple[str, ...], rows: Iterable[_Row]) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(f"twinboot_{name}", help_, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family


def _one_hot(what: tuple[str, ...], kinds: type[Enum], now: Enum) -> Iterator[_Row]:
    """1 for the state that is, 0 for the others."""
    for kind in kinds:
        yield (*what, str(kind.value).replace(" ", "_").replace("-", "_")), float(kind is now)


def _process(last: Snapshot, now: float) -> Iterator[Metric]:
    from prometheus_client.core import HistogramMetricFamily

    labels = ("version", "server", "cluster")
    build = (os.environ.get("TWINBOOT_VERSION", "unknown"), last.server, last.cluster)
    yield _gauge("build_info", "Always 1; what runs here.", labels, [(build, 1.0)])
    yield _gauge("uptime_seconds", "Since the agent started.", (), [((), last.uptime_s)])
    yield _gauge("snapshot_age_seconds", "Age of these values; it grows while the agent's loop hangs.", (),
                 [((), max(0.0, now - last.taken_at))])
    yield _gauge("alarms", "How many alarms there are.", (), [((), len(last.alarms))])
    yield _gauge("alarm", "1 while there is this alarm.", ("code", "subject"),
                 [(alarm.key, 1.0) for alarm in last.alarms])
    states = [((state,), float(state == last.view.state))
              for state in ("starting", "active", "standby", "leaving")]
    yield _gauge("server_state", "1 for this server's own state.", ("state",), states)
    yield _counter("log_lines_lost", "Log lines that Docker did not take in time.", (),
                   [((), last.log_lines_lost)])
    lag = HistogramMetricFamily("twinboot_loop_lag_seconds", "How late the agent's ticks run.")
    total, buckets = 0, []
    for bound, count in zip([*map(str, LAG_BOUNDS_S), "+Inf"], last.lag_counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    lag.add_metric((), buckets, sum_value=last.lag_sum_s)
    yield lag


def _groups(last: Snapshot) -> Iterator[Metric]:
    groups = last.view.groups
    everywhere = [(name, server) for name, group in groups.items() for server in group.order]
    yield _gauge("group_held", "1 while this server holds the group.", ("group",),
                 [((name,), group.state is GroupState.HELD) for name, group in groups.items()])
    yield _gauge("group_state", "1 for this server's state in the group.", ("group", "state"),
                 [row for name, one in groups.items() for row in _one_hot((name,), GroupState, one.state)])
    yield _gauge("group_holder", "1 for the server that holds the group, as this one sees it.",
                 ("group", "holder"),
                 [((name, server), server == groups[name].holder) for name, server in everywhere])
    yield _gauge("group_split", "1 while a silent server's address is still answered.", ("group",),
                 [((name,), name in last.split) for name in groups])
    yield _counter("group_holder_changes", "How often the group changed hands.", ("group",),
                   [((name,), last.holder_changes.get(name, 0)) for name in groups])
    yield _counter("address_renewals", "Renewals of the address' lease.", ("group",),
                   [((name,), last.renewals.get(name, 0)) for name in groups])
    yield _gauge("ready_to_take_over",
                 "1 if the server could take the group over, 0 if not; absent while it is not known.",
                 ("group", "server"),
                 [((name, server), bool(one.ready)) for name, group in groups.items()
                  for server, one in group.readiness.items() if one.ready is not None])
    yield _gauge("service_running", "1 while the group's service runs here.", ("group", "service"),
                 [((name, service), state is ServiceState.RUNNING)
                  for name, group in groups.items() for service, state in group.services.items()])


def _peers(last: Snapshot) -> Iterator[Metric]:
    peers = last.view.peers
    links = [(peer, name, link) for peer, view in peers.items() for name, link in view.links.items()]
    yield _gauge("peer_alive", "1 while the server is heard by any link.", ("peer",),
                 [((name,), peer.state is Liveness.ALIVE) for name, peer in peers.items()])
    yield _gauge("server_info", "Always 1; the version that the server says it runs.", ("peer", "version"),
                 [((name, peer.version or "unknown"), 1.0) for name, peer in peers.items()])
    yield _gauge("peer_hears_us", "1 while the server is heard and hears this one.", ("peer",),
                 [((name,), peer.hears_us) for name, peer in peers.items()])
    yield _gauge("site_differs", "1 while the server works by another site file than this one.", ("peer",),
                 [((name,), peer.site_differs_s is not None) for name, peer in peers.items()])
    yield _gauge("link_up", "1 while heartbeats come by this link in time.", ("peer", "link"),
                 [((peer, name), link.state is LinkState.UP) for peer, name, link in links])
    yield _gauge("link_state", "1 for the link's state.", ("peer", "link", "state"),
                 [((peer, name, kind.value), kind is link.state) for peer, name, link in links
                  for kind in (LinkState.UP, LinkState.LATE, LinkState.DOWN)])
    yield _gauge("link_age_seconds", "Since the last heartbeat by this link.", ("peer", "link"),
                 [((peer, name), link.age_s) for peer, name, link in links if link.age_s is not None])


def _health(last: Snapshot) -> Iterator[Metric]:
    yield _gauge("lan_health", "1 for what this server finds of its LAN.", ("health",),
                 _one_hot((), LanHealth, last.lan))
    yield _counter("stale_arp_frames", "Frames of clients that keep another server's MAC address.", ("how",),
                   [((how,), count) for how, count in last.stale_arp_frames.items()])
    yield _gauge("daemon_health", "1 for what a client on this server finds of the daemon.",
                 ("daemon", "health"),
                 [row for name, health in last.daemons.items() for row in _one_hot((name,), Health, health)])


def _trees(last: Snapshot) -> Iterator[Metric]:
    copies = [((server, tree), one) for server, those in last.tree_copies.items()
              for tree, one in those.items()]
    yield _gauge("tree_state", "1 for what the install tree is on the server, beside this server's.",
                 ("tree", "server", "state"),
                 [((tree, server, word.replace(" ", "_")), 1.0) for tree, row in last.trees.items()
                  for server, word in row.items()])
    yield _gauge("tree_copy_done_bytes", "Of the tree that the server fetches from another one.",
                 ("server", "tree"), [(labels, one["done"]) for labels, one in copies])
    yield _gauge("tree_copy_size_bytes", "Of the tree that the server fetches from another one.",
                 ("server", "tree"), [(labels, one["size"]) for labels, one in copies])


def _load(last: Snapshot) -> Iterator[Metric]:
    """The metrics of a site that balances by load."""
    if last.load is None:
        return
    yield _gauge("installs_running", "Installs of hosts that run on the group.", ("group",),
                 [((group,), count) for group, count in last.load["running"].items()])
    yield _gauge("installs_queued", "Hosts that wait for their turn to be installed.", (),
                 [((), last.load["queue"])])
    yield _gauge("sent_kib_per_second", "What the server sends on its LAN, averaged over 30 s.", ("server",),
                 [((server,), rate) for server, rate in last.load["sent_kib_s"].items()])


def _messages(last: Snapshot) -> Iterator[Metric]:
    yield _counter("heartbeats_received", "Messages from peers' addresses, good or bad.", (),
                   [((), last.received)])
    yield _counter("heartbeats_refused", "Messages that were dropped, by reason.", ("reason",),
                   [((reason,), count) for reason, count in last.refused.items()])
    yield _counter("heartbeat_send_errors", "Messages that could not be sent.", ("link",),
                   [((link,), count) for link, count in last.send_errors.items()])
