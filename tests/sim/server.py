"""A simulated server: power, kernel addresses with lifetimes, a dhcpd container with its guard, and
the sidecar process that runs the real core.

What belongs to the host goes on when the process is killed or frozen; that is the point of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twinboot.core import initial, next_deadline, step
from twinboot.core.effects import (
    Announce,
    ClaimVip,
    DropVip,
    Effect,
    Exit,
    Log,
    Probe,
    RenewVip,
    Send,
    StartService,
    StopService,
)
from twinboot.core.events import (
    Event,
    ProbeAnswered,
    ProbeFailed,
    Received,
    ServiceObserved,
    Tick,
    VipClaimed,
    VipClaimFailed,
    VipDropFailed,
    VipDropped,
    VipObserved,
)
from twinboot.core.group import Group
from twinboot.core.model import ClusterConfig, ServiceState
from twinboot.core.state import State

if TYPE_CHECKING:
    from .world import World

GUARD_S = 0.5
LOOK_S = 1.0
ARP_S = 0.0005
QUEUE = 400
"""Datagrams that a socket's buffer holds for a process that does not read."""


@dataclass
class Mood:
    """How willing kernel and engine are. Counts run down with each failure."""

    kernel_s: float = 0.002
    engine_s: float = 0.15
    claims_fail: int = 0
    drops_fail: int = 0
    engine_fails: int = 0
    engine_hangs: bool = False


@dataclass
class Process:
    """One life of the sidecar."""

    boot: int
    state: State
    clock_skew_s: float
    inbox: list[Event | Callable[[], None]] = field(default_factory=list)
    vip_free_at: float = 0.0
    engine_free_at: float = 0.0
    vip_busy: int = 0
    timer: int = 0
    steps: int = 0
    started: float = 0.0


