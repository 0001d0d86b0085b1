"""Events: what the agent reports to step(). Values only."""

from __future__ import annotations

from dataclasses import dataclass

from .model import Heartbeat, Lack, ServiceState, SiteId


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
    """late: nothing is wrong, but the process was paused after it had decided; so it must ask once more."""

    group: str
    reason: str
    late: bool = False


@dataclass(frozen=True, slots=True)
class VipDropped:
    """The group's address is not, or no longer, on the interface."""

    group: str


@dataclass(frozen=True, slots=True)
class VipDropFailed:
    group: str
    reason: str


@dataclass(frozen=True, slots=True)
class VipObserved:
    """Read from the kernel: whether the group's address is on the interface."""

    group: str
    present: bool


@dataclass(frozen=True, slots=True)
class ArpProbeAnswered:
    """Another host on the LAN has the group's address, or probes for it and has precedence over us."""

    group: str
    mac: str
    simultaneous_probe: bool = False
    """The other host does not have the address yet: it is probing for it, too."""


@dataclass(frozen=True, slots=True)
class ArpProbeFailed:
    """The probe could not be sent: the interface is down, gone or without carrier."""

    group: str
    reason: str


@dataclass(frozen=True, slots=True)
class ServiceObserved:
    """A container's state as the engine reports it, or the outcome of a start or stop.

    A start or stop that failed always carries a reason; a periodic observation carries none. So an
    observation made while a command is under way is not mistaken for its failure.
    """

    service: str
    state: ServiceState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ServiceProbed:
    """A service was probed as a client would use it (dhcpd: by DHCPINFORM, which takes no lease).

    fault: empty when it served; otherwise the cause, as text for the operator.
    """

    service: str
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ServiceHeard:
    """Another host of the LAN serves this: asked for (AskForService), or heard answering a client.

    address: by which it names itself (dhcpd: the server identifier). mac: its hardware address.
    """

    service: str
    address: str
    mac: bytes


@dataclass(frozen=True, slots=True)
class LanObserved:
    """State of the LAN interface: once a second, and at once when the carrier changes.

    reachable: a frame of another host came in during the last deadtime (ARP requests are sent when it is
    quiet), and hosts that used to answer our requests still do.
    mac: the interface's hardware address, 6 bytes.
    """

    carrier: bool
    reachable: bool
    mac: bytes = b""


@dataclass(frozen=True, slots=True)
class ReadinessObserved:
    """What this server lacks to take over, all of it."""

    lacks: tuple[Lack, ...]


@dataclass(frozen=True, slots=True)
class LinkCarrierLost:
    """The interface of a heartbeat link, other than the LAN's, has lost its carrier."""

    link: str


@dataclass(frozen=True, slots=True)
class ArpRequestAnswered:
    """A host answered an ARP request of SendArpRequests.

    address: the one that was asked for, as text. server: whose own address it is, or on whose account this
    virtual address was asked for; empty: another host's.
    """

    address: str
    mac: bytes
    server: str = ""


@dataclass(frozen=True, slots=True)
class AddressesAnswered:
    """Who answered the ARP requests of AskWhoAnswers: address as text, hardware address."""

    answers: frozenset[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class AddressConflict:
    """An ARP frame of another host claims the group's address (RFC 5227 section 2.4)."""

    group: str
    mac: bytes


@dataclass(frozen=True, slots=True)
class StandbyRequested:
    """The operator puts this server on standby (it holds nothing), or takes it off standby.

    force: also when no other server could take over (see ownership/standby.py).
    """

    on: bool
    force: bool = False


@dataclass(frozen=True, slots=True)
class SiteApplied:
    """This server works by another site from now on; nothing in it differs that the core is configured by."""

    site: SiteId


@dataclass(frozen=True, slots=True)
class LeaveRequested:
    """The process was told to stop (SIGTERM): release every group, send a goodbye, then Exit."""


Event = (
    Tick | HeartbeatReceived | VipClaimed | VipClaimFailed | VipDropped | VipDropFailed | VipObserved
    | ArpProbeAnswered | ArpProbeFailed | ServiceObserved | ServiceProbed | ServiceHeard | LanObserved
    | ReadinessObserved | LinkCarrierLost | ArpRequestAnswered | AddressesAnswered | AddressConflict
    | StandbyRequested | SiteApplied | LeaveRequested
)
