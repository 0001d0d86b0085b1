"""What step() asks the agent for; carried out in their order. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from .model import Heartbeat


@dataclass(frozen=True, slots=True)
class SendHeartbeat:
    """Send to every peer on every link."""

    heartbeat: Heartbeat


@dataclass(frozen=True, slots=True)
class SendArpProbe:
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
class AnnounceVip:
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


@dataclass(frozen=True, slots=True)
class RestartService:
    """Repair: restart the service's container, or start it when it does not run. No answer is awaited:
    ServiceProbed and ServiceObserved say what came of it."""

    service: str


class LogLevel(Enum):
    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


@dataclass(frozen=True, slots=True)
class Log:
    """One log line: event in the field's terms, and its facts."""

    level: LogLevel
    event: str
    fields: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exit:
    """Everything is handed over: the process may end."""


Effect = (
    SendHeartbeat | SendArpProbe | ClaimVip | RenewVip | DropVip | AnnounceVip | StartService | StopService
    | RestartService | Log | Exit
)
