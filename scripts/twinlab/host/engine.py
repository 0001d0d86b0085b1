"""The outer Docker engine, by its command line.

Owns how `docker` is called and how its failures read. The command line and not the SDK, because most
of what the lab does is `docker exec` into a server with its output streamed or its status needed, and
because a reader can repeat each step by hand. Knows nothing of labs.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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


def names(kind: str, label: str) -> list[str]:
    """Names of the `container`s (stopped ones too), `network`s or `volume`s with this label."""
    args: Sequence[str] = ("ps", "-a") if kind == "container" else (kind, "ls")
    column = {"container": "{{.Names}}", "network": "{{.Name}}", "volume": "{{.Name}}"}[kind]
    return docker(*args, "--filter", f"label={label}", "--format", column).out.split()


def running(container: str) -> bool:
    """Whether the container exists and runs (paused counts as running)."""
    state = docker("inspect", "-f", "{{.State.Running}}", container, check=False)
    return state.out.strip() == "true"


def has_image(tag: str) -> bool:
    return docker("image", "inspect", "-f", "{{.Id}}", tag, check=False).ok


def read_file(container: str, path: str) -> str:
    """The text of a file in a container that need not run."""
    done = subprocess.run(("docker", "cp", f"{container}:{path}", "-"), capture_output=True)
    if done.returncode:
        raise LabError(f"cannot read {path} of {container}: {done.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        member = archive.extractfile(archive.getmembers()[0])
        return member.read().decode() if member else ""
