"""The outer Docker engine.

Owns how it is called and how its failures read. What runs or changes something goes by the command line: most
of it is `docker exec` into a server with its output streamed or its status needed, and a reader can repeat
each step by hand. What is only looked at goes by the engine's API: tests look some thousand times in a run,
and a `docker` process for each look takes thirty times the processor of the answer. Knows nothing of labs.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from docker import APIClient
from docker.errors import DockerException, NotFound
from docker.utils import kwargs_from_env

PAUSE_ATTEMPTS = 6
PAUSE_AGAIN_S = 0.3


class LabError(Exception):
    """Something the lab cannot do; the text says what and, where it can, what to do about it."""


class CommandError(LabError):
    """A command that ended with another status than 0."""

    def __init__(self, result: Result) -> None:
        self.result = result
        said = (result.err.strip() or result.out.strip() or "it said nothing")[-2000:]
        super().__init__(f"`{' '.join(result.command)}` ended with status {result.code}: {said}")


@dataclass(frozen=True)
class Result:
    """A finished command."""

    command: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def ok(self) -> bool:
        return self.code == 0


def docker(*args: str, check: bool = True, timeout_s: float = 120, stdin: bytes | None = None) -> Result:
    """Run `docker ARGS` to its end."""
    command = ("docker", *args)
    try:
        done = subprocess.run(
            command, input=stdin, capture_output=True, timeout=timeout_s,
            stdin=subprocess.DEVNULL if stdin is None else None,
            start_new_session=True,  # Ctrl-C is for the driver: it cleans up, with commands that run on
        )  # fmt: skip
    except FileNotFoundError as exc:
        raise LabError("docker is not installed: run .ci/engine, or install Docker Engine") from exc
    except subprocess.TimeoutExpired as exc:
        raise LabError(f"`{' '.join(command)}` did not end within {timeout_s:g} s") from exc
    out, err = (raw.decode("utf-8", "replace") for raw in (done.stdout, done.stderr))
    result = Result(command, done.returncode, out, err)
    if check and not result.ok:
        raise CommandError(result)
    return result


def pause(container: str, run: Callable[..., Result] = docker) -> None:
    """Freeze the container's processes; `run` calls the engine that it belongs to.

    Asks again when the kernel did not get all of them to stand still, as on a machine without an idle
    processor: runc has thawed them by then and says so (its `unable to freeze`; cgroup v1).
    """
    for left in reversed(range(PAUSE_ATTEMPTS)):
        done = run("pause", container, check=False)
        if done.ok:
            return
        if not left or "unable to freeze" not in done.err:
            raise CommandError(done)
        time.sleep(PAUSE_AGAIN_S)


def docker_popen(*args: str) -> subprocess.Popen[str]:
    """Start `docker ARGS` and hand out the process, its output as text lines."""
    return subprocess.Popen(
        ("docker", *args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", start_new_session=True,
    )  # fmt: skip


def check_engine() -> None:
    """Raise unless an engine answers."""
    if not docker("version", "-f", "{{.Server.Version}}", check=False, timeout_s=20).ok:
        raise LabError("no Docker engine answers: start it, or run .ci/engine (as root) to get one")


_own = threading.local()
"""A client for each thread: its session is not made for several at once."""


def _api() -> APIClient:
    """The engine is that of the `docker` command: DOCKER_HOST names it, or the command's context."""
    if not hasattr(_own, "client"):
        known: dict[str, Any] = {**kwargs_from_env()}
        if "base_url" not in known:
            host = docker("context", "inspect", "-f", "{{.Endpoints.docker.Host}}", check=False).out.strip()
            known["base_url"] = host or None    # None: the usual place
        _own.client = APIClient(version="auto", **known)
    client: APIClient = _own.client
    return client


def _ask(question: Callable[[APIClient], Any]) -> Any:
    """The engine's answer; None when there is no such thing."""
    try:
        return question(_api())
    except NotFound:
        return None
    except (DockerException, OSError) as exc:
        raise LabError(f"the Docker engine gave no answer: {exc}") from exc


def container(name: str) -> dict[str, Any] | None:
    """As `docker inspect` shows it; None when there is none of this name."""
    found: dict[str, Any] | None = _ask(lambda api: api.inspect_container(name))
    return found


def power(name: str) -> str:
    """A container's state: created, running, paused, exited ...; `gone` when there is none."""
    found = container(name)
    return str(found["State"]["Status"]) if found else "gone"


def running(name: str) -> bool:
    """Whether the container exists and runs (paused counts as running)."""
    found = container(name)
    return bool(found and found["State"]["Running"])


def logs(name: str, *, since: float = 0.0, tail: int | None = None, stderr: bool = True) -> str:
    """What a container has printed, all or since an epoch time. LabError when there is none of this name."""
    last: Any = "all" if tail is None else tail
    begin = since if since > 0 else None
    said = _ask(lambda api: api.logs(name, stdout=True, stderr=stderr, since=begin, tail=last))
    if said is None:
        raise LabError(f"there is no container {name}")
    return bytes(said).decode("utf-8", "replace")


def has_image(tag: str) -> bool:
    return _ask(lambda api: api.inspect_image(tag)) is not None  # type: ignore[no-untyped-call]


def has_volume(name: str) -> bool:
    return _ask(lambda api: api.inspect_volume(name)) is not None


def networks() -> Sequence[dict[str, Any]]:
    """Every network, with its addresses."""
    found: list[dict[str, Any]] = _ask(lambda api: api.networks())
    return found


def network(name: str) -> dict[str, Any] | None:
    """As `docker network inspect` shows it, with the containers on it."""
    found: dict[str, Any] | None = _ask(lambda api: api.inspect_network(name))
    return found


def names(kind: str, label: str) -> list[str]:
    """Names of the `container`s (stopped ones too), `network`s or `volume`s with this label."""
    those = {"label": label}
    if kind == "container":
        found = _ask(lambda api: api.containers(all=True, filters=those))
        return [one["Names"][0].lstrip("/") for one in found]
    if kind == "network":
        return [one["Name"] for one in _ask(lambda api: api.networks(filters=those))]
    return [one["Name"] for one in _ask(lambda api: api.volumes(filters=those))["Volumes"] or []]


def read_file(container: str, path: str) -> str:
    """The text of a file in a container that need not run."""
    done = subprocess.run(("docker", "cp", f"{container}:{path}", "-"), capture_output=True)
    if done.returncode:
        raise LabError(f"cannot read {path} of {container}: {done.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        member = archive.extractfile(archive.getmembers()[0])
        return member.read().decode() if member else ""
