"""Effects: what step() tells the agent to do, carried out in the order given. Values only."""

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
    """Send one ARP probe for the group's address (RFC 5227 section 2.1.1), and listen for replies.

    A reply comes back as ArpProbeAnswered; without a reply there is no event. ArpProbeFailed: not sent.
    """

    group: str


@dataclass(frozen=True, slots=True)
class SendArpRequests:
    """Send one ARP request each for the server's own address, these groups' addresses and some other hosts.

    Every reply comes back as ArpRequestAnswered. What cannot be sent is not reported: it has no reply.
    """

    server: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskWhoAnswers:
    """Ask the LAN once for each of these addresses, by a broadcast ARP request as a client sends it.

    All replies come back as one AddressesAnswered within 0.2 s; without any there is none.
    """

    addresses: tuple[str, ...]


CLAIM_WITHIN_S = 0.15
"""The others see our probes while we claim, and do not claim themselves; in a pause of ours they may. One of
them claims after a round of its own in which it sees none (vip.claim_probing.ARP_LISTEN_S)."""


@dataclass(frozen=True, slots=True)
class AskForService:
    """Ask the LAN once who serves this (dhcpd: by DHCPINFORM). Other hosts' answers are ServiceHeard."""

    service: str


@dataclass(frozen=True, slots=True)
class ClaimVip:
    """Add the address to the interface for lifetime_s; the outcome is VipClaimed or VipClaimFailed.

    within_s: how long this process may have been paused meanwhile; after that the claim is too late.
    """

    group: str
    lifetime_s: float
    within_s: float = field(default=CLAIM_WITHIN_S, compare=False)


@dataclass(frozen=True, slots=True)
class RenewVip:
    """Extend the kernel lifetime of an address already there; only its absence is reported (VipObserved)."""

    group: str
    lifetime_s: float


@dataclass(frozen=True, slots=True)
class DropVip:
    """Remove the address; the outcome is VipDropped (also when already absent) or VipDropFailed."""

    group: str


@dataclass(frozen=True, slots=True)
class AnnounceVip:
    """Announce the group's address: gratuitous ARP (RFC 5227 section 2.3), as a request and as a reply
    (wire.net.arp says why both)."""

    group: str


@dataclass(frozen=True, slots=True)
class StartService:
    """Start the service's container; the outcome is ServiceObserved, done or failed."""

    service: str


@dataclass(frozen=True, slots=True)
class StopService:
    """Stop the service's container; the outcome is ServiceObserved, done or failed."""

    service: str


@dataclass(frozen=True, slots=True)
class RestartService:
    """Repair: restart the service's container, or start it when it does not run. The core waits for no
    outcome; later ServiceProbed and ServiceObserved events show it."""

    service: str


class LogLevel(Enum):
    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


@dataclass(frozen=True, slots=True)
class Log:
    """One log line: the name of the event, and its fields."""

    level: LogLevel
    event: str
    fields: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exit:
    """All groups are released and the goodbye is sent: the process may end."""


Effect = (
    SendHeartbeat | SendArpProbe | SendArpRequests | AskWhoAnswers | AskForService
    | ClaimVip | RenewVip | DropVip | AnnounceVip
    | StartService | StopService | RestartService | Log | Exit
)
