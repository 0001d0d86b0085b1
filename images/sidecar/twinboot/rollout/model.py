"""Versions of the site, what servers tell each other of them, and what one server knows. Values only.

Times are monotonic seconds handed in by the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from time import gmtime, strftime


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """Which site: a later number is newer. number 0: a file that nobody has applied.

    Two proposals can get one number only where two operators used `--without` on both sides of a cut; the
    digest then decides, the same way everywhere.
    """

    number: int
    digest: bytes

    def newer_than(self, other: Version) -> bool:
        """Whether this one counts. Neither of two files with number 0 does: nothing says which one is
        meant."""
        return self.number > other.number or (self.number == other.number > 0 and self.digest > other.digest)


@dataclass(frozen=True, slots=True)
class Author:
    """Who asked for a site: as the audit log calls him, by which way, on which server, and when (seconds
    since 1970, by that server's clock). Empty: not known."""

    who: str = ""
    via: str = ""
    server: str = ""
    at: float = 0.0

    def __str__(self) -> str:
        """Behind the number of a site; empty when it is not known."""
        if not self.who:
            return ""
        return f" ({self.who} on {self.server}, since {strftime('%H:%M:%S', gmtime(self.at))} UTC)"


@dataclass(frozen=True, slots=True)
class Committed:
    """A site that all servers are to work by, and its text."""

    version: Version
    text: str
    by: Author = Author()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A site that a server asks others to accept. members: those that must, the proposer included."""

    version: Version
    text: str
    proposer: str
    members: tuple[str, ...]
    by: Author = Author()


@dataclass(frozen=True, slots=True)
class Vote:
    """What a server's own check says of a proposal. notes: what is to be done there afterwards."""

    version: Version
    proposer: str
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        return not self.faults

    def on(self, proposal: Proposal) -> bool:
        return (self.version, self.proposer) == (proposal.version, proposal.proposer)


@dataclass(frozen=True, slots=True)
class RolloutStatus:
    """What a server tells the others: the site that it has committed, its open proposal, its vote, and
    whether it is about to go over to its committed site."""

    committed: Committed
    proposal: Proposal | None = None
    vote: Vote | None = None
    wants_turn: bool = False


@dataclass(frozen=True, slots=True)
class PeerFacts:
    """What is known of another server now. status, working: None when it has not told.

    holds: groups that it has the address of; settled: it neither starts nor leaves, and moves nothing.
    """

    name: str
    alive: bool
    settled: bool = True
    holds: int = 0
    working: Version | None = None
    status: RolloutStatus | None = None


class Phase(Enum):
    """Phase of an attempt to apply."""

    CHECKING = "checking"
    COMMITTING = "committing"
    COMMITTED = "committed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """An operator's `apply` on this server. error: why it failed."""

    proposal: Proposal
    phase: Phase
    began: float
    votes: Mapping[str, Vote] = field(default_factory=dict)
    lost: Mapping[str, float] = field(default_factory=dict)
    """Members that are not heard, since when."""
    error: str = ""

    @property
    def open(self) -> bool:
        return self.phase in (Phase.CHECKING, Phase.COMMITTING)


@dataclass(frozen=True, slots=True)
class SwitchTurn:
    """This server is to go over to its committed site. in_place: nothing that the agent works by differs, so
    that nothing needs to move; None: not judged yet. servers: that the site names, known when judged."""

    version: Version
    began: float
    in_place: bool | None = None
    servers: tuple[str, ...] = ()
    wanted_since: float | None = None
    switched_at: float | None = None
    progress: tuple[str, ...] = ()
    """Peers that have gone over already."""


@dataclass(frozen=True, slots=True)
class State:
    """One server's part. seen: the highest number heard of; kept on the disk, so that none is given twice.

    keeping: what is being written to the disk; nothing is told before it is there.
    """

    me: str
    committed: Committed
    working: Version
    seen: int = 0
    peers: Mapping[str, PeerFacts] = field(default_factory=dict)
    attempt: Attempt | None = None
    vote: Vote | None = None
    pending_vote: Vote | None = None
    checking: Proposal | None = None
    keeping: Committed | None = None
    turn: SwitchTurn | None = None

    @property
    def status(self) -> RolloutStatus:
        attempt = self.attempt
        proposal = attempt.proposal if attempt is not None and attempt.open else None
        wants = self.turn is not None and self.turn.wanted_since is not None
        return RolloutStatus(self.committed, proposal, self.vote, wants)


# Events -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """The cluster as it is now; several times a second.

    holds: groups that this server has the address of; settled: as of PeerFacts; relieved: every group held
    here can be taken by a live peer.
    """

    peers: tuple[PeerFacts, ...]
    working: Version
    holds: int = 0
    settled: bool = True
    relieved: bool = True


@dataclass(frozen=True, slots=True)
class Propose:
    """An operator applies a site on this server. servers: of the old and the new site; without: those that
    need not take part; unknown: those that were never heard since this server was set up."""

    text: str
    digest: bytes
    servers: tuple[str, ...]
    without: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    by: Author = Author()


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome of Check."""

    vote: Vote


@dataclass(frozen=True, slots=True)
class SiteKept:
    """The outcome of Keep; fault: why the disk has it not."""

    committed: Committed
    seen: int
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """The outcome of Judge. servers: that the committed site names."""

    version: Version
    in_place: bool
    servers: tuple[str, ...]


Event = ClusterFacts | Propose | Checked | SiteKept | Judged


# Effects ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Check:
    """Check the proposal with this machine's disks, interfaces and ports."""

    proposal: Proposal


@dataclass(frozen=True, slots=True)
class Keep:
    """Write both to the disk."""

    committed: Committed
    seen: int


@dataclass(frozen=True, slots=True)
class Judge:
    """Say whether this server can go over without letting go of its groups, and whom the site names."""

    committed: Committed


@dataclass(frozen=True, slots=True)
class Switch:
    """Go over now: in place, or by leaving and coming back."""

    committed: Committed
    in_place: bool


@dataclass(frozen=True, slots=True)
class Note:
    """A line for the log."""

    event: str
    fields: Mapping[str, str | int]


Effect = Check | Keep | Judge | Switch | Note


class Refused(Exception):
    """A proposal is not even begun; the text says why."""
