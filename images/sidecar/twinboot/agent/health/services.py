"""The threads of the Docker engine: one starts, stops and looks at managed services and restarts changed
ones, the other repairs what every server runs, so that dhcpd need not wait while a hanging daemon is ended.

An engine that hangs blocks these threads and nothing else. Each outcome becomes an event.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

from twinboot.adapters import clock
from twinboot.alarms import Condition, kinds
from twinboot.core.effects import LogLevel, RestartService, StartService, StopService
from twinboot.core.events import Event, ServiceObserved
from twinboot.core.model import ServiceState
from twinboot.errors import ENGINE, ResourceError
from twinboot.log import log_event

from ..worker import Worker

log = logging.getLogger(__name__)

REPAIR_COOLDOWN_S = 2.0


class ContainerEngine(Protocol):
    """adapters.engine.EngineProxyClient (asks the engine proxy), or a stand-in."""

    def states(self, services: Iterable[str]) -> Mapping[str, ServiceState]: ...
    def start(self, service: str) -> None: ...
    def stop(self, service: str) -> None: ...
    def restart(self, service: str) -> None: ...


class ServiceData(Protocol):
    """Prepares and saves a service's data, in the services' thread: agent.dhcp.leases.ClusterLeases."""

    def serving(self, service: str) -> bool: ...
    def before_start(self, service: str) -> None: ...
    def after_stop(self, service: str) -> None: ...
    def observed(self, service: str, state: ServiceState) -> None: ...


class Permit(Protocol):
    """What a managed service may serve, for its guard: adapters.permit.ServePermit."""

    def grant(self) -> None: ...
    def withdraw(self) -> None: ...


class Services:
    """post: called from the thread with each event. permits: by service that has a guard."""

    service_data: ServiceData | None = None
    permits: Mapping[str, Permit] = MappingProxyType({})

    def __init__(
        self, services: tuple[str, ...], engine: ContainerEngine, post: Callable[[Event], None]
    ) -> None:
        self._services = services
        self._engine = engine
        self._post = post
        self._observing = False
        self._fault = ""
        self._worker = Worker("services")
        self._repairs = Worker("repairs")
        self._under_repair: set[str] = set()
        self._repaired_at: dict[str, float] = {}

    @property
    def fault(self) -> str:
        """Why the engine does not answer, or empty."""
        return self._fault

    def alarm_conditions(self, server: str) -> list[Condition]:
        text = f"the Docker engine does not answer: {self._fault}"
        return [kinds.ENGINE_SILENT.on(server, text)] if self._fault else []

    def carry_out(self, effect: StartService | StopService | RestartService) -> None:
        if isinstance(effect, StartService):
            self._worker.submit(lambda: self._start(effect.service))
        elif isinstance(effect, StopService):
            self._worker.submit(lambda: self._stop(effect.service))
        elif effect.service in self._services:
            # Queued behind its starts and stops: a repair must not start what was stopped since.
            self._worker.submit(lambda: self._repair(effect.service))
        else:
            self.repair(effect.service)

    def repair(self, service: str) -> None:
        """Restart what every server runs, unless a repair of it is under way or has ended just now."""
        if service not in self._under_repair and not self._in_cooldown(service):
            self._under_repair.add(service)
            self._repairs.submit(lambda: self._repair(service))

    def observe(self) -> None:
        """Query the state of every managed service; at most one query waits."""
        if self._services and not self._observing:
            self._observing = True
            self._worker.submit(self._observe)

    def restart(self, service: str, done: Callable[[bool], None]) -> None:
        """Restart a service with its new configuration; a managed one only where it runs."""
        self._worker.submit(lambda: done(self._restart(service)))

    def submit(self, job: Callable[[], None]) -> None:
        """Run another slow job (reading files) in the services' thread."""
        self._worker.submit(job)

    def close(self, limit_s: float) -> bool:
        self._repairs.close(0.0)
        return self._worker.close(limit_s)

    def _start(self, service: str) -> None:
        try:
            if self.service_data is not None:
                if self.service_data.serving(service):  # as last observed; it may have stopped since
                    self.service_data.observed(service, self._engine.states([service])[service])
                self.service_data.before_start(service)
            if service in self.permits:
                self.permits[service].grant()
            self._engine.start(service)
            state = self._engine.states([service])[service]
        except ResourceError as exc:
            self._command_failed(service, exc)
            return
        reason = "ended right after its start" if state is ServiceState.STOPPED else ""
        self._post(ServiceObserved(service, state, reason))

    def _stop(self, service: str) -> None:
        try:
            if service in self.permits:
                self.permits[service].withdraw()
            self._engine.stop(service)
            if self.service_data is not None:
                self.service_data.after_stop(service)
        except ResourceError as exc:
            self._command_failed(service, exc)
        else:
            self._post(ServiceObserved(service, ServiceState.STOPPED))

    def _command_failed(self, service: str, exc: ResourceError) -> None:
        """When the engine itself failed, report that now: the next query may wait behind other jobs."""
        if exc.resource == ENGINE:
            self._engine_failed(exc)
        self._post(ServiceObserved(service, ServiceState.UNKNOWN, str(exc)))

    def _observe(self) -> None:
        try:
            states = self._engine.states(self._services)
        except ResourceError as exc:
            self._engine_failed(exc)
            states = {}
        else:
            if self._fault:
                log_event(log, LogLevel.INFO, "engine-works-again")
            self._fault = ""
        finally:
            self._observing = False
        for service, state in states.items():
            if self.service_data is not None:
                self.service_data.observed(service, state)
            self._post(ServiceObserved(service, state))

    def _engine_failed(self, exc: ResourceError) -> None:
        """The engine failed a call: which services run is unknown until it answers again."""
        if not self._fault:
            log_event(log, LogLevel.WARNING, "engine-failed", resource=exc.resource, reason=exc.reason)
            for service in self._services:
                self._post(ServiceObserved(service, ServiceState.UNKNOWN))
        self._fault = exc.reason

    def _repair(self, service: str) -> None:
        """One try. An operator may be replacing the container just now: the probes show the result."""
        try:
            self._engine.restart(service)
        except ResourceError as exc:
            log_event(log, LogLevel.WARNING, "service-repair-failed", service=service, reason=exc.reason)
        else:
            log_event(log, LogLevel.INFO, "service-restarted", service=service, reason="it did not serve")
        finally:
            self._repaired_at[service] = clock.now()
            self._under_repair.discard(service)

    def _in_cooldown(self, service: str) -> bool:
        """A repair ended just now, and a slow engine may still carry it out: another one would undo it."""
        return clock.now() < self._repaired_at.get(service, -REPAIR_COOLDOWN_S) + REPAIR_COOLDOWN_S

    def _restart(self, service: str) -> bool:
        try:
            idle = self._engine.states([service])[service] is not ServiceState.RUNNING
            if idle and service in self._services:
                return True
            self._engine.restart(service)
        except ResourceError as exc:
            log_event(log, LogLevel.ERROR, "service-restart-failed", service=service, reason=str(exc))
            return False
        log_event(
            log, LogLevel.INFO, "service-restarted", service=service, reason="its configuration changed"
        )
        return True
