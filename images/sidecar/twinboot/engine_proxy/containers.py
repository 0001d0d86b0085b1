"""The Docker engine, for the containers of this stack only: state, start, stop, restart, create, try.

Used by the engine proxy alone. Every call waits for the engine, at most its time limit. A container is found
anew each time by its compose labels, for an operator may replace it at any moment. One that was removed
(`docker container prune`) is made again from what it was made from (remembered.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from twinboot.core.model import ServiceState
from twinboot.errors import CONFIGURATION, ResourceError
from twinboot.wire.ipc.engine_proxy import (
    CHECK,
    CHECK_REFUSED,
    DIALECT_LABEL,
    ONE_SHOTS,
    RESTART_ONLY,
    SERVICES,
    TRIED,
)

from .remembered import ONEOFF_LABEL, PROJECT_LABEL, SERVICE_LABEL, Remembered

if TYPE_CHECKING:
    from docker import DockerClient

_CALL_TIMEOUT_S = 5
_STOP_TIMEOUT_S = 2
"""How long a service may take to end on SIGTERM before the engine kills it: its address is to move."""
_KEPT = frozenset((*SERVICES, *RESTART_ONLY, *ONE_SHOTS))
_STATES = {
    "created": ServiceState.STOPPED,
    "exited": ServiceState.STOPPED,
    "dead": ServiceState.STOPPED,
    "removing": ServiceState.STOPPING,
    "running": ServiceState.RUNNING,
    "restarting": ServiceState.STARTING,
}


class EngineUnreachable(ResourceError):
    """Nothing listens on the engine's socket."""


class Containers:
    """The containers of one compose project. Opened when first needed, and again after an error.

    For one thread: the SDK's session is not to be shared.
    """

    def __init__(
        self, project: str, base_url: str | None = None, *, remembered: Remembered | None = None
    ) -> None:
        self._project = project
        self._remembered = remembered if remembered is not None else Remembered()
        self._base_url = base_url
        self._client: DockerClient | None = None

    def states(self, services: Iterable[str]) -> Mapping[str, ServiceState]:
        """State of each service's container. A service without a container does not run: STOPPED."""
        found = self._call("list containers", self._look)
        return {name: _state(found.get(name)) for name in services}

    def dialects(self, services: Iterable[str]) -> Mapping[str, str]:
        """The dialect that the image of each service's container names, or empty. Without a container: none.
        """
        found = self._call("list containers", self._look)
        return {name: str(found[name]["Labels"].get(DIALECT_LABEL, "")) for name in services if name in found}

    def start(self, service: str) -> None:
        """The service's container was told to run. Whether it stays up shows in states()."""
        self._call(f"start {service}", lambda api: api.start(self._id(api, service)))

    def stop(self, service: str) -> None:
        """The service's container does not run."""
        self._call(f"stop {service}", lambda api: _stop(api, self._project, service))

    def restart(self, service: str) -> None:
        """The service's container runs, started after this call."""
        self._call(f"restart {service}", lambda api: api.restart(
            self._id(api, service), timeout=_STOP_TIMEOUT_S))

    def create(self, service: str) -> None:
        """The service has a container: the one that it has, or one made from what the last one was."""
        self._call(f"create {service}", lambda api: self._id(api, service))

    def try_configuration(self, service: str) -> None:
        """The service's image accepts the rendered files. ResourceError of CONFIGURATION: it refuses them."""
        self._call(f"try {service}", lambda api: self._try(api, service))

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _look(self, api: Any) -> dict[str, Mapping[str, Any]]:
        found = _by_service(api, self._project)
        self._remembered.note(api, {name: one for name, one in found.items() if name in _KEPT})
        return found

    def _id(self, api: Any, service: str) -> str:
        container = self._look(api).get(service)
        if container is not None:
            return str(container["Id"])
        if service not in _KEPT or not self._remembered.knows(service):
            raise ResourceError(f"service {service}", f"has no container in the project {self._project}")
        return self._remembered.create(api, service)

    def _try(self, api: Any, service: str) -> None:
        if service not in TRIED:
            raise ResourceError(f"service {service}", "has no way to try its configuration")
        self._look(api)
        code, said = self._remembered.run_once(api, service, (CHECK,), self._project)
        if code == CHECK_REFUSED:
            raise ResourceError(CONFIGURATION, said or f"it ended with code {CHECK_REFUSED}")
        if code:
            raise ResourceError(f"service {service}", f"the trial ended with code {code}: {said}")

    def _call(self, what: str, verb: Any) -> Any:
        try:
            return verb(self._open().api)
        except ResourceError:
            raise
        except Exception as exc:  # docker, requests and urllib3 each raise their own
            self.close()
            cause = _cause(exc)
            gone = isinstance(cause, (FileNotFoundError, ConnectionRefusedError))
            raise (EngineUnreachable if gone else ResourceError)(f"engine: {what}", _short(cause)) from exc

    def _open(self) -> DockerClient:
        if self._client is None:
            import docker  # 25 MB and 0.3 s: a proxy that nobody uses stays small

            kwargs: dict[str, Any] = {"timeout": _CALL_TIMEOUT_S, "version": "auto"}
            if self._base_url is None:
                self._client = docker.from_env(**kwargs)
            else:
                self._client = docker.DockerClient(base_url=self._base_url, **kwargs)
        return self._client


def _by_service(api: Any, project: str) -> dict[str, Mapping[str, Any]]:
    """The newest container of each service, without those of `docker compose run`."""
    label = f"{PROJECT_LABEL}={project}"
    found: dict[str, Mapping[str, Any]] = {}
    for container in sorted(api.containers(all=True, filters={"label": label}), key=lambda c: c["Created"]):
        labels = container.get("Labels") or {}
        ours = labels.get(PROJECT_LABEL) == project and SERVICE_LABEL in labels
        if ours and labels.get(ONEOFF_LABEL, "False") != "True":
            found[labels[SERVICE_LABEL]] = container
    return found


def _stop(api: Any, project: str, service: str) -> None:
    container = _by_service(api, project).get(service)
    if container is not None and _state(container) is not ServiceState.STOPPED:
        api.stop(str(container["Id"]), timeout=_STOP_TIMEOUT_S)


def _state(container: Mapping[str, Any] | None) -> ServiceState:
    if container is None:
        return ServiceState.STOPPED
    return _STATES.get(str(container.get("State", "")).lower(), ServiceState.UNKNOWN)


def _cause(exc: BaseException) -> BaseException:
    """The innermost cause says what happened, the outer ones only where."""
    if getattr(exc, "explanation", ""):  # the engine's own words
        return exc
    inner = exc.__cause__ or exc.__context__
    return exc if inner is None or inner is exc else _cause(inner)


def _short(cause: BaseException) -> str:
    text = str(getattr(cause, "explanation", "") or cause) or type(cause).__name__
    return " ".join(text.split())[:200]
