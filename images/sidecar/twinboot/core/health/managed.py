"""One managed service (today: dhcpd) on this server: observed and wanted state, and the command under way.

Owns the rules for when a start or stop is due: one command at a time, repeated only after its time limit,
after a failure with back-off. Does not decide whether the service should run (transitions.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from ..model import ServiceState

COMMAND_LIMIT_S = 5.0
BACKOFF_S = 0.5
BACKOFF_MAX_S = 30.0
ENGINE_SILENT_S = 3.0
"""Containers are observed once a second: an engine that is silent for this long hangs."""
STEADY_S = 60.0
"""After running for this long, the back-off is reset."""


class Command(Enum):
    START = "start"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class ManagedService:
    """The record of a managed service. Times are monotonic seconds; None = not armed."""

    name: str
    group: str
    observed: ServiceState = ServiceState.UNKNOWN
    reason: str = ""
    wanted: bool = False
    command: Command | None = None
    """The command under way."""
    command_by: float | None = None
    retry_at: float | None = None
    """After a failure no command is issued before this time."""
    backoff_s: float = BACKOFF_S
    running_since: float | None = None
    observed_at: float | None = None
    """When the engine last answered."""

    @property
    def reported_state(self) -> ServiceState:
        """The state that heartbeats report: STARTING or STOPPING while a command is under way."""
        if self.command is Command.START:
            return ServiceState.STARTING
        if self.command is Command.STOP:
            return ServiceState.STOPPING
        return self.observed

    @property
    def settled(self) -> bool:
        """The observed state is the wanted one."""
        return self.observed is (ServiceState.RUNNING if self.wanted else ServiceState.STOPPED)


def set_wanted(service: ManagedService, wanted: bool) -> ManagedService:
    """Set the wanted state; a change cancels the wait for the old command and its back-off."""
    if service.wanted is wanted:
        return service
    return replace(service, wanted=wanted, command=None, command_by=None, retry_at=None, backoff_s=BACKOFF_S)


def observe(service: ManagedService, state: ServiceState, reason: str, now: float) -> ManagedService:
    """Apply an observation or an outcome. A state other than the wanted one arms the back-off."""
    before = service
    since = None
    if state is ServiceState.RUNNING:
        since = service.running_since if service.observed is ServiceState.RUNNING else now
    service = replace(service, observed=state, reason=reason, running_since=since, observed_at=now)
    if before.observed is ServiceState.UNKNOWN and state is not ServiceState.UNKNOWN:
        # The engine answers again: failures without it say nothing about the service.
        service = replace(service, retry_at=None, backoff_s=BACKOFF_S)
    if service.settled:
        return replace(service, command=None, command_by=None, retry_at=None)
    if state in (ServiceState.STARTING, ServiceState.STOPPING):
        return service
    if not service.wanted and before.observed is ServiceState.STOPPED and service.command is None:
        # Started from outside: no failure of a command, so no back-off before it is stopped.
        return replace(service, retry_at=None)
    if service.command is not None and not reason:
        return service
    if service.retry_at is None:
        service = _failed(service, before.running_since, now)
    return replace(service, command=None, command_by=None)


def stop_likely(service: ManagedService, now: float) -> bool:
    """Whether a stop is likely to be carried out soon: the engine answers and knows the container."""
    known = service.observed is not ServiceState.UNKNOWN
    return known and service.observed_at is not None and now < service.observed_at + ENGINE_SILENT_S


def command_overdue(service: ManagedService, now: float) -> bool:
    """The command under way has had no outcome for COMMAND_LIMIT_S."""
    return service.command_by is not None and now >= service.command_by


def expire_command(service: ManagedService, now: float) -> ManagedService:
    """Give up waiting for an overdue command; it may be repeated at once."""
    if not command_overdue(service, now):
        return service
    return replace(service, command=None, command_by=None, retry_at=None)


def due_command(service: ManagedService, now: float) -> Command | None:
    """The command to issue now; None: none is due."""
    if service.command is not None or service.settled:
        return None
    if service.retry_at is not None and now < service.retry_at:
        return None
    return Command.START if service.wanted else Command.STOP


def command_issued(service: ManagedService, command: Command, now: float) -> ManagedService:
    return replace(service, command=command, command_by=now + COMMAND_LIMIT_S, retry_at=None)


def _failed(service: ManagedService, was_running_since: float | None, now: float) -> ManagedService:
    steady = was_running_since is not None and now >= was_running_since + STEADY_S
    pause = BACKOFF_S if steady else service.backoff_s
    return replace(service, retry_at=now + pause, backoff_s=min(2.0 * pause, BACKOFF_MAX_S))


def deadlines(service: ManagedService) -> tuple[float | None, ...]:
    return (service.command_by, None if service.command is not None else service.retry_at)
