"""The core's shared types: configuration, states and heartbeats. Values only.

Owns the names that core, wire, adapters and agent share; decides nothing. Events are in events.py, effects
in effects.py. All times are monotonic seconds handed in by the caller; all values are immutable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address

CLUSTER_PARTS = ("cluster", "servers", "groups", "heartbeat")
"""The parts of a site that say who holds what, and when: servers that differ in one of them may decide
differently from the same facts."""


@dataclass(frozen=True, slots=True)
class SiteId:
    """Which site a server works by.

    number: counts the sites that were applied; 0: the file was put there by hand. digest: of the whole site.
    parts: a short digest of each part of the site file, by its name there.
    """

    number: int
    digest: bytes
    parts: Mapping[str, bytes] = field(default_factory=dict)

    def same_site(self, other: SiteId) -> bool:
        """The content is the same, whatever the numbers."""
        return self.digest == other.digest

    def newer_than(self, other: SiteId) -> bool:
        """Whether this site was applied later."""
        return self.number > other.number

    def same_cluster(self, other: SiteId) -> bool:
        """Equal in all parts that decisions are made by."""
        return self.same_site(other) or all(
            self.parts.get(part) == other.parts.get(part) for part in CLUSTER_PARTS
        )

    def differing_parts(self, other: SiteId) -> tuple[str, ...]:
        """Names of the parts that differ; a part that only one of the two has differs."""
        names = dict.fromkeys((*self.parts, *other.parts))
        return tuple(name for name in names if self.parts.get(name) != other.parts.get(name))


class Failback(Enum):
    """Whether a holder gives a group back when a server earlier in the group's order returns."""

    AUTO = "auto"
    MANUAL = "manual"


class GroupState(Enum):
    """The state of one resource group on one server."""

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
    """Health of a server's connection to the clients' LAN.

    RX_DEAD: the carrier is up, but for some time no frame of another host came in though ARP requests were
    sent. It includes tx-dead: hosts that used to answer our requests are heard but answer no more.
    """

    UNKNOWN = "unknown"
    GOOD = "good"
    RX_DEAD = "rx-dead"
    NO_CARRIER = "no carrier"


class Health(Enum):
    """Health of a daemon on one server, as probed by a client on the server itself.

    FAILING: it does not serve, repair is under way or due. BROKEN: repair has not helped.
    """

    UNKNOWN = "unknown"
    GOOD = "good"
    FAILING = "failing"
    BROKEN = "broken"


class LackKind(Enum):
    """What a server lacks without which it could not serve, or not as well. See core/health/readiness.py."""

    CONTAINER = "container"
    IMAGE = "image"
    CONFIGURATION = "configuration"
    ENGINE = "engine"
    LEASES = "leases"
    TREES = "trees"
    NETWORK = "network"
    DOWNLOADS = "downloads"
    OTHER = "other"
    """What a newer release names and this one does not know."""


@dataclass(frozen=True, slots=True)
class Lack:
    """service: that could not be served; empty: it concerns the whole server."""

    service: str
    kind: LackKind


@dataclass(frozen=True, slots=True)
class Timers:
    """The cluster's timers, seconds. deadtime > warntime > interval > 0; address lifetime >= 2 * deadtime.

    suspect_s: silence after which a peer is asked for by ARP; with deadtime_s or more it never is.
    """

    interval_s: float = 0.1
    warntime_s: float = 0.5
    deadtime_s: float = 1.0
    initdead_s: float = 5.0
    address_lifetime_s: float = 3.0
    failback_delay_s: float = 5.0
    suspect_s: float = 0.2


@dataclass(frozen=True, slots=True)
class GroupConfig:
    """A resource group: one virtual address and the services that run where it is held."""

    name: str
    order: tuple[str, ...]
    services: tuple[str, ...] = ()
    address: str = ""
    """By which two servers know that they mean the same group, whatever their site files call it."""


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """The part of the site configuration that one server's core needs."""

    cluster: str
    me: str
    servers: tuple[str, ...]
    groups: tuple[GroupConfig, ...]
    links: tuple[str, ...]
    timers: Timers = field(default_factory=Timers)
    failback: Failback = Failback.AUTO
    daemons: tuple[str, ...] = ()
    """Services that every server runs (tftp, vsftpd ...); each is probed as a client would use it."""
    link_peers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Link -> the peers at its other end; a link not named here connects all servers."""
    lan_links: tuple[str, ...] = ()
    """Links over the clients' LAN: what they lose, the LAN loses."""
    addresses: Mapping[str, IPv4Address] = field(default_factory=dict)
    """Each server's own address on the clients' LAN."""
    site: SiteId | None = field(default=None, compare=False)
    """The site that all this is from; None: not known. Another host in the file, say, makes it another site,
    but changes nothing else here."""
    version: str = field(default="", compare=False)
    """The release that runs here, as told to the others."""

    @property
    def peers(self) -> tuple[str, ...]:
        return tuple(name for name in self.servers if name != self.me)

    def links_to(self, peer: str) -> tuple[str, ...]:
        """The links that this peer can be heard on."""
        return tuple(link for link in self.links if peer in self.link_peers.get(link, self.peers))


@dataclass(frozen=True, slots=True)
class GroupReport:
    """A server's report on one group: its own state and those of the group's services on it.

    address: the group's; empty from an older release.
    """

    state: GroupState
    services: Mapping[str, ServiceState] = field(default_factory=dict)
    address: str = ""


@dataclass(frozen=True, slots=True)
class LastHeard:
    """What a server last heard of another: its boot id and sequence number, and the links it is heard on."""

    boot_id: int
    seq: int
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One heartbeat message, the same on every link.

    boot_id: random 64-bit number, new at each start of the sender; seq: 1, 2, 3 ... within that boot.
    heard: what the sender hears of the others. A message with a new boot id is a sign of life only when it
    echoes the receiver's own boot id, so a replayed message of an earlier boot is not.
    eligible: groups the sender offers to hold (it is not leaving, and no claim of them failed lately).
    leaving: the sender has released everything and stops; it counts as dead at once.
    lan, daemons: health of the sender's LAN and of the daemons on it.
    mac: hardware address of the sender's LAN interface, 6 bytes; empty when it is not known.
    address: the sender's own address on the clients' LAN. site, timers: what it works by. All three are None
    from an older release. unanswered: servers whose kernels do not answer the sender's ARP requests.
    lacks: what the sender lacks to take over; None: it does not say. version: its release; empty: the same.
    time_of_day: of the sending, seconds since 1970; 0: not told. The core decides nothing by it.
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
    address: IPv4Address | None = None
    site: SiteId | None = None
    timers: Timers | None = None
    unanswered: tuple[str, ...] = ()
    lacks: tuple[Lack, ...] | None = None
    version: str = ""
    time_of_day: float = 0.0

    def on_address(self, group: GroupConfig) -> tuple[str, GroupReport] | None:
        """What the sender calls this group, and its report on it; None: it has no such group.

        Known by the address. An older release does not name addresses: then by the name.
        """
        same = self.groups.get(group.name)
        if same is not None and (same.address == group.address or not (same.address and group.address)):
            return group.name, same
        if not group.address:
            return None
        return next((one for one in self.groups.items() if one[1].address == group.address), None)
