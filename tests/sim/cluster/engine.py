"""The containers of a simulated host: dhcpd with its guard, and the daemons that every server runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twinboot.core.effects import RestartService, StartService, StopService
from twinboot.core.events import ServiceObserved, ServiceProbed
from twinboot.core.model import Lack, LackKind, ServiceState

if TYPE_CHECKING:
    from .host import Server
    from .sidecar import Process

GUARD_S = 0.5
UP_S = 0.3
"""From the start of a daemon's container until it serves."""


@dataclass
class Daemon:
    """A service as a client's probe finds it. restart_resistant: no restart helps."""

    failing: bool = False
    restart_resistant: bool = False
    down_until: float = 0.0


class Engine:
    """slow_s: how long each command takes. hangs: it takes no command and gives no answer."""

    def __init__(self, host: Server) -> None:
        self.host = host
        self.world = host.world
        self.running = {service: False for one in host.config.groups for service in one.services}
        self.daemons = {name: Daemon() for name in (*host.config.daemons, *self.running)}
        self.restarts = 0
        self.clear_faults()

    def clear_faults(self) -> None:
        self.slow_s = 0.15
        self.fails = 0
        self.hangs = False
        self.pruned: set[str] = set()
        """Services whose container was removed while it was stopped."""
        self.trees_lost = False

    def prune(self) -> None:
        """docker container prune: what runs is left."""
        self.pruned |= {service for service, running in self.running.items() if not running}

    def lacks(self) -> tuple[Lack, ...]:
        """What the agent's look would find."""
        found = [Lack(service, LackKind.CONTAINER) for service in sorted(self.pruned)]
        return (*found, *([Lack("", LackKind.TREES)] if self.trees_lost else []))

    def off(self) -> None:
        self.running = dict.fromkeys(self.running, False)
        for one in self.daemons.values():
            one.down_until = 0.0
            one.failing &= one.restart_resistant

    def carry_out(self, process: Process, effect: StartService | StopService | RestartService) -> None:
        if self.hangs:
            return
        process.engine_free_at = max(process.engine_free_at, self.world.now) + self.slow_s
        self.world.at(process.engine_free_at, self._done, process, effect)

    def _done(self, process: Process, effect: StartService | StopService | RestartService) -> None:
        if not self.host.runs:
            return
        if isinstance(effect, RestartService):
            self._restart(effect.service)
            return
        seen, reason = self._change(effect)
        process.deliver(ServiceObserved(effect.service, seen, reason))

    def _change(self, effect: StartService | StopService) -> tuple[ServiceState, str]:
        service = effect.service
        if self.fails > 0:
            self.fails -= 1
            return self.observed_state(service), "engine says no"
        if isinstance(effect, StopService):
            self.kill(service)
            return ServiceState.STOPPED, ""
        if service in self.pruned:
            return ServiceState.STOPPED, "it has no container"
        if not self._guard_satisfied(service):
            return ServiceState.STOPPED, "exited: address not here"
        self._started(service)
        return ServiceState.RUNNING, ""

    def _restart(self, service: str) -> None:
        self.restarts += 1
        if self.fails > 0:
            self.fails -= 1
            return
        daemon = self.daemons[service]
        daemon.failing = daemon.restart_resistant
        daemon.down_until = self.world.now + UP_S
        if service in self.running:
            self.kill(service)
            if self._guard_satisfied(service) and service not in self.pruned:
                self._started(service)

    def _started(self, service: str) -> None:
        self.running[service] = True
        self.world.changed = True
        self.schedule_guard(service)

    def kill(self, service: str) -> None:
        self.running[service] = False
        self.world.changed = True

    def observed_state(self, service: str) -> ServiceState:
        return ServiceState.RUNNING if self.running[service] else ServiceState.STOPPED

    def serves(self, name: str) -> bool:
        """Whether a client that reaches the host would be served."""
        daemon = self.daemons[name]
        return not daemon.failing and self.world.now >= daemon.down_until and self.running.get(name, True)

    def probed(self, name: str) -> ServiceProbed:
        return ServiceProbed(name, "" if self.serves(name) else "does not serve")

    # dhcpd's guard: it does not start, and does not go on, without the group's address ------------

    def _guard_satisfied(self, service: str) -> bool:
        groups = self.host.config.groups
        return any(service in one.services and one.address in self.host.addresses for one in groups)

    def schedule_guard(self, service: str) -> None:
        self.world.at(self.world.now + GUARD_S, self._guard, service)

    def _guard(self, service: str) -> None:
        if not self.running[service] or not self.host.runs:
            return
        if self._guard_satisfied(service):
            self.schedule_guard(service)
        else:
            self.kill(service)