class Server:
    """One host. World calls its verbs; it calls back the world's clock, network and judge."""

    def __init__(self, world: World, config: ClusterConfig) -> None:
        self.world = world
        self.config = config
        self.name = config.me
        self.powered = False
        self.suspended = False
        self.frozen = False
        self.lan = True
        self.process: Process | None = None
        self.mood = Mood()
        self.addresses: dict[str, float] = {}
        self.running: dict[str, bool] = {service: False for one in config.groups for service in one.services}

    # What others can see of it ------------------------------------------------------------------

    @property
    def awake(self) -> bool:
        """A sidecar runs and gets the processor."""
        return self.process is not None and not self.frozen and not self.suspended

    def reachable(self) -> bool:
        return self.powered and not self.suspended and self.lan

    def answers(self, group: str) -> bool:
        """Would a client's ARP request for the group's address be answered by this host?"""
        return group in self.addresses and self.reachable()

    def serves(self, service: str) -> bool:
        return self.running[service] and self.reachable()

    def group(self, name: str) -> Group | None:
        return self.process.state.groups[name] if self.process is not None else None

    # Power and process ---------------------------------------------------------------------------

    def power_on(self) -> None:
        if not self.powered:
            self.powered = True
            self.start()

    def power_off(self) -> None:
        self.powered = self.suspended = self.frozen = False
        self.process = None
        self.addresses.clear()
        self.running = dict.fromkeys(self.running, False)

    def start(self) -> None:
        """A new life of the sidecar; addresses and containers are as the last one left them."""
        if not self.powered or self.process is not None or self.suspended:
            return
        world = self.world
        boot = world.rng.getrandbits(64)
        skew = world.rng.random() * 1000.0
        state, effects = initial(self.config, boot, world.now + skew)
        self.frozen = False
        self.process = Process(boot, state, skew, started=world.now)
        self._carry_out(self.process, effects)
        self._arm(self.process)
        self._look_later(self.process)

    def kill(self) -> None:
        """SIGKILL: kernel and containers do not notice."""
        self.process, self.frozen = None, False

    def freeze(self) -> None:
        self.frozen = self.process is not None

    def thaw(self) -> None:
        if self.frozen:
            self.frozen = False
            self._catch_up()

    def suspend(self) -> None:
        """The whole virtual machine stands still; its kernel's time, too."""
        if self.powered and not self.suspended:
            self.suspended, self._suspended_at = True, self.world.now

    def resume(self) -> None:
        if not self.suspended:
            return
        self.suspended = False
        slept = self.world.now - self._suspended_at
        for group, expires in list(self.addresses.items()):
            self._lease(group, expires + slept)
        for service, running in self.running.items():
            if running:
                self._guard_later(service)
        if not self.frozen:
            self._catch_up()

    def _catch_up(self) -> None:
        process = self.process
        if process is None:
            return
        waiting, process.inbox = process.inbox, []
        if self.world.rng.random() < 0.5:
            self.deliver(process, Tick())
        for item in waiting:
            if callable(item):
                item()
            else:
                self.deliver(process, item)
        self._arm(process)

    # The loop ------------------------------------------------------------------------------------

    def hear(self, link: str, event: Received) -> None:
        """A datagram arrives at the host."""
        process = self.process
        if process is None or not self.powered or (link == "lan" and not self.lan):
            return
        if self.suspended or (self.frozen and len(process.inbox) >= QUEUE):
            return
        self.deliver(process, event)

    def deliver(self, process: Process, event: Event) -> None:
        """One turn of the agent's loop."""
        if process is not self.process:
            return
        if not self.awake:
            if not isinstance(event, Tick):
                process.inbox.append(event)
            return
        process.steps += 1
        now = self.world.now + process.clock_skew_s
        before = process.state
        process.state, effects = step(process.state, event, now)
        self.world.judge.stepped(self, before, effects)
        self._carry_out(process, effects)
        self._arm(process)

    def _arm(self, process: Process) -> None:
        at = next_deadline(process.state)
        process.timer += 1
        if at is None:
            return
        timer = process.timer

        def ring() -> None:
            if process.timer == timer:
                self.deliver(process, Tick())

        # A microsecond later: timers never ring early, and sums with the skew are rounded.
        self.world.at(max(at - process.clock_skew_s, self.world.now) + 1e-6, ring)

    def _carry_out(self, process: Process, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case Send():
                    self.world.broadcast(self, effect)
                case ClaimVip() | RenewVip() | DropVip():
                    self._netlink(process, effect)
                case StartService() | StopService():
                    self._engine(process, effect)
                case Probe(group=group):
                    self._probe(process, group)
                case Announce(group=group):
                    self.world.note(self, f"announce {group}")
                    self.world.arp(self, group, probe=False)
                case Log():
                    self.world.log(self, effect)
                case Exit():
                    self.process = None

    def _when_awake(self, process: Process, act: Callable[[], None]) -> Callable[[], None]:
        """Work inside the process stands still with it and dies with it."""
        def run() -> None:
            if process is not self.process:
                return
            if not self.awake:
                process.inbox.append(run)
                return
            act()

        return run

    # LAN -----------------------------------------------------------------------------------------

    @property
    def mac(self) -> str:
        return f"02:00:00:00:00:{self.config.servers.index(self.name) + 1:02x}"

    def _probe(self, process: Process, group: str) -> None:
        if not self.lan:
            self.world.at(self.world.now, lambda: self.deliver(process, ProbeFailed(group, "no carrier")))
            return
        self.world.arp(self, group, probe=True)

    def hear_arp(self, group: str, sender: Server, *, probe: bool) -> None:
        """A probe or an announcement of another host arrives. The kernel answers, whatever we do."""
        if not self.reachable():
            return
        if probe and group in self.addresses:
            self.world.at(self.world.now + ARP_S, lambda: sender.hear_arp(group, self, probe=False))
        mine = self.group(group)
        listens = mine is not None and mine.listens
        if self.process is not None and listens and (not probe or sender.mac < self.mac):
            self.deliver(self.process, ProbeAnswered(group, sender.mac, only_asks=probe))

    # Kernel --------------------------------------------------------------------------------------

    def _netlink(self, process: Process, effect: ClaimVip | RenewVip | DropVip) -> None:
        process.vip_free_at = max(process.vip_free_at, self.world.now) + self.mood.kernel_s
        process.vip_busy += 1

        def run() -> None:
            process.vip_busy -= 1
            answer = self._change_address(effect)
            if answer is not None:
                self.deliver(process, answer)

        self.world.at(process.vip_free_at, self._when_awake(process, run))

    def _change_address(self, effect: ClaimVip | RenewVip | DropVip) -> Event | None:
        group, mood = effect.group, self.mood
        match effect:
            case ClaimVip():
                if mood.claims_fail > 0:
                    mood.claims_fail -= 1
                    return VipClaimFailed(group, "kernel says no")
                self._lease(group, self.world.now + effect.lease_s)
                return VipClaimed(group)
            case RenewVip():
                if group not in self.addresses:
                    return VipObserved(group, present=False)
                self._lease(group, self.world.now + effect.lease_s)
                return None
            case DropVip():
                if mood.drops_fail > 0 and group in self.addresses:
                    mood.drops_fail -= 1
                    return VipDropFailed(group, "kernel says no")
                self.addresses.pop(group, None)
                return VipDropped(group)

    def _lease(self, group: str, expires: float) -> None:
        """The kernel looks at lifetimes now and then: gone 0.2 to 1.2 s after the end (measured)."""
        self.addresses[group] = expires

        def expire() -> None:
            if self.addresses.get(group) == expires and not self.suspended:
                del self.addresses[group]

        self.world.at(expires + 0.2 + self.world.rng.random(), expire)

    def flush(self, group: str) -> None:
        """Another tool of the host takes the address away."""
        self.addresses.pop(group, None)

    # Engine --------------------------------------------------------------------------------------

    def _engine(self, process: Process, effect: StartService | StopService) -> None:
        if self.mood.engine_hangs:
            return
        process.engine_free_at = max(process.engine_free_at, self.world.now) + self.mood.engine_s

        def run() -> None:
            if not self.powered or self.suspended:
                return
            seen, reason = self._change_container(effect)
            self.deliver(process, ServiceObserved(effect.service, seen, reason))

        self.world.at(process.engine_free_at, run)

    def _change_container(self, effect: StartService | StopService) -> tuple[ServiceState, str]:
        service = effect.service
        if self.mood.engine_fails > 0:
            self.mood.engine_fails -= 1
            seen = ServiceState.RUNNING if self.running[service] else ServiceState.STOPPED
            return seen, "engine says no"
        if isinstance(effect, StopService):
            self.running[service] = False
            return ServiceState.STOPPED, ""
        if not self._guard_content(service):
            return ServiceState.STOPPED, "exited: address not here"
        self.running[service] = True
        self._guard_later(service)
        return ServiceState.RUNNING, ""

    def _guard_content(self, service: str) -> bool:
        return any(service in one.services and one.name in self.addresses for one in self.config.groups)

    def _guard_later(self, service: str) -> None:
        def poll() -> None:
            if not self.running[service] or self.suspended:
                return
            if self._guard_content(service):
                self._guard_later(service)
            else:
                self.running[service] = False

        self.world.at(self.world.now + GUARD_S, poll)

    def kill_service(self, service: str) -> None:
        self.running[service] = False

    def _look_later(self, process: Process) -> None:
        """The agent reads the truth again now and then, never between a command and its answer."""
        def look() -> None:
            if process.vip_busy == 0:
                for one in self.config.groups:
                    self.deliver(process, VipObserved(one.name, one.name in self.addresses))
            if not self.mood.engine_hangs:
                for service, running in self.running.items():
                    seen = ServiceState.RUNNING if running else ServiceState.STOPPED
                    self.deliver(process, ServiceObserved(service, seen))
            if process is self.process:
                self._look_later(process)

        self.world.at(self.world.now + LOOK_S, self._when_awake(process, look))
