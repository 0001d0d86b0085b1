"""One resource group as this server has it: the record and the table of allowed moves.

Owns the rule which state may follow which; an illegal move raises. Does not decide who should own
a group (candidates.py) and asks for nothing (transitions.py).

    IDLE -> CLAIMING -> HELD -> RELEASING -> IDLE

CLAIMING starts with `probing`: the LAN is asked between the decision and ClaimVip (witness.py).
RELEASING starts with the services being stopped (`drop_by` set), then the address goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..model import GroupConfig, GroupState

ANNOUNCE_AT_S = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Gratuitous ARP after a claim: often at first (a lost frame), then for caches filled late."""

ANNOUNCE_TO_SILENT_S = 1.0
"""Pause between two announcements while a server that could hold the group is not heard."""

CLAIM_LIMIT_S = 2.0
STOP_WAIT_S = 1.0
SERVE_WAIT_S = 0.7
"""dhcpd's own guard looks every 0.4 s whether its address is gone, and stops it."""
GUARD_S = 0.6
"""Silent, then off the LAN: its kernel has run on, and so may its dhcpd until the guard looks."""
DROP_RETRY_S = 0.5
DROP_RETRY_MAX_S = 4.0
KERNEL_MARGIN_S = 1.5
"""The kernel takes an address away up to 1.2 s after its lifetime ended (measured)."""

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
    """Another host says that it has the address."""

    mac: str
    since: float
    seen_at: float
    shown: bool


class IllegalTransition(Exception):
    """A fault of the core itself: no input may lead here."""


@dataclass(frozen=True, slots=True)
class Group:
    """What this server knows of its own part in one group. Times are absolute; None = not armed."""

    config: GroupConfig
    state: GroupState
    since: float
    reason: str = ""
    arp_probing: bool = False
    """CLAIMING: ClaimVip has not been asked for yet."""
    arp_probe_at: float | None = None
    """CLAIMING: the next probe goes out then."""
    arp_probes_sent: int = 0
    """CLAIMING: sent in this round."""
    arp_listen_until: float | None = None
    """CLAIMING: a round of probes is under way, and over then."""
    post_claim_listen_until: float | None = None
    """HELD: until then we listen whether another one took it while we did."""
    answered_by: str = ""
    """Split: the MAC address that answers for an address which no server that we hear says it has."""
    await_guard: bool = False
    """The last holder's kernel outlived its sidecar: its services end by their own guards, in a moment."""
    arp_probe_fault: str = ""
    """Why the LAN could not be asked last time."""
    claim_by: float | None = None
    """CLAIMING: without an answer until then the claim counts as failed."""
    drop_by: float | None = None
    """RELEASING: the services' stop is awaited until then; None: DropVip has been asked for."""
    retry_at: float | None = None
    """RELEASING: DropVip is repeated then."""
    retries: int = 0
    expires_by: float | None = None
    """RELEASING: the kernel's own lifetime has taken the address away by then."""
    renew_at: float | None = None
    announce: tuple[float, ...] = ()
    may_serve: bool = False
    """HELD: its services may run here."""
    serve_at: float | None = None
    """HELD: its services start then, whatever the peers say."""
    lan_handover_at: float | None = None
    """HELD: our LAN is bad and another server's is not; handed over then, when that still is so."""
    rivals: tuple[str, ...] = ()
    """Live peers that hold or claim what we hold or claim."""
    rivals_since: float = 0.0
    failback_since: Mapping[str, float] = field(default_factory=dict)
    """Servers earlier in the order that could take it back, and since when without a break."""
    claim_failures: int = 0
    claim_backoff_until: float | None = None
    """After a failed claim: not eligible until then."""
    last_resort_at: float | None = None
    """Barred: from then on (None: now) tried all the same when no other server could hold it."""
    conflict: ArpConflict | None = None
    defended_at: float = float("-inf")
    last_holder: str = ""
    """Who held it when anybody was last seen holding it."""

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def reported_state(self) -> GroupState:
        """What the peers are told: while we only ask the LAN, we have nothing and promise nothing."""
        return GroupState.IDLE if self.arp_probing else self.state

    @property
    def watches_arp(self) -> bool:
        """What others say of the address on the LAN matters to us now."""
        asked = self.state is GroupState.CLAIMING and (self.arp_probing or self.arp_probe_at is not None)
        return asked or self.post_claim_listen_until is not None

    @property
    def holds_or_claims(self) -> bool:
        """We hold or claim it."""
        return self.state in (GroupState.HELD, GroupState.CLAIMING)


def transition(group: Group, state: GroupState, *, now: float, reason: str) -> Group:
    """The group in its next state, with nothing of the old one armed. Raises on an illegal move."""
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
        answered_by=group.answered_by,
        arp_probe_fault=group.arp_probe_fault,
    )


def with_announcements(group: Group, now: float) -> Group:
    """The group with a fresh series of announcements."""
    return replace(group, announce=tuple(now + offset for offset in ANNOUNCE_AT_S))


def with_claim_backoff(group: Group, now: float) -> Group:
    """The group after a failed claim: not eligible for 1, 2, 4 s ... an hour.

    Each time that it is eligible again another holder may hand the group over for nothing, so the pause
    grows for long. When no other server could hold it, a try harms nobody: every 30 s at most.
    """
    pause = min(CLAIM_BACKOFF_S * 2.0 ** min(group.claim_failures, 20), CLAIM_BACKOFF_MAX_S)
    return replace(
        group, claim_failures=group.claim_failures + 1, claim_backoff_until=now + pause,
        last_resort_at=now + min(pause, LAST_RESORT_MAX_S),
    )


def deadlines(group: Group) -> tuple[float | None, ...]:
    """Every time at which something is due for the group itself."""
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
