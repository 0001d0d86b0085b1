"""Clients on the lab's LAN: throw-away containers and longer-lived ones.

Owns how a client container is started. What runs in it is the caller's.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from twinlab.engine import Result, docker, running, stream
from twinlab.images import CLIENT_IMAGE
from twinlab.labsite import ROOT
from twinlab.layout import Layout, labels

INSIDE = ROOT / "scripts/twinlab/inside"


@dataclass(frozen=True)
class Client:
    """A running client container."""

    container: str

    def exec(self, *command: str, check: bool = True, timeout_s: float = 120) -> Result:
        return docker("exec", self.container, *command, check=check, timeout_s=timeout_s)

    def sh(self, script: str, *, check: bool = True, timeout_s: float = 120) -> Result:
        """Run a shell script text in it."""
        return self.exec("sh", "-c", script, check=check, timeout_s=timeout_s)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command in it; its output comes by the process handed out."""
        return stream("exec", self.container, *command)

    def logs(self, since: float = 0.0) -> str:
        """What it has printed, all or since an epoch time."""
        said = docker("logs", "--since", f"{since:.3f}", self.container, check=False)
        return said.out + said.err

    @property
    def alive(self) -> bool:
        return running(self.container)

    @property
    def address(self) -> str:
        text = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return docker("inspect", "-f", text, self.container).out.strip()

    def remove(self) -> None:
        docker("rm", "-f", "-v", self.container, check=False)


def _options(
    layout: Layout, *, name: str, mac: str | None, ip: str | None, dns: Sequence[str], extra: Sequence[str]
) -> list[str]:
    options = [
        "--name", layout.container(name), *labels(layout.name),
        "--network", layout.lan_network,
        "--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW", "-v", f"{INSIDE}:/lab:ro",
    ]  # fmt: skip
    if mac:
        options += ["--mac-address", mac]
    if ip:
        options += ["--ip", ip]
    for server in dns:
        options += ["--dns", server]
    return [*options, *extra]


def run(
    layout: Layout,
    command: Sequence[str],
    *,
    mac: str | None = None,
    name: str | None = None,
    ip: str | None = None,
    dns: Sequence[str] = (),
    check: bool = True,
    timeout_s: float = 300,
) -> Result:
    """Run one command in a new client and remove it."""
    name = name or f"client-{secrets.token_hex(3)}"
    options = _options(layout, name=name, mac=mac, ip=ip, dns=dns, extra=("--rm",))
    try:
        return docker("run", *options, CLIENT_IMAGE, *command, check=check, timeout_s=timeout_s)
    finally:
        docker("rm", "-f", "-v", layout.container(name), check=False)


@contextmanager
def machine(
    layout: Layout,
    *command: str,
    mac: str | None = None,
    name: str | None = None,
    ip: str | None = None,
    dns: Sequence[str] = (),
    image: str = CLIENT_IMAGE,
    extra: Sequence[str] = (),
) -> Iterator[Client]:
    """A client that stays until the end of the block; without a command it just waits."""
    made = start(layout, *command, mac=mac, name=name, ip=ip, dns=dns, image=image, extra=extra)
    try:
        yield made
    finally:
        made.remove()


def start(
    layout: Layout,
    *command: str,
    mac: str | None = None,
    name: str | None = None,
    ip: str | None = None,
    dns: Sequence[str] = (),
    image: str = CLIENT_IMAGE,
    extra: Sequence[str] = (),
) -> Client:
    """Start a client in the background; the lab's `down` removes it at the latest."""
    name = name or f"client-{secrets.token_hex(3)}"
    options = _options(layout, name=name, mac=mac, ip=ip, dns=dns, extra=extra)
    docker("run", "-d", *options, image, *command)
    return Client(layout.container(name))
