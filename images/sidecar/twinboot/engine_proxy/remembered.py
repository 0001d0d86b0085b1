"""What the containers of this stack were made from, as the engine described them while they were there.

So a container that was removed can be made again as Compose left it: same name, labels, image, mounts and
capabilities. Nothing that the sidecar says goes into it but the name of the service. Kept in memory: after
a restart of the engine proxy only what is seen anew is known, and for the rest `make up` is the way.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from twinboot.errors import ResourceError

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
ONEOFF_LABEL = "com.docker.compose.oneoff"
_TRIAL_LIMIT_S = 4
_TRIAL_LINES = 8
_HOST_BOUND = ("Hostname", "Domainname", "MacAddress")
"""Keys of the description that the engine filled in from the host."""


class Remembered:
    """One for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trial = threading.Lock()
        self._described: dict[str, Mapping[str, Any]] = {}

    def note(self, api: Any, containers: Mapping[str, Mapping[str, Any]]) -> None:
        """Remembers the descriptions of containers that are new. containers: by service, as the engine lists
        them."""
        for service, container in containers.items():
            known = self._described.get(service)
            if known is None or known["Id"] != container["Id"]:
                try:
                    described = api.inspect_container(str(container["Id"]))
                except Exception as exc:
                    if not _not_found(exc):
                        raise
                    continue  # removed since it was listed
                with self._lock:
                    self._described[service] = described

    def knows(self, service: str) -> bool:
        return service in self._described

    def create(self, api: Any, service: str) -> str:
        """Make it again; its id."""
        described = self._described[service]
        with self._lock:
            made = api.create_container_from_config(
                _description(api, described), name=str(described["Name"]).lstrip("/"))
        return str(made["Id"])

    def run_once(self, api: Any, service: str, command: tuple[str, ...], project: str) -> tuple[int, str]:
        """Run the command in a container like the service's, without network; code and last lines.

        One at a time, and it is removed again whatever becomes of it.
        """
        described = self._described.get(service)
        if described is None:
            raise ResourceError(f"service {service}", f"has no container in the project {project}")
        config = _description(api, described)
        config |= {"Cmd": [*command], "Healthcheck": {"Test": ["NONE"]}}
        config["Labels"] = {PROJECT_LABEL: project, SERVICE_LABEL: service, ONEOFF_LABEL: "True"}
        config["HostConfig"] = {
            **config["HostConfig"], "NetworkMode": "none", "RestartPolicy": {"Name": "no"},
            "AutoRemove": False,
        }
        name = f"{project}-{service}-trial"
        with self._trial:
            _remove(api, name)  # an earlier engine proxy may have been ended meanwhile
            ident = str(api.create_container_from_config(config, name=name)["Id"])
            try:
                api.start(ident)
                code = int(api.wait(ident, timeout=_TRIAL_LIMIT_S)["StatusCode"])
                lines = api.logs(ident, tail=_TRIAL_LINES).decode(errors="replace")
            finally:
                _remove(api, ident)
        return code, " ".join(lines.split())


def _description(api: Any, described: Mapping[str, Any]) -> dict[str, Any]:
    config = {key: value for key, value in described["Config"].items() if key not in _HOST_BOUND}
    config["HostConfig"] = described["HostConfig"]
    if not _same_image(api, str(config.get("Image", "")), str(described["Image"])):
        config["Image"] = described["Image"]  # the name means another image by now
    return config


def _same_image(api: Any, name: str, ident: str) -> bool:
    try:
        return str(api.inspect_image(name)["Id"]) == ident
    except Exception as exc:
        if not _not_found(exc):
            raise
        return False


def _remove(api: Any, container: str) -> None:
    try:
        api.remove_container(container, force=True, v=True)
    except Exception as exc:
        if not _not_found(exc):
            raise


def _not_found(exc: Exception) -> bool:
    """docker.errors.NotFound, without loading the library for it."""
    return getattr(getattr(exc, "response", None), "status_code", 0) == 404
