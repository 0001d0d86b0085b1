"""Containers for the contract tests, made as compose/services.yaml says, on a private network.

Owns the translation of one compose service into `docker run` and the waiting on it. What a service
must do is in the tests.
"""

from __future__ import annotations

import functools
import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twinboot import daemons
from twinlab.host import engine

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "compose"
PORT_FLOOR = "net.ipv4.ip_unprivileged_port_start=1024"
DAEMONS = daemons.names()


def folder_of(service: str) -> Path:
    """The folder of the service's image."""
    daemon = daemons.BY_NAME.get(service)
    return ROOT / "images" / (daemon.image_name if daemon else service)



class ContainerFailed(AssertionError):
    """A command or a container did not do what the test needs; carries its output."""


def docker(*args: str, check: bool = True, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run the docker client; on failure raise with what it said."""
    done = subprocess.run(("docker", *args), capture_output=True, text=True, timeout=timeout_s, check=False)
    if check and done.returncode:
        raise ContainerFailed(f"docker {' '.join(args[:12])}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def compose_model(folder: Path = COMPOSE, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What compose makes of the stack, as a mapping. Without env: with every profile."""
    profiles = ("--profile", "takeover", "--profile", "power") if env is None else ()
    done = subprocess.run(
        ("docker", "compose", "-f", str(folder / "compose.yaml"), *profiles, "config", "--format", "json"),
        capture_output=True, text=True, check=False, env=None if env is None else dict(env),
    )  # fmt: skip
    if done.returncode:
        raise ContainerFailed(done.stderr)
    model: dict[str, Any] = json.loads(done.stdout)
    return model


def wait(what: str, test: Callable[[], bool], timeout_s: float = 20.0, poll_s: float = 0.1) -> float:
    """Poll until the test holds; the seconds it took."""
    start = time.monotonic()
    while not test():
        if time.monotonic() - start > timeout_s:
            raise ContainerFailed(f"waited {timeout_s} s for: {what}")
        time.sleep(poll_s)
    return time.monotonic() - start


@dataclass(frozen=True)
class Place:
    """The private network and the rendered files that one test module uses."""

    prefix: str
    network: str
    subnet: str  # first three octets
    etc: Path
    pub: Path
    trees: Path

    def address(self, last: int) -> str:
        """An address of the network."""
        return f"{self.subnet}.{last}"


class Container:
    """One running container."""

    def __init__(self, name: str) -> None:
        self.name = name

    def inspect(self) -> dict[str, Any]:
        """The engine's view of it."""
        found = engine.container(self.name)
        if found is None:
            raise ContainerFailed(f"there is no container {self.name}")
        return found

    def running(self) -> bool:
        """Is it running?"""
        return bool(self.inspect()["State"]["Running"])

    def health(self) -> str:
        """starting, healthy or unhealthy; none when it does not run."""
        state = self.inspect()["State"]
        return str(state["Health"]["Status"]) if state["Running"] and "Health" in state else "none"

    def exit_code(self, timeout_s: float = 10.0) -> int:
        """Wait for its end; the exit code."""
        wait(f"{self.name} ends", lambda: not self.running(), timeout_s, 0.05)
        return int(self.inspect()["State"]["ExitCode"])

    def stdout(self) -> str:
        """What it wrote to stdout alone."""
        return engine.logs(self.name, stderr=False)

    def output(self) -> str:
        """stdout and stderr."""
        return engine.logs(self.name)

    def exec(self, *command: str, check: bool = True, user: str = "0") -> subprocess.CompletedProcess[str]:
        """Run a command inside."""
        return docker("exec", "-u", user, self.name, *command, check=check)

    def healthy(self, timeout_s: float = 60.0) -> Container:
        """Wait until it is healthy; fail at once, with its output, when it has ended."""

        def ready() -> bool:
            if not self.running():
                raise ContainerFailed(f"{self.name} ended")
            return self.health() == "healthy"

        try:
            wait(f"{self.name} is healthy", ready, timeout_s)
        except ContainerFailed as exc:
            raise ContainerFailed(f"{exc}\n{self.output()[-3000:]}") from None
        return self


Start = Callable[..., Container]


def arguments(spec: Mapping[str, Any], mounts: Sequence[str], *, floor: bool = True) -> list[str]:
    """`docker run` arguments of a compose service: its hardening, limits and health, our own mounts.

    The port floor of 1024 is set as it is on a host: a container's own network has none. Without
    `floor` the container joins a network namespace that has it already.
    """
    out = ["--sysctl", PORT_FLOOR] * floor
    out += ["--read-only"] * bool(spec.get("read_only"))
    for option, key in (("--cap-drop", "cap_drop"), ("--cap-add", "cap_add")):
        out += [part for cap in spec.get(key, ()) for part in (option, cap)]
    for option, key in (("--security-opt", "security_opt"), ("--tmpfs", "tmpfs")):
        out += [part for value in spec.get(key, ()) for part in (option, value)]
    for name, limit in (spec.get("ulimits") or {}).items():
        out += ["--ulimit", f"{name}={limit.get('soft', 0)}:{limit.get('hard', 0)}"]
    out += ["--pids-limit", str(spec["pids_limit"]), "--oom-score-adj", str(spec.get("oom_score_adj", 0))]
    for option, key in (("--memory", "mem_limit"), ("--memory-swap", "memswap_limit")):
        out += [option, str(spec[key])] if key in spec else []
    health = spec.get("healthcheck") or {}
    out += ["--health-cmd", " ".join(health["test"][1:])] if "test" in health else []
    for option in ("interval", "timeout", "retries", "start_period", "start_interval"):
        if option in health:
            out += [f"--health-{option.replace('_', '-')}", str(health[option])]
    for mount in mounts:
        out += ["--volume", mount]
    return out


def mounts_of(service: str, place: Place, leases: str) -> list[str]:
    """The contract's mounts of one service, as compose gives them, from the place's folders."""
    sources = {"etc": place.etc, "pub": place.pub, "leases": leases}
    mounts = []
    for mount in _services()[service]["volumes"]:
        if mount["source"] in ("loaders", "reports", "page"):  # of takeover process, sidecar and page
            continue
        source = sources.get(mount["source"], place.trees)
        mounts.append(f"{source}:{mount['target']}" + ":ro" * bool(mount.get("read_only")))
    return mounts


@functools.cache
def _services() -> dict[str, Any]:
    found: dict[str, Any] = compose_model()["services"]
    return found


def start_engine_proxy(name: str, spec: Mapping[str, Any], project: str) -> tuple[Container, str]:
    """Start the engine proxy of a project; it and the mount for whoever may use it."""
    tmpfs = ("-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=64k,mode=0700")
    docker("volume", "create", *tmpfs, f"{name}-volume")
    mounts = [f"{name}-volume:/run/engine-proxy", "/var/run/docker.sock:/var/run/docker.sock"]
    docker(
        "run", "-d", "--name", name, "--network", spec["network_mode"],
        *arguments(spec, mounts, floor=False), "-e", f"TWINBOOT_PROJECT={project}", spec["image"],
        *spec["command"],
    )  # fmt: skip
    return Container(name), f"{name}-volume:/run/engine-proxy:ro"


def private_network(prefix: str) -> tuple[str, str]:
    """Make a network in a free subnet; its name and its first three octets.

    Not `internal`: where bridges pass through iptables, Docker's rules for internal networks drop
    every frame whose source is not of the subnet, and so a DISCOVER from 0.0.0.0.
    """
    for octet in range(40, 60):
        subnet = f"10.231.{octet}"
        done = docker(
            "network", "create", "--subnet", f"{subnet}.0/24",
            "--ip-range", f"{subnet}.32/27",
            "-o", "com.docker.network.bridge.enable_ip_masquerade=false", prefix, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return prefix, subnet
    raise ContainerFailed(f"no free subnet: {done.stderr}")


def remove(prefix: str) -> None:
    """Remove containers and volumes whose names begin with the prefix."""
    names = docker("ps", "-aq", "--filter", f"name=^{prefix}-").stdout.split()
    if names:
        docker("rm", "-f", "-v", *names, check=False)
    volumes = docker("volume", "ls", "-q", "--filter", f"name=^{prefix}-").stdout.split()
    if volumes:
        docker("volume", "rm", "-f", *volumes, check=False)
