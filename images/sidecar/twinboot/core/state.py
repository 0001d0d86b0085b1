"""State: all that one server's core remembers. StepContext: the working copy of one step.

State is immutable and is all that survives between two steps. A StepContext exists only while step() runs:
it holds the state as it changes and collects the effects in their binding order.
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
from .membership.reach import Reach
from .model import ClusterConfig, Heartbeat, Lack
from .vip.group import Group


class Phase(Enum):
    """The phase of this server's own process."""

    STARTING = "starting"
    """Nothing is claimed yet: the others are heard first, as they may hold everything."""
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
    """STARTING ends at this time at the latest, whether or not every server was heard."""
    peers: Mapping[str, Peer]
    groups: Mapping[str, Group]
    services: Mapping[str, ManagedService]
    lan: Lan = field(default_factory=Lan)
    daemons: Mapping[str, Daemon] = field(default_factory=dict)
    """By name: the daemons that every server runs, and the managed services."""
    holddowns: Mapping[str, HoldDown] = field(default_factory=dict)
    """By server, this one included."""
    reach: Reach = field(default_factory=Reach)
    lacks: tuple[Lack, ...] | None = None
    """What this server lacks to take over; None: not looked at yet."""
    seq: int = 0
    send_at: float = 0.0
    sent_at: float = 0.0
    sent_times: tuple[float, ...] = ()
    """When the latest heartbeats were sent (heartbeat.MAX_SENT_TIMES at most), the newest last."""
    fast_heartbeats_until: float = 0.0
    """A peer lacks heartbeats of ours: they go out at the fast rate until this time."""
    last_sent: Heartbeat | None = None
    """The last heartbeat sent. When our state differs from it, the next one is due at once."""
    min_echo_seq: int = 1
    """A new boot id is accepted only when it echoes this sequence number of ours or a later one; set to
    next_min_echo_seq once a deadtime."""
    next_min_echo_seq: int = 1
    """The next value of min_echo_seq: the sequence number that was sent at next_min_echo_at."""
    next_min_echo_at: float = 0.0
    standby: bool = False
    leave_by: float = 0.0
    replayed: int = 0
    ignored: int = 0
    """Count of messages from an unknown server, cluster or link."""
    cached_deadline: float | None = None
    """next_deadline() as computed by the last complete step; None: not computed yet."""


@dataclass(slots=True)
class StepContext:
    """One step in progress: the state and the effects so far.

    It owns copies of the state's mappings, so one record is replaced without copying all the others. They
    are returned as part of the state at the end and are not changed after that.
    """

    state: State
    now: float
    effects: list[Effect] = field(default_factory=list)
    heartbeat_wanted: bool = False
    """Send a heartbeat soon though nothing of our own changed."""
    peer_late: bool = False
    """A live peer has not been heard for warntime_s: heartbeats go out at the fast rate."""
    records_changed: bool = False
    """A group or service record was replaced in this step."""
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
        """No effects and no changes so far, except perhaps in the peers' records."""
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

    def remove_peer(self, name: str) -> None:
        self._peers.pop(name, None)

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
