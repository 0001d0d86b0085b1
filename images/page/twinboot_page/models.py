"""What the sidecar tells, as values: what `twinboot status --json`, `machines --json` and others print.

A sidecar of another release may tell more, which is passed over, or less, which has a default.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """Told by the sidecar; never changed here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Caller(Value):
    """What whoever asks may do. name: of the token, empty: none. reading: open, or token. csrf: what forms of
    this session have in their field `csrf`; empty: no session. until: its end, seconds since 1970."""

    reading: str
    name: str = ""
    role: str = "nobody"
    csrf: str = ""
    until: int | None = None

    def may(self, role: str) -> bool:
        """Has it this role, or a higher one?"""
        order = ("nobody", "read", "operate", "admin")
        return order.index(self.role) >= order.index(role) if self.role in order else False

    @property
    def may_read(self) -> bool:
        return self.reading == "open" or self.may("read")


class SiteId(Value):
    """Which of the applied sites: its number, and a digest of what it says."""

    number: int
    digest: str


class Readiness(Value):
    """Whether a server could hold a group; ready is null when that is not known."""

    ready: bool | None = None
    why: list[str] = []
    remedy: str = ""


class Group(Value):
    """A virtual address and what moves with it. holder: null when nobody has it."""

    address: str
    state: str
    holder: str | None = None
    order: list[str] = []
    services: dict[str, str] = {}
    eligible: bool = False
    reason: str | None = ""
    since_s: float = 0.0
    readiness: dict[str, Readiness] = {}


class Daemon(Value):
    """health: good, failing, broken or unknown. fault: in words."""

    health: str
    fault: str = ""


class Link(Value):
    """A heartbeat link to a peer. age_ms: since the last heartbeat."""

    state: str
    age_ms: int | None = None


class Peer(Value):
    """Another server, as this one sees it."""

    state: str
    standby: bool = False
    left: bool = False
    version: str | None = None
    hears_us: bool | None = None
    lan: str = ""
    daemons: dict[str, Daemon] = {}
    hold_down_s: float = 0.0
    site: SiteId | None = None
    site_differs_s: float | None = None
    differing_parts: list[str] = []
    links: dict[str, Link] = {}


class Alarm(Value):
    """code and subject tell alarms apart; text is for people. since: RFC 3339, UTC. remedy: what to do.

    severity: critical (machines are, or may be, not served), warning, or empty. subject_type: what the
    subject names, as METRICS.md lists it: SERVER, SERVER/SERVICE, GROUP, HOST ..."""

    code: str
    subject: str
    text: str
    since: str
    remedy: str = ""
    severity: str = ""
    subject_type: str = ""


class Https(Value):
    """Where the page is over TLS, and the SHA-256 of its certificate. until: when one of the operator's own
    ends, seconds since 1970."""

    port: int
    fingerprint: str
    until: int | None = None


class Status(Value):
    """This server's view of the cluster."""

    server: str
    cluster: str
    version: str
    boot: str = ""
    uptime_s: float = 0.0
    state: str
    settled: bool = True
    site: SiteId | None = None
    groups: dict[str, Group] = {}
    lan: str = ""
    daemons: dict[str, Daemon] = {}
    hold_down_s: float = 0.0
    peers: dict[str, Peer] = {}
    counters: dict[str, int] = {}
    trees: dict[str, dict[str, str]] = {}
    tree_copies: dict[str, dict[str, dict[str, Any]]] = {}
    tree_reading: tuple[str, int, int] | None = None
    connections: dict[str, Any] = {}
    alarms: list[Alarm] = []
    https: Https | None = None


class Tree(Value):
    """An install tree. By server a word (same, as imported, copying, differs, missing, altered ...), and how
    far its copy is."""

    name: str
    servers: dict[str, str]
    copies: dict[str, dict[str, Any]] = {}


class MoveEvent(Value):
    """at: seconds since 1970; after_s: since the move's earliest event."""

    at: float
    after_s: float
    kind: str
    text: str = ""


class Move(Value):
    """A virtual address that moved, or was claimed or let go of, and what happened, in order."""

    number: int
    group: str
    address: str
    kind: str
    source: str | None = None
    target: str | None = None
    reason: str | None = ""
    done: bool = False
    left_out: int = 0
    at: float
    events: list[MoveEvent] = []


class Machine(Value):
    """A host of the site file. boots: install or disk, at its next start from the network. silent_s: since
    something was heard of it; at: when that was, seconds since 1970."""

    name: str
    state: str
    step: str
    boots: str
    profile: str = ""
    installed_with: str = ""
    server: str = ""
    group: str = ""
    addresses: list[str] = []
    macs: list[str] = []
    reports: bool = False
    orders: int = 0
    attempt: int = 0
    packages: int = 0
    of: int = 0
    kib: int = 0
    silent_s: float | None = None
    at: float = 0.0
    words: str = ""


class Fetch(Value):
    """A file that a machine has fetched. at: seconds since 1970; server: who gave it."""

    at: float
    server: str
    path: str


class MachineWithHistory(Machine):
    """With what happened to it, in order, and the files that it fetched until its install began."""

    state_history: list[dict[str, Any]] = []
    files: list[Fetch] = []


class Unknown(Value):
    """A machine without an entry that this server has heard."""

    model_config = ConfigDict(frozen=True, extra="allow")

    mac: str
    firmware: str = ""
    vendor: str = ""
    uuid: str = ""
    asked: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
