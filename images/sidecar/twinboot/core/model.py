"""The vocabulary of the core: configuration, heartbeats, events and effects. Values only.

Owns the names that core, wire, adapters and agent share; decides nothing. All times are seconds
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

    @property
    def peers(self) -> tuple[str, ...]:
        return tuple(name for name in self.servers if name != self.me)


@dataclass(frozen=True, slots=True)
class GroupReport:
    """What a server says of one group: its own state and those of the group's services on it."""

    state: GroupState
    services: Mapping[str, ServiceState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a server says it last heard of another: that one's boot id and sequence, by link."""

    boot: int
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
    """

    cluster: str
    sender: str
    boot: int
    seq: int
    groups: Mapping[str, GroupReport] = field(default_factory=dict)
    eligible: tuple[str, ...] = ()
    standby: bool = False
    leaving: bool = False
    starting: bool = False
    heard: Mapping[str, Heard] = field(default_factory=dict)


# Events: what the agent hands to step(). -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; nothing else happened."""


@dataclass(frozen=True, slots=True)
class Received:
    """An authentic heartbeat of this cluster arrived on a link."""

    link: str
    heartbeat: Heartbeat


@dataclass(frozen=True, slots=True)
class VipClaimed:
    """The group's address is on the interface and usable."""

    group: str


@dataclass(frozen=True, slots=True)
class VipClaimFailed:
    group: str
    reason: str


@dataclass(frozen=True, slots=True)
class VipDropped:
    """The group's address is not on the interface (any more)."""

    group: str


@dataclass(frozen=True, slots=True)
class VipDropFailed:
    group: str
    reason: str


@dataclass(frozen=True, slots=True)
class VipObserved:
    """A look at the kernel: is the group's address on the interface?"""

    group: str
    present: bool


@dataclass(frozen=True, slots=True)
class ProbeAnswered:
    """Another host on the LAN has the group's address, or takes it and comes before us (Probe)."""

    group: str
    mac: str
    only_asks: bool = False
    """It has not the address yet: it probes for it, too."""


@dataclass(frozen=True, slots=True)
class ProbeFailed:
    """The LAN could not be asked: the interface is down, gone or without carrier."""

    group: str
    reason: str


@dataclass(frozen=True, slots=True)
class ServiceObserved:
    """A look at the engine, or the outcome of a start or stop.

    A start or stop that failed always carries a reason; a mere look carries none. So a look taken
    while a command is under way is not mistaken for its failure.
    """

    service: str
    state: ServiceState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StandbyAsked:
    """The operator wants this server to hold nothing (on) or to take part again (off).

    force: also when no other server could take over (see ownership.standby_refusal).
    """

    on: bool
    force: bool = False


@dataclass(frozen=True, slots=True)
class LeaveAsked:
    """The process was told to stop (SIGTERM): hand everything over, say goodbye, then Exit."""


Event = (
    Tick | Received | VipClaimed | VipClaimFailed | VipDropped | VipDropFailed | VipObserved
    | ProbeAnswered | ProbeFailed | ServiceObserved | StandbyAsked | LeaveAsked
)


# Effects: what step() asks for; carried out in their order. --------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    """Send to every peer on every link."""

    heartbeat: Heartbeat


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask the LAN once who has the group's address (RFC 5227 section 2.1.1), and listen for a while.

    Answers come as ProbeAnswered, silence says nothing; ProbeFailed when it could not be sent.
    """

    group: str


@dataclass(frozen=True, slots=True)
class ClaimVip:
    """Put the address on the interface for lease_s; answer VipClaimed or VipClaimFailed."""

    group: str
    lease_s: float


@dataclass(frozen=True, slots=True)
class RenewVip:
    """Extend the kernel lifetime of an address already there; answers only VipObserved(absent)."""

    group: str
    lease_s: float


@dataclass(frozen=True, slots=True)
class DropVip:
    """Take the address away; answer VipDropped or VipDropFailed. Absent already is VipDropped."""

    group: str


@dataclass(frozen=True, slots=True)
class Announce:
    """Send one gratuitous ARP for the group's address (RFC 5227 section 3)."""

    group: str


@dataclass(frozen=True, slots=True)
class StartService:
    """Answer ServiceObserved when done or failed."""

    service: str


@dataclass(frozen=True, slots=True)
class StopService:
    """Answer ServiceObserved when done or failed."""

    service: str


class Level(Enum):
    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


@dataclass(frozen=True, slots=True)
class Log:
    """One line of the story: event in the field's terms, and its facts."""

    level: Level
    event: str
    fields: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exit:
    """Everything is handed over: the process may end."""


Effect = (
    Send | Probe | ClaimVip | RenewVip | DropVip | Announce | StartService | StopService | Log | Exit
)
