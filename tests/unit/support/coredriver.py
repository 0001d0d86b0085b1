"""A core on its own in virtual time: feeds it events, answers nothing by itself, keeps what it asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from twinboot.alarms import AlarmKind
from twinboot.core import State, View, alarm_conditions, initial, next_deadline, step, view
from twinboot.core.effects import AskForService, AskWhoAnswers, Effect, Log, SendHeartbeat
from twinboot.core.events import (
    Event,
    HeartbeatReceived,
    LanObserved,
    ServiceObserved,
    ServiceProbed,
    Tick,
    VipClaimed,
    VipDropped,
)
from twinboot.core.model import (
    ClusterConfig,
    GroupConfig,
    GroupReport,
    GroupState,
    Heartbeat,
    LanHealth,
    LastHeard,
    ServiceState,
    Timers,
)

ORDER = ("server1", "server2")
CONFIG = ClusterConfig(
    "c", "server1", ORDER,
    (GroupConfig("first", ORDER, ("dhcpd",), "192.168.0.253"), GroupConfig("second", ORDER[::-1])),
    ("lan",), Timers(interval_s=0.2, suspect_s=0.4), daemons=("vsftpd", "tftp"), lan_links=("lan",),
)
OWN_MAC, PEER_MAC, STRANGE_MAC = (bytes((2, 0, 0, 0, 0, last)) for last in (1, 2, 9))

HOLDS_FIRST = {"first": GroupReport(GroupState.HELD)}


@dataclass
class Driver:
    """One core and its clock; keeps the effects of the last step."""

    config: ClusterConfig = CONFIG
    now: float = 0.0
    effects: tuple[Effect, ...] = ()
    state: State = field(init=False)
    seq: int = 0
    asked: list[AskWhoAnswers] = field(default_factory=list)
    """What it has asked of the LAN; a test takes it out."""

    def __post_init__(self) -> None:
        self.state, self.effects = initial(self.config, 11, self.now)

    def feed(self, event: Event, after_s: float = 0.0) -> tuple[Effect, ...]:
        """What it asks for now, but for heartbeats, the log, and what is asked of the LAN all the time."""
        self.now += after_s
        self.state, self.effects = step(self.state, event, self.now)
        self.asked += [one for one in self.effects if isinstance(one, AskWhoAnswers)]
        return self.requested()

    def requested(self) -> tuple[Effect, ...]:
        unasked = SendHeartbeat | Log | AskWhoAnswers | AskForService
        return tuple(one for one in self.effects if not isinstance(one, unasked))

    def log_events(self) -> list[str]:
        """The log events of the last step."""
        return [one.event for one in self.effects if isinstance(one, Log)]

    def sent(self) -> list[Heartbeat]:
        return [one.heartbeat for one in self.effects if isinstance(one, SendHeartbeat)]

    def wait(self, seconds: float) -> tuple[Effect, ...]:
        """Tick at every deadline, as the agent does."""
        end, found = self.now + seconds, ()
        while (at := next_deadline(self.state)) is not None and at <= end:
            self.now = at
            found += self.feed(Tick())
        self.now = end
        return found

    def group(self, name: str = "first") -> GroupState:
        return self.state.groups[name].state

    def view(self) -> View:
        return view(self.state, self.now)

    def alarms(self, kind: AlarmKind) -> dict[str, str]:
        """The texts of the alarms of this kind, by subject."""
        return {one.subject: one.text for one in alarm_conditions(self.state) if one.code == kind.code}

    def alarms_about(self, part: str) -> list[tuple[str, str]]:
        """Code and subject of those whose subject ends so."""
        found = alarm_conditions(self.state)
        return [(one.code, one.subject) for one in found if one.subject.endswith(part)]

    # The other server ----------------------------------------------------------------------------

    def peer_says(self, seconds: float = 0.0, **more: object) -> tuple[Effect, ...]:
        """The peer says the same every 0.2 s for so long; what the core asked for meanwhile."""
        end, found = self.now + seconds, ()
        while True:
            self.seq += 1
            found += self.feed(
                HeartbeatReceived("lan", peer_heartbeat(self.seq, echo=self.state.seq, **more))
            )
            if self.now >= end - 1e-9:
                return found
            found += self.wait(min(0.2, end - self.now))

    def service_probe(self, service: str, fault: str = "", after_s: float = 0.0) -> tuple[Effect, ...]:
        return self.feed(ServiceProbed(service, fault), after_s)

    def observe_lan(self, *, carrier: bool = True, reachable: bool = True) -> tuple[Effect, ...]:
        return self.feed(LanObserved(carrier, reachable, OWN_MAC))

    def breaks(self, service: str = "vsftpd", **said: object) -> tuple[Effect, ...]:
        """A fault a second until it is BROKEN, while the peer goes on saying the same."""
        found: tuple[Effect, ...] = ()
        for _ in range(8):
            found += self.service_probe(service, "no answer")
            found += self.peer_says(1.0, **said)
        return found


def peer_heartbeat(seq: int, *, echo: int = 10**6, **more: object) -> Heartbeat:
    boot = more.pop("boot", 22)
    values: dict[str, object] = {
        "groups": {}, "eligible": ("first", "second"), "heard": {"server1": LastHeard(11, echo, ("lan",))},
        "lan": LanHealth.GOOD, "mac": PEER_MAC, **more,
    }
    return Heartbeat("c", "server2", boot, seq, **values)  # type: ignore[arg-type]


def starting(config: ClusterConfig = CONFIG) -> Driver:
    """Nothing is left over; the start is not over yet."""
    driver = Driver(config)
    for group in config.groups:
        driver.feed(VipDropped(group.name))
    driver.feed(ServiceObserved("dhcpd", ServiceState.STOPPED))
    return driver


def holding(config: ClusterConfig = CONFIG) -> Driver:
    """The other server never came; both groups are held, dhcpd runs."""
    driver = starting(config)
    driver.wait(5.1)
    for group in config.groups:
        driver.feed(VipClaimed(group.name))
    driver.feed(ServiceObserved("dhcpd", ServiceState.RUNNING))
    driver.wait(11.0)
    return driver
