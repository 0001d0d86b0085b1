"""Engines that answer and cannot run the stack are told by name: scripts/engine.sh on what Docker prints."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = """
fault() { echo "FAULT $1: $2"; }
say() { echo "say $*"; }
. scripts/engine.sh
judge_engine "$@"
"""
SOCKET = "unix:///var/run/docker.sock"
CLIENT = "Docker version 26.1.5+dfsg1, build a72d7cd"
DEBIAN = "Debian GNU/Linux 13 (trixie)"
SECURE = "name=apparmor,name=seccomp,profile=builtin,name=cgroupns"


def judged(
    host: str = SOCKET, client: str = CLIENT, root: str = "/var/lib/docker", system: str = DEBIAN,
    security: str = SECURE,
) -> list[str]:
    words = ("sh", "-euc", SCRIPT, "sh", host, client, root, system, security)
    return subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.parametrize("host", ["", SOCKET, "unix:///run/docker.sock"])
def test_an_engine_of_packages_is_no_news(host: str) -> None:
    assert judged(host=host) == []


@pytest.mark.parametrize(
    ("given", "says", "command"),
    [
        ({"root": "/var/snap/docker/common/var-lib-docker"}, "from snap", "snap remove docker"),
        ({"security": "name=seccomp,profile=builtin,name=rootless"}, "rootless", "unset DOCKER_HOST"),
        ({"host": "unix:///run/user/1000/docker.sock"}, "rootless", "docker context use default"),
        ({"host": "unix:///home/me/.docker/desktop/docker.sock"}, "user's own", "docker context use default"),
        ({"host": "tcp://10.0.0.9:2376"}, "tcp://10.0.0.9:2376", "unset DOCKER_HOST"),
        ({"host": "ssh://root@server2"}, "not to the engine of this machine", "docker context use default"),
        ({"security": "name=seccomp,profile=builtin,name=userns"}, "userns-remap", "/etc/docker/daemon.json"),
        ({"system": "Docker Desktop"}, "Docker Desktop", "docker-ce or docker.io"),
        ({"client": "podman version 5.4.2"}, "podman", "docker-ce or docker.io"),
    ],
)
def test_an_engine_that_cannot_run_the_stack_is_one_fault(
    given: dict[str, str], says: str, command: str
) -> None:
    [line] = judged(**given)
    assert line.startswith("FAULT ")
    assert says in line
    assert command in line


def test_another_data_root_is_told_and_no_fault() -> None:
    [line] = judged(root="/data/docker")
    assert line.startswith("say ")
    assert "/data/docker" in line
