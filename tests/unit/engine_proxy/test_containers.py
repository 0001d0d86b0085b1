"""The engine proxy's Docker part against a small stand-in for Docker's low-level API."""

from __future__ import annotations

from typing import Any

import pytest
from twinboot.core.model import ServiceState
from twinboot.engine_proxy.containers import Containers, EngineUnreachable
from twinboot.errors import ResourceError
from twinboot.wire.ipc.engine_proxy import DIALECT_LABEL


class Api:
    """Containers as `GET /containers/json` lists them, and a record of what was done."""

    def __init__(self, *containers: dict[str, Any]) -> None:
        self.rows = list(containers)
        self.done: list[tuple[str, str]] = []
        self.error: Exception | None = None
        self.careless = False

    def containers(self, *, all: bool, filters: dict[str, str]) -> list[dict[str, Any]]:
        if self.error is not None:
            raise self.error
        assert all
        key, value = filters["label"].split("=")
        return [row for row in self.rows if self.careless or row["Labels"].get(key) == value]

    def start(self, ident: str) -> None:
        self.done.append(("start", ident))

    def stop(self, ident: str, *, timeout: int) -> None:
        self.done.append(("stop", ident))

    def restart(self, ident: str, *, timeout: int) -> None:
        self.done.append(("restart", ident))


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
