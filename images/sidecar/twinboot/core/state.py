"""The whole memory of one server's core, and the scratch pad of one step.

State is immutable and is all that survives between two steps. Turn lives only while step() runs: it
holds the state as it changes and collects the effects in their binding order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from .effects import Effect, Log, LogLevel
from .health.daemon import Daemon
from .health.holddown import HoldDown
from .health.lan import Lan
from .health.managed import ManagedService
from .membership.peer import Peer
from .model import ClusterConfig, Heartbeat
from .vip.group import Group


class Phase(Enum):
    """Where this server's own life stands."""

    STARTING = "starting"
    """Nothing is claimed yet: the others may already hold everything."""
    ACTIVE = "active"
    LEAVING = "leaving"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class State:
    """Everything step() needs to know. Times are monotonic seconds."""

    config: ClusterConfig
    boot_id: int
    now: float
    """Time of the last step."""
    phase: Phase
    starting_until: float
    """STARTING ends then, even if not every server was heard."""
    peers: Mapping[str, Peer]
    groups: Mapping[str, Group]
    services: Mapping[str, ManagedService]
    lan: Lan = field(default_factory=Lan)
    daemons: Mapping[str, Daemon] = field(default_factory=dict)
    """Those that every server runs, and the managed services."""
    holddowns: Mapping[str, HoldDown] = field(default_factory=dict)
    """Of every server, this one included."""
    seq: int = 0
    send_at: float = 0.0
    sent_at: float = 0.0
    sent_times: tuple[float, ...] = ()
    """When the last few were sent, the newest last."""
    fast_heartbeats_until: float = 0.0
    """A peer lacks what we sent: heartbeats go out quickly until then."""
    last_sent: Heartbeat | None = None
    """The last heartbeat sent: what differs from it is news."""
    min_echo_seq: int = 1
    """Echoes of an older sequence number of ours are no proof of life of a new boot id."""
    next_min_echo_seq: int = 1
    next_min_echo_at: float = 0.0
    standby: bool = False
    leave_by: float = 0.0
    replayed: int = 0
    ignored: int = 0
    """Messages of no known server, group or link."""
    cached_deadline: float | None = None
    """What next_deadline() said after the last whole step; None: it must be asked anew."""


@dataclass(slots=True)
class StepContext:
    """One step under way: the state so far and the effects so far.

    The mappings of its state are its own, so one record is put in without copying all the others. They
    are handed out with the state at the end, and nobody changes them after that.
    """

    state: State
    now: float
    effects: list[Effect] = field(default_factory=list)
    heartbeat_wanted: bool = False
    """A heartbeat is wanted at once though nothing of our own changed."""
    peer_late: bool = False
    """A live peer has not been heard for warntime_s: heartbeats go out quickly."""
    records_changed: bool = False
    """A group or service is not what it was."""
    _state_at_begin: State = field(init=False)
    _peers: dict[str, Peer] = field(init=False)
    _groups: dict[str, Group] = field(init=False)
    _services: dict[str, ManagedService] = field(init=False)

    def __post_init__(self) -> None:
        state = self.state
        self._peers, self._groups = dict(state.peers), dict(state.groups)
        self._services = dict(state.services)
        self.state = replace(
            state, now=self.now, peers=self._peers, groups=self._groups, services=self._services,
        )
        self._state_at_begin = self.state

    @property
    def no_outcome(self) -> bool:
        """Nothing has come of this step so far, but perhaps in the records of the peers."""
        return (
            not (self.effects or self.heartbeat_wanted or self.records_changed)
            and self.state is self._state_at_begin
        )

    @property
    def config(self) -> ClusterConfig:
        return self.state.config

    def emit(self, effect: Effect) -> None:
        self.effects.append(effect)

    def log(self, level: LogLevel, event: str, **fields: str | int | float) -> None:
        self.effects.append(Log(level, event, fields))

    def put_peer(self, peer: Peer) -> None:
        self._peers[peer.name] = peer

    def put_group(self, group: Group) -> None:
        if self._groups[group.name] is not group:
            self._groups[group.name] = group
            self.records_changed = True

    def put_daemon(self, daemon: Daemon) -> None:
        if self.state.daemons[daemon.name] is daemon:
            return
        self.state = replace(self.state, daemons={**self.state.daemons, daemon.name: daemon})

    def put_holddown(self, server: str, hold: HoldDown) -> None:
        self.state = replace(self.state, holddowns={**self.state.holddowns, server: hold})

    def put_service(self, service: ManagedService) -> None:
        if self._services[service.name] is not service:
            self._services[service.name] = service
            self.records_changed = True
