"""What happens to the core: the events that the agent hands to step(). Values only."""

from __future__ import annotations

from dataclasses import dataclass

from .model import Heartbeat, ServiceState


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; nothing else happened."""


@dataclass(frozen=True, slots=True)
class HeartbeatReceived:
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
class ArpProbeAnswered:
    """Another host on the LAN has the group's address, or takes it and comes before us (Probe)."""

    group: str
    mac: str
    simultaneous_probe: bool = False
    """It has not the address yet: it probes for it, too."""


@dataclass(frozen=True, slots=True)
class ArpProbeFailed:
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
class ServiceProbed:
    """A service was used as a client would use it (or, dhcpd, asked without asking for a lease).

    fault: empty when it served; else why not, in words for the operator.
    """

    service: str
    fault: str = ""


@dataclass(frozen=True, slots=True)
class LanObserved:
    """A look at the interface of the LAN: once a second, and at once when the carrier changes.

    hears: a frame of another host came in during the last deadtime (hosts are asked when it is quiet).
    mac: the interface's hardware address, 6 bytes.
    """

    carrier: bool
    rx_alive: bool
    mac: bytes = b""


@dataclass(frozen=True, slots=True)
class AddressConflict:
    """Another host says on the LAN that it has the group's address (RFC 5227 section 2.4)."""

    group: str
    mac: bytes


@dataclass(frozen=True, slots=True)
class StandbyRequested:
    """The operator wants this server to hold nothing (on) or to take part again (off).

    force: also when no other server could take over (see candidates.standby_refusal).
    """

    on: bool
    force: bool = False


@dataclass(frozen=True, slots=True)
class LeaveRequested:
    """The process was told to stop (SIGTERM): hand everything over, say goodbye, then Exit."""


Event = (
    Tick | HeartbeatReceived | VipClaimed | VipClaimFailed | VipDropped | VipDropFailed | VipObserved
    | ArpProbeAnswered | ArpProbeFailed | ServiceObserved | ServiceProbed | LanObserved
    | AddressConflict | StandbyRequested | LeaveRequested
)
