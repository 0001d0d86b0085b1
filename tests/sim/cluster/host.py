"""A simulated server: power, a kernel with addresses, containers, a LAN attachment, and a sidecar.

Kernel and containers go on when the sidecar is killed or frozen, as on a real host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twinboot.core.events import HeartbeatReceived, LeaveRequested, SiteApplied
from twinboot.core.model import ClusterConfig

from . import asking
from .engine import Engine
from .kernel import Kernel
from .lan import LanAttachment
from .sidecar import Process

if TYPE_CHECKING:
    from .world import World

RESTART_S = 0.3
RECEIVE_QUEUE = 400
"""Capacity of a socket's buffer, in datagrams, for a process that does not read."""


class Server:
    """One host. World calls its verbs; it calls back the world's clock, network and judge."""

    def __init__(self, world: World, config: ClusterConfig) -> None:
        self.world = world
        self.config = config
        self.next_config = config
        """What the site file says now; the process works by it from its next start on."""
        self.name = config.me
        self.powered = False
        self.suspended = False
        self.frozen = False
        self.has_left = False
        """The site does not name it any more; it is not started again."""
        self.process: Process | None = None
        self.ran_since = 0.0
        """When it was last switched on or woken."""
        self.clock_rate = 1.0
        self.clock_zero_s: float | None = None
        """Origin of the next process's clock; None: random."""
        self.kernel = Kernel(world, self.address_of)
        self.engine = Engine(self)
        self.plug = LanAttachment(self, config.servers.index(config.me) + 1)

    # What others can see of it ------------------------------------------------------------------

    @property
    def runs(self) -> bool:
        """The host and its kernel run."""
        return self.powered and not self.suspended

    @property
    def awake(self) -> bool:
        """A sidecar process runs and gets CPU time."""
        return self.process is not None and not self.frozen and not self.suspended

    @property
    def addresses(self) -> dict[str, float]:
        return self.kernel.addresses

    def reachable(self) -> bool:
        """Clients in its partition of the LAN reach it."""
        return self.runs and self.plug.whole

    def address_of(self, group: str) -> str:
        """The group's address by this server's site file."""
        return next(one.address for one in self.config.groups if one.name == group)

    def answers(self, address: str) -> bool:
        """Whether this host would answer a client's ARP request for the address."""
        return address in self.kernel.addresses and self.reachable()

    def serves(self, service: str) -> bool:
        return self.engine.running[service] and self.reachable()

    # Power and process ---------------------------------------------------------------------------

    def power_on(self) -> None:
        if not self.powered:
            self.powered, self.ran_since = True, self.world.now
            self.start()

    def power_off(self) -> None:
        if self.powered:
            asking.cable_falls(self)
        self.powered = self.suspended = self.frozen = self.kernel.frozen = False
        self.process = None
        self.addresses.clear()
        self.engine.off()

    def start(self) -> None:
        """Start a new sidecar process; addresses and containers are as the last one left them."""
        if not self.powered or self.process is not None or self.suspended:
            return
        self.frozen = False
        if self.world.applying is not None:
            self.world.applying.start(self)
            if self.has_left:
                return
        if self.config != self.next_config:
            self.config = self.next_config
            self.world.sites_changed()
        rng = self.world.rng
        boot, zero_s = rng.getrandbits(64), rng.random() * 1000.0
        zero_s = zero_s if self.clock_zero_s is None else self.clock_zero_s
        self.process = Process(self, boot=boot, zero_s=zero_s)
        self.process.begin()

    def set_site(self, config: ClusterConfig) -> None:
        """Another site file: the process leaves in order, and is started anew with it."""
        if config == self.next_config and config.site == self.next_config.site:
            return
        self.next_config = config
        if self.process is None:
            self.config = config
        elif config == self.config and config.site is not None:
            self.process.deliver(SiteApplied(config.site))
        else:
            self.process.deliver(LeaveRequested())

    def leave_for_good(self) -> None:
        """The site does not name it any more: the process leaves in order, and no other one is started."""
        self.has_left = True
        if self.process is not None:
            self.process.deliver(LeaveRequested())

    def exited(self) -> None:
        """The process ended by itself. The restart policy starts it again if that was for another site."""
        self.process = None
        self.world.changed = True
        if self.next_config != self.config:
            self.world.at(self.world.now + RESTART_S, self.start)

    def kill(self) -> None:
        """SIGKILL: kernel and containers do not notice."""
        self.process, self.frozen = None, False

    def freeze(self) -> None:
        self.frozen = self.process is not None

    def thaw(self) -> None:
        if self.frozen:
            self.frozen = False
            self._catch_up()

    def stall(self, seconds: float) -> None:
        """The sidecar gets no CPU time for a while."""
        if self.awake:
            self.freeze()
            self.world.at(self.world.now + seconds, self._stalled, self.process)

    def _stalled(self, process: Process) -> None:
        if self.process is process:
            self.world.changed = True
            self.thaw()

    def suspend(self) -> None:
        """The whole virtual machine is suspended; its kernel's time stops, too."""
        if self.powered and not self.suspended:
            self.suspended = self.kernel.frozen = True
            self._suspended_at = self.world.now

    def resume(self) -> None:
        if not self.suspended:
            return
        self.suspended = self.kernel.frozen = False
        self.ran_since = self.world.now
        self.kernel.postpone(self.world.now - self._suspended_at)
        for service, running in self.engine.running.items():
            if running:
                self.engine.schedule_guard(service)
        if not self.frozen:
            self._catch_up()

    def _catch_up(self) -> None:
        if self.process is not None:
            self.process.catch_up()

    def receive(self, link: str, event: HeartbeatReceived) -> None:
        """A datagram arrives at the host."""
        process = self.process
        if process is None or not self.runs:
            return
        if self.frozen and len(process.pending) >= RECEIVE_QUEUE:
            return
        process.deliver(event)

    def repair_all(self) -> None:
        """Repair everything that can be repaired from outside; a host that is off or has left stays so."""
        self.kernel.clear_faults()
        self.engine.clear_faults()
        self.plug.partition = self.plug.probes_fail = 0
        self.plug.loss = 0.0
        self.plug.filtered = False
        for daemon in self.engine.daemons.values():
            daemon.failing = daemon.restart_resistant = False
        self.resume()
        self.thaw()
        self.plug.set_state()
