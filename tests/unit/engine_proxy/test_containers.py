"""The engine proxy's Docker part against a small stand-in for Docker's low-level API."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twinboot.core.model import ServiceState
from twinboot.engine_proxy.containers import Containers, EngineUnreachable
from twinboot.engine_proxy.remembered import Remembered
from twinboot.errors import CONFIGURATION, ResourceError
from twinboot.wire.ipc.engine_proxy import DIALECT_LABEL


class Api:
    """Containers as `GET /containers/json` lists them, and a record of what was done."""

    def __init__(self, *containers: dict[str, Any]) -> None:
        self.rows = list(containers)
        self.done: list[tuple[str, str]] = []
        self.error: Exception | None = None
        self.careless = False
        self.images = {"twinboot/dhcpd:1": "sha256:1"}
        self.made: list[tuple[str, dict[str, Any]]] = []
        self.code = 0
        self.said = b""

    def containers(self, *, all: bool, filters: dict[str, str]) -> list[dict[str, Any]]:
        if self.error is not None:
            raise self.error
        assert all
        key, value = filters["label"].split("=")
        return [row for row in self.rows if self.careless or row["Labels"].get(key) == value]

    def inspect_container(self, ident: str) -> dict[str, Any]:
        service = next(row["Labels"]["com.docker.compose.service"] for row in self.rows if row["Id"] == ident)
        labels = next(row["Labels"] for row in self.rows if row["Id"] == ident)
        return {
            "Id": ident, "Name": f"/twinboot-{service}-1", "Image": "sha256:1",
            "Config": {
                "Image": f"twinboot/{service}:1", "Cmd": [service], "Hostname": "host", "Labels": labels,
            },
            "HostConfig": {"NetworkMode": "host", "CapDrop": ["ALL"], "RestartPolicy": {"Name": "always"}},
        }

    def inspect_image(self, name: str) -> dict[str, Any]:
        if name not in self.images:
            raise NotFound
        return {"Id": self.images[name]}

    def create_container_from_config(self, config: dict[str, Any], *, name: str) -> dict[str, Any]:
        if config["Image"] not in (*self.images, *self.images.values()):
            raise NotFound
        self.made.append((name, config))
        labels = config["Labels"]
        self.rows.append({"Id": f"made{len(self.made)}", "State": "created", "Created": 9, "Labels": labels})
        return {"Id": f"made{len(self.made)}"}

    def wait(self, ident: str, *, timeout: int) -> dict[str, int]:
        assert timeout
        return {"StatusCode": self.code}

    def logs(self, ident: str, *, tail: int) -> bytes:
        return self.said

    def remove_container(self, ident: str, *, force: bool, v: bool) -> None:
        assert (force, v) == (True, True)
        if ident not in [row["Id"] for row in self.rows]:
            raise NotFound
        self.rows = [row for row in self.rows if row["Id"] != ident]

    def start(self, ident: str) -> None:
        self.done.append(("start", ident))

    def stop(self, ident: str, *, timeout: int) -> None:
        self.done.append(("stop", ident))

    def restart(self, ident: str, *, timeout: int) -> None:
        self.done.append(("restart", ident))


class NotFound(Exception):
    """As the SDK's: the engine's answer hangs on it."""

    response = SimpleNamespace(status_code=404)
    explanation = "No such image: twinboot/dhcpd:1"


class Client:
    def __init__(self, api: Api) -> None:
        self.api = api
        self.closed = False

    def close(self) -> None:
        self.closed = True


def row(ident: str, service: str, state: str, *, created: int = 1, **labels: str) -> dict[str, Any]:
    base = {"com.docker.compose.project": "twinboot", "com.docker.compose.service": service}
    return {"Id": ident, "State": state, "Created": created, "Labels": {**base, **labels}}


def engine(api: Api) -> Containers:
    made = Containers("twinboot")
    made._client = Client(api)  # type: ignore[assignment]
    return made


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("created", ServiceState.STOPPED), ("exited", ServiceState.STOPPED), ("dead", ServiceState.STOPPED),
        ("running", ServiceState.RUNNING), ("restarting", ServiceState.STARTING),
        ("removing", ServiceState.STOPPING), ("paused", ServiceState.UNKNOWN),
    ],
)
def test_states(word: str, state: ServiceState) -> None:
    assert engine(Api(row("a", "dhcpd", word))).states(["dhcpd"]) == {"dhcpd": state}


def test_no_container_is_stopped_and_stopping_it_is_no_error() -> None:
    api = Api(row("a", "dhcpd", "running") | {"Labels": {"com.docker.compose.project": "other"}})
    assert engine(api).states(["dhcpd"]) == {"dhcpd": ServiceState.STOPPED}
    engine(api).stop("dhcpd")
    assert api.done == []


def test_a_container_of_another_project_is_never_ours_whatever_the_engine_lists() -> None:
    api = Api(row("a", "dhcpd", "running") | {"Labels": {
        "com.docker.compose.project": "other", "com.docker.compose.service": "dhcpd"}})
    api.careless = True
    engine(api).stop("dhcpd")
    with pytest.raises(ResourceError, match="has no container"):
        engine(api).restart("dhcpd")
    assert api.done == []


def test_what_has_stopped_is_not_stopped_again() -> None:
    api = Api(row("a", "dhcpd", "exited"))
    engine(api).stop("dhcpd")
    assert api.done == []


def test_newest_container_counts_and_one_offs_do_not() -> None:
    api = Api(
        row("new", "dhcpd", "running", created=5), row("old", "dhcpd", "exited", created=2),
        row("run", "dhcpd", "exited", created=9, **{"com.docker.compose.oneoff": "True"}),
    )
    made = engine(api)
    assert made.states(["dhcpd"]) == {"dhcpd": ServiceState.RUNNING}
    made.start("dhcpd")
    made.stop("dhcpd")
    made.restart("dhcpd")
    assert api.done == [("start", "new"), ("stop", "new"), ("restart", "new")]


def test_errors_name_the_resource_and_the_innermost_cause() -> None:
    api = Api()
    made = engine(api)
    with pytest.raises(ResourceError, match="service dhcpd: has no container in the project twinboot"):
        made.start("dhcpd")
    api.error = ConnectionError("outer")
    api.error.__cause__ = FileNotFoundError(2, "No such file or directory")
    with pytest.raises(EngineUnreachable, match=r"engine: list containers: .*No such file"):
        made.states(["dhcpd"])
    assert made._client is None, "after an error the connection is made anew"


def test_the_dialect_is_what_the_image_of_the_newest_container_names() -> None:
    label = {DIALECT_LABEL: "vsftpd-3.0"}
    api = Api(row("a", "vsftpd", "running"), row("b", "vsftpd", "running", created=2, **label),
              row("c", "httpd", "running"))
    assert engine(api).dialects(["tftp"]) == {}, "it has no container"
    assert engine(api).dialects(("vsftpd", "httpd")) == {"vsftpd": "vsftpd-3.0", "httpd": ""}


# Containers that were removed, and trials ------------------------------------------------------------


def pruned(service: str = "dhcpd") -> tuple[Api, Containers]:
    """Its container was seen, and is gone."""
    api = Api(row("a", service, "exited"))
    made = engine(api)
    assert made.dialects([service]) == {service: ""}
    api.rows.clear()
    return api, made


@pytest.mark.parametrize("verb", ["create", "start", "restart"])
def test_a_container_that_was_removed_is_made_again_as_it_was(verb: str) -> None:
    api, made = pruned()
    getattr(made, verb)("dhcpd")
    [(name, config)] = api.made
    assert name == "twinboot-dhcpd-1"
    assert config["Cmd"] == ["dhcpd"]
    assert config["Image"] == "twinboot/dhcpd:1"
    assert config["HostConfig"]["CapDrop"] == ["ALL"]
    assert config["Labels"]["com.docker.compose.service"] == "dhcpd"
    assert "Hostname" not in config, "it is the host's own"
    assert api.done == ([] if verb == "create" else [(verb, "made1")])
    made.create("dhcpd")
    assert len(api.made) == 1, "one that is there is left as it is"


def test_its_image_is_the_one_that_it_had_whatever_the_name_means_by_now() -> None:
    api, made = pruned()
    api.images = {"twinboot/dhcpd:1": "sha256:2", "": "sha256:1"}
    made.create("dhcpd")
    assert api.made[0][1]["Image"] == "sha256:1"


def test_without_its_image_it_is_not_made_and_the_engine_s_words_are_told() -> None:
    api, made = pruned()
    api.images.clear()
    with pytest.raises(ResourceError, match="No such image"):
        made.create("dhcpd")


def test_one_that_was_never_seen_is_not_made() -> None:
    api = Api()
    with pytest.raises(ResourceError, match="has no container"):
        engine(api).create("dhcpd")
    assert api.made == []


def test_the_one_shot_that_writes_the_files_is_made_again_too() -> None:
    api, made = pruned("render")
    made.start("render")
    assert [name for name, _ in api.made] == ["twinboot-render-1"]
    assert api.done == [("start", "made1")]


@pytest.mark.parametrize("service", ["sidecar", "engine-proxy", "whatever"])
def test_what_is_no_daemon_is_never_made(service: str) -> None:
    api, made = pruned(service)
    with pytest.raises(ResourceError):
        made.restart(service)
    assert api.made == []


def test_all_threads_remember_the_same() -> None:
    remembered = Remembered()
    api = Api(row("a", "dhcpd", "exited"))
    one, other = (Containers("twinboot", remembered=remembered) for _ in range(2))
    one._client = other._client = Client(api)  # type: ignore[assignment]
    one.states(["dhcpd"])
    api.rows.clear()
    other.create("dhcpd")
    assert len(api.made) == 1


def test_a_trial_runs_the_image_s_check_without_network_and_leaves_nothing() -> None:
    api = Api(row("a", "dhcpd", "exited"))
    made = engine(api)
    made.try_configuration("dhcpd")
    [(name, config)] = api.made
    assert name == "twinboot-dhcpd-trial"
    assert config["Cmd"] == ["check"]
    assert config["HostConfig"] == {
        "NetworkMode": "none", "CapDrop": ["ALL"], "RestartPolicy": {"Name": "no"}, "AutoRemove": False}
    assert config["Labels"]["com.docker.compose.oneoff"] == "True"
    assert [one["Id"] for one in api.rows] == ["a"]


@pytest.mark.parametrize(
    ("code", "resource"),
    [(78, CONFIGURATION), (1, "service dhcpd"), (127, "service dhcpd"), (137, "service dhcpd")],
)
def test_a_refusal_is_one_thing_and_a_trial_that_could_not_be_made_another(code: int, resource: str) -> None:
    api = Api(row("a", "dhcpd", "exited"))
    api.code, api.said = code, b"dhcpd.conf line 3: semicolon expected"
    with pytest.raises(ResourceError, match="line 3") as caught:
        engine(api).try_configuration("dhcpd")
    assert caught.value.resource == resource
    assert [one["Id"] for one in api.rows] == ["a"]


def test_nothing_else_is_tried() -> None:
    api = Api(row("a", "bind", "running"))
    with pytest.raises(ResourceError):
        engine(api).try_configuration("bind")
    assert api.made == []
