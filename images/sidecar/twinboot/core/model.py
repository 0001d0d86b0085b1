"""The vocabulary of the core: configuration, states and heartbeats. Values only.

Owns the names that core, wire, adapters and agent share; decides nothing. What happens to the core is in
events.py, what it asks for in effects.py. All times are seconds
(monotonic, handed in by the caller); all values are immutable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Failback(Enum):
    """What a holder does when a server earlier in the group's order is back."""

    AUTO = "auto"
    MANUAL = "manual"


class GroupState(Enum):
    """Where one server stands with one resource group."""

    IDLE = "idle"
    CLAIMING = "claiming"
    HELD = "held"
    RELEASING = "releasing"


class ServiceState(Enum):
    """State of a managed service's container (today: dhcpd) on one server."""

    UNKNOWN = "unknown"
    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


class LanHealth(Enum):
    """What a server sees of the LAN its clients are on.

    RX_DEAD: the carrier is there, but nothing of any other host has been heard for a while, though asked.
    """

    UNKNOWN = "unknown"
    GOOD = "good"
    RX_DEAD = "rx-dead"
    NO_CARRIER = "no carrier"


class Health(Enum):
    """A daemon that every server runs, as a client on the server itself finds it.

    FAILING: it does not serve, repair is under way or due. BROKEN: repair has not helped.
    """

    UNKNOWN = "unknown"
    GOOD = "good"
    FAILING = "failing"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Timers:
    """The cluster's timers, seconds. deadtime > warntime > interval > 0; lease >= 2 * deadtime."""

    interval_s: float = 0.2
    warntime_s: float = 0.5
    deadtime_s: float = 1.0
    initdead_s: float = 5.0
    lease_s: float = 3.0
    failback_delay_s: float = 5.0


@dataclass(frozen=True, slots=True)
class GroupConfig:
    """A resource group: one virtual address and the services that run where it is held."""

    name: str
    order: tuple[str, ...]
    services: tuple[str, ...] = ()
    address: str = ""
    """For messages to people only."""


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """What one server's core must know of the site."""

    cluster: str
    me: str
    servers: tuple[str, ...]
    groups: tuple[GroupConfig, ...]
    links: tuple[str, ...]
    timers: Timers = field(default_factory=Timers)
    failback: Failback = Failback.AUTO
    daemons: tuple[str, ...] = ()
    """Services that every server runs (tftp, vsftpd ...) and that are probed as a client would."""
    link_peers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The peers at the other end of a link; a link that is not named here joins all servers."""

    @property
    def peers(self) -> tuple[str, ...]:
        return tuple(name for name in self.servers if name != self.me)

    def links_to(self, peer: str) -> tuple[str, ...]:
        """The links that this peer can be heard on."""
        return tuple(link for link in self.links if peer in self.link_peers.get(link, self.peers))


@dataclass(frozen=True, slots=True)
class GroupReport:
    """What a server says of one group: its own state and those of the group's services on it."""

    state: GroupState
    services: Mapping[str, ServiceState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LastHeard:
    """What a server says it last heard of another: that one's boot id and sequence, by link."""

    boot_id: int
    seq: int
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One heartbeat message, the same on every link.

    boot: random 64-bit number of the sender's life; seq: 1, 2, 3 ... within that life.
    heard: what the sender hears of the others; a message of a boot id not seen before counts as
    life only when it echoes the receiver's own boot id, so a recording of an earlier life does not.
    eligible: groups the sender could hold (healthy, and no claim of them failed lately).
    leaving: the sender has released everything and stops; it counts as dead at once.
    lan, daemons: what the sender finds of its LAN and of the daemons that every server runs.
    mac: hardware address of the sender's LAN interface, 6 bytes; empty when it is not known.
    """

    cluster: str
    sender: str
    boot_id: int
    seq: int
    groups: Mapping[str, GroupReport] = field(default_factory=dict)
    eligible: tuple[str, ...] = ()
    standby: bool = False
    leaving: bool = False
    starting: bool = False
    heard: Mapping[str, LastHeard] = field(default_factory=dict)
    lan: LanHealth = LanHealth.UNKNOWN
    daemons: Mapping[str, Health] = field(default_factory=dict)
    mac: bytes = b""
