"""One resource group on this server: the record and the table of allowed transitions.

Owns the rule which state may follow which; an illegal transition raises. Does not decide who should own
a group (candidates.py) and emits no effects (transitions.py).

    IDLE -> CLAIMING -> HELD -> RELEASING -> IDLE

CLAIMING starts with `arp_probing`: ARP probes are sent between the decision and ClaimVip (claim_probing.py).
RELEASING starts with the services being stopped (`drop_by` set), then the address is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..model import GroupConfig, GroupState

ANNOUNCE_AT_S = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Offsets of announcements after a claim: dense at first in case a frame is lost, then for late caches."""

ANNOUNCE_TO_SILENT_S = 1.0
"""The longest pause between two announcements while a server that could hold the group is not heard."""
ANNOUNCE_TOGETHER_S = 0.001
"""Two that are due within this time are one."""

CLAIM_LIMIT_S = 2.0
REASON_VANISHED = "address vanished"
"""Why a claim begins: this server held the address, and it went."""
STOP_WAIT_S = 1.0
SERVE_WAIT_S = 0.7
"""dhcpd's own guard checks every 0.4 s whether the address is gone, and then stops dhcpd."""
UNCLAIMED_DEADTIMES = 2
"""A group that nobody holds for so many deadtimes is claimed by a server that is not the first in its order,
if the site files differ: the one that comes first here may wait for us."""
GUARD_S = 0.6
"""Wait when the last holder's address may just have expired: its dhcpd may run until its guard checks."""
DROP_RETRY_S = 0.5
DROP_RETRY_MAX_S = 4.0
REFUSED_RETRY_S = 0.1
"""Doubled each time; never later than DROP_RETRY_S has it."""
KERNEL_MARGIN_S = 1.5
"""The kernel removes an address up to 1.2 s after its lifetime ended (measured)."""

CLAIM_BACKOFF_S = 1.0
CLAIM_BACKOFF_MAX_S = 3600.0
LAST_RESORT_MAX_S = 30.0

ALLOWED_TRANSITIONS: frozenset[tuple[GroupState, GroupState]] = frozenset({
    (GroupState.IDLE, GroupState.CLAIMING),       # nobody holds it and we are first
    (GroupState.IDLE, GroupState.RELEASING),      # its address was found here though not held
    (GroupState.CLAIMING, GroupState.HELD),       # the address is up
    (GroupState.CLAIMING, GroupState.IDLE),       # given up while still probing
    (GroupState.CLAIMING, GroupState.RELEASING),  # the claim failed, or is withdrawn
    (GroupState.HELD, GroupState.CLAIMING),       # the address vanished: put it back
    (GroupState.HELD, GroupState.RELEASING),      # handed over, yielded, or dropped
    (GroupState.RELEASING, GroupState.IDLE),      # the address is gone
})


@dataclass(frozen=True, slots=True)
class ArpConflict:
    """Another host uses the address. shown: as an alarm."""

    mac: str
    since: float
    seen_at: float
    shown: bool


@dataclass(frozen=True, slots=True)
class ForeignHosts:
    """Who answers for one address that we are about to claim, or have claimed. MAC addresses as text."""

    macs: frozenset[str] = frozenset()
    """Nothing shows that they are a server's."""
    servers: frozenset[str] = frozenset()
    """They answered for a server's own address meanwhile."""
    rounds: int = 0
    """Whole rounds in which only such hosts answered."""
    answered: bool = False
    """In the round under way."""
    overruled: bool = False
    """The address was claimed although they answer."""


@dataclass(frozen=True, slots=True)
class ServedElsewhere:
    """Another server of ours serves the group's service with another address."""

    address: str
    mac: str
    since: float
    seen_at: float


class IllegalTransition(Exception):
    """A transition that the table does not allow: a defect of the core, which no input may cause."""


