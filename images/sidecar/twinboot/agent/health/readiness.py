"""Finds out whether this server could take over: looks every few seconds, and has mended what can be.

* Every daemon has a container. One that was removed (`docker container prune` takes exactly the stopped ones)
  is made again by the engine proxy; if it cannot, that is a lack. So is the one-shot `render`, without which
  no other site can be taken into use here; `apply` is refused then, but a take-over needs it not.
* A managed daemon that does not run here accepts its rendered configuration: tried with the daemon itself
  when the files change, and every TRIAL_EVERY_S.
* What other parts found, and told as alarms of this server whose kind names a lack (alarms.AlarmKind).

The core gets the whole list as one event. Asks in a thread of its own: the engine may hang.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from twinboot.adapters import clock
from twinboot.alarms import Alarm, find
from twinboot.core.effects import LogLevel
from twinboot.core.events import Event, ReadinessObserved
from twinboot.core.model import Lack, LackKind, ServiceState
from twinboot.errors import CONFIGURATION, ENGINE, ResourceError
from twinboot.log import log_event
from twinboot.wire.ipc.engine_proxy import NOT_UNDERSTOOD, ONE_SHOTS

from ..worker import Worker
from .services import Services

if TYPE_CHECKING:
    from ..loop import Agent
    from ..settings import Settings

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
TRIAL_EVERY_S = 600.0
MISSING_LOOKS = 3
"""So many looks in a row: whoever replaces a container has one of the two at any moment."""
_NO_IMAGE = "no such image"

_OF_MANAGED = frozenset((LackKind.ENGINE, LackKind.LEASES))
"""Lacks of the managed services, not of the whole server."""


class Engine(Protocol):
    """adapters.engine.EngineProxyClient, or a stand-in."""

    def present(self, services: Iterable[str]) -> frozenset[str]: ...
    def create(self, service: str) -> None: ...
    def try_configuration(self, service: str) -> None: ...


class ReadinessMonitor:
    """managed: services that run only where their group is held. tried: those of them whose configuration can
    be tried. running: whether such a one runs here. files: what changes with the rendered files.

    repair: called on the loop with a daemon whose container was made again, for it does not run yet.
    """

    def __init__(
        self, engine: Engine, *, server: str, everywhere: tuple[str, ...], managed: tuple[str, ...],
        one_shots: tuple[str, ...], tried: tuple[str, ...], running: Callable[[str], bool],
        files: Callable[[], str], alarms: Callable[[], Iterable[Alarm]], handle: Callable[[Event], None],
        repair: Callable[[str], None], now: Callable[[], float],
    ) -> None:
        self._engine, self._server = engine, server
        self._everywhere, self._managed, self._tried = everywhere, managed, tried
        self._one_shots = one_shots
        self._running, self._files, self._alarms = running, files, alarms
        self._handle, self._repair, self._now = handle, repair, now
        self._missing: dict[str, int] = {}
        self._kinds: dict[str, LackKind] = {}
        """What the latest looks found of a service."""
        self._trials: dict[str, tuple[str, float]] = {}
        self._worker = Worker("readiness")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Needs the running loop."""
        self._loop = asyncio.get_running_loop()
        self._turn()

    def close(self) -> None:
        """Does not wait."""
        if self._timer is not None:
            self._timer.cancel()
        self._worker.close(0.0)

    def lacks(self) -> tuple[Lack, ...]:
        """What this server lacks at this moment."""
        found = dict.fromkeys(
            Lack(service, kind) for service, kind in sorted(dict(self._kinds).items())
            if service not in self._one_shots
        )  # fmt: skip
        for alarm in self._alarms():
            kind = find(alarm.code)
            if kind is None or not kind.lack or alarm.subject.split("/")[0] != self._server:
                continue
            lack = LackKind(kind.lack)
            found |= {Lack(one, lack): None for one in (self._managed if lack in _OF_MANAGED else ("",))}
        return tuple(found)

    def look(self) -> tuple[str, ...]:
        """In the thread: ask the engine, mend what can be mended. The daemons whose container was made again.
        """
        services = (*self._everywhere, *self._managed, *self._one_shots)
        try:
            present = self._engine.present((*self._everywhere, *self._managed)) | self._one_shots_present()
        except ResourceError as exc:
            log.debug("readiness: %s", exc)  # an alarm of Services
            return ()
        made = []
        for service in services:
            if service in present:
                self._missing.pop(service, None)
                if self._kinds.get(service) in (LackKind.CONTAINER, LackKind.IMAGE):
                    del self._kinds[service]
                continue
            self._missing[service] = self._missing.get(service, 0) + 1
            if self._missing[service] >= MISSING_LOOKS and self._make_again(service):
                made.append(service)
        for service in self._tried:
            if service in present or service in made:
                self._try(service)
        return tuple(made)

    def _one_shots_present(self) -> frozenset[str]:
        """Asked for by themselves: an older engine proxy does not know them, and then nothing is missing."""
        try:
            return self._engine.present(self._one_shots)
        except ResourceError as exc:
            if exc.resource != NOT_UNDERSTOOD:
                raise
            return frozenset(self._one_shots)

    def _make_again(self, service: str) -> bool:
        try:
            self._engine.create(service)
        except ResourceError as exc:
            if exc.resource == ENGINE:
                return False
            kind = LackKind.IMAGE if _NO_IMAGE in exc.reason.lower() else LackKind.CONTAINER
            if self._kinds.get(service) is not kind:
                log_event(log, LogLevel.WARNING, "container-missing", service=service, reason=str(exc))
            self._kinds[service] = kind
            return False
        log_event(log, LogLevel.WARNING, "container-made-again", service=service)
        self._missing.pop(service, None)
        self._kinds.pop(service, None)
        return True

    def _try(self, service: str) -> None:
        """Tries the rendered files; a running service counts as tried."""
        files, now = self._files(), self._now()
        if self._running(service):
            self._trials[service] = (files, now)
            self._kinds.pop(service, None)
            return
        tried = self._trials.get(service)
        if tried is not None and tried[0] == files and now < tried[1] + TRIAL_EVERY_S:
            return
        self._trials[service] = (files, now)
        try:
            self._engine.try_configuration(service)
        except ResourceError as exc:
            if exc.resource != CONFIGURATION:
                log.debug("readiness: %s", exc)  # it could not be tried: nothing is known
                return
            log_event(log, LogLevel.WARNING, "configuration-refused", service=service, reason=exc.reason)
            self._kinds[service] = LackKind.CONFIGURATION
        else:
            self._kinds.pop(service, None)

    def _turn(self) -> None:
        """Begins a look, and the next one after a pause; on the loop."""
        assert self._loop is not None
        self._timer = self._loop.call_later(LOOK_EVERY_S, self._turn)
        if not self._worker.unfinished:
            self._worker.submit(self._run)

    def _run(self) -> None:
        made = self.look()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._looked, made)

    def _looked(self, made: tuple[str, ...]) -> None:
        for service in made:
            if service in self._everywhere:
                self._repair(service)
        self._handle(ReadinessObserved(self.lacks()))


def build_readiness(
    agent: Agent, settings: Settings, engine: Engine, services: Services, current: Path
) -> ReadinessMonitor:
    """current: the link to the rendered files in use."""

    def running(service: str) -> bool:
        return agent.state.services[service].observed is ServiceState.RUNNING

    def files() -> str:
        try:
            return str(current.readlink())
        except OSError:
            return ""

    return ReadinessMonitor(
        engine, server=settings.cluster.me, everywhere=settings.cluster.daemons, managed=settings.services,
        one_shots=ONE_SHOTS, tried=settings.services,
        running=running, files=files, alarms=agent.alarms.look, handle=agent.handle, repair=services.repair,
        now=clock.now,
    )