@dataclass(frozen=True, slots=True)
class Group:
    """This server's own state in one group. Times are monotonic seconds; None = not armed."""

    config: GroupConfig
    state: GroupState
    since: float
    reason: str = ""
    arp_probing: bool = False
    """CLAIMING: ClaimVip has not been emitted yet."""
    arp_probe_at: float | None = None
    """CLAIMING: when the next ARP probe is sent."""
    arp_probes_sent: int = 0
    """CLAIMING: probes sent in this round."""
    arp_listen_until: float | None = None
    """CLAIMING: when the current round of probes ends; None: no round is under way."""
    post_claim_listen_until: float | None = None
    """HELD: until this time an answer to the probe sent after the claim makes us drop the address: another
    host took it at the same time."""
    answered_by: str = ""
    """Split: the MAC address that answers for the address though no server that we hear has it."""
    foreign_hosts: ForeignHosts | None = None
    """CLAIMING, HELD: hosts that answer for the address and may be no server's."""
    await_guard: bool = False
    """The services wait for GUARD_S after the claim: the last holder's machine may still run, and its
    services end only when their own guards find the address gone."""
    arp_probe_fault: str = ""
    """Why the last ARP probe could not be sent."""
    claim_by: float | None = None
    """CLAIMING: without an outcome by this time the claim counts as failed."""
    drop_by: float | None = None
    """RELEASING: the services' stop is awaited until this time; None: DropVip has been emitted."""
    retry_at: float | None = None
    """RELEASING: when DropVip is repeated."""
    retries: int = 0
    expires_by: float | None = None
    """RELEASING: by this time the kernel has removed the address, since its lifetime is over."""
    renew_at: float | None = None
    announce: tuple[float, ...] = ()
    may_serve: bool = False
    """HELD: the group's services may run here."""
    serve_at: float | None = None
    """HELD: when the services start at the latest, even if peers still report them running."""
    served_elsewhere: ServedElsewhere | None = None
    """As the LAN said last."""
    asked_for_service_at: float = float("-inf")
    lan_handover_at: float | None = None
    """HELD: our LAN is bad and the preferred owner's is not: the address is dropped at this time unless
    that has changed."""
    rivals: tuple[str, ...] = ()
    """Live peers that hold or claim the group while we do."""
    rivals_since: float = 0.0
    failback_since: Mapping[str, float] = field(default_factory=dict)
    """Failback target (a server before us in the order) -> since when it has been one without a break."""
    claim_failures: int = 0
    claim_backoff_until: float | None = None
    """After a failed claim: not eligible until this time."""
    last_resort_at: float | None = None
    """During claim back-off: from this time on (None: now) eligible if no other server could take it."""
    conflict: ArpConflict | None = None
    defended_at: float = float("-inf")
    last_holder: str = ""
    """The server that was last known to hold the group."""
    released_at: float | None = None
    """When a peer last reported that it has given the address up: it is known to be free then."""
    free_since: float | None = None
    """Not held here: no peer has the address since this time, as far as we are told."""

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def reported_state(self) -> GroupState:
        """The state that heartbeats report: IDLE while only ARP probes are sent."""
        return GroupState.IDLE if self.arp_probing else self.state

    @property
    def watches_arp(self) -> bool:
        """Whether ARP answers and probes of other hosts count now: before and just after a claim."""
        probing = self.state is GroupState.CLAIMING and (self.arp_probing or self.arp_probe_at is not None)
        return probing or self.post_claim_listen_until is not None

    @property
    def holds_or_claims(self) -> bool:
        """HELD or CLAIMING."""
        return self.state in (GroupState.HELD, GroupState.CLAIMING)


def transition(group: Group, state: GroupState, *, now: float, reason: str) -> Group:
    """The group in its next state, with every timer disarmed. IllegalTransition: not in the table."""
    if (group.state, state) not in ALLOWED_TRANSITIONS:
        raise IllegalTransition(f"{group.name}: {group.state.value} -> {state.value} ({reason})")
    return Group(
        config=group.config,
        state=state,
        since=now,
        reason=reason,
        claim_failures=group.claim_failures,
        claim_backoff_until=group.claim_backoff_until,
        last_resort_at=group.last_resort_at,
        last_holder=group.last_holder,
        released_at=group.released_at,
        free_since=group.free_since if state is GroupState.CLAIMING else None,
        answered_by=group.answered_by,
        arp_probe_fault=group.arp_probe_fault,
        served_elsewhere=group.served_elsewhere,
        foreign_hosts=group.foreign_hosts if state in (GroupState.CLAIMING, GroupState.HELD) else None,
    )


def with_announcements(group: Group, now: float) -> Group:
    """The group with a new series of announcements, starting now."""
    return replace(group, announce=tuple(now + offset for offset in ANNOUNCE_AT_S))


def with_claim_backoff(group: Group, now: float) -> Group:
    """The group after a failed claim: not eligible for 1, 2, 4 s ... up to an hour.

    While eligible again it may be handed the group only to fail again, so the back-off grows long. When no
    other server could hold the group a retry does no harm: after 30 s at the latest.
    """
    pause = min(CLAIM_BACKOFF_S * 2.0 ** min(group.claim_failures, 20), CLAIM_BACKOFF_MAX_S)
    return replace(
        group, claim_failures=group.claim_failures + 1, claim_backoff_until=now + pause,
        last_resort_at=now + min(pause, LAST_RESORT_MAX_S),
    )


def deadlines(group: Group) -> tuple[float | None, ...]:
    """Every time at which the group's own timers are due."""
    return (
        group.claim_by,
        group.drop_by,
        group.retry_at,
        group.expires_by,
        group.renew_at,
        group.announce[0] if group.announce else None,
        group.serve_at,
        group.claim_backoff_until,
        group.last_resort_at,
        group.arp_probe_at,
        group.arp_listen_until,
        group.post_claim_listen_until,
        group.lan_handover_at,
    )
