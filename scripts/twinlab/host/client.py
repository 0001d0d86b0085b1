"""Clients on the lab's LAN: throw-away containers and longer-lived ones.

Owns how a client container is started. What runs in it is the caller's.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypedDict, Unpack

from twinlab.host import engine
from twinlab.host.engine import LabError, Result, docker, docker_popen
from twinlab.host.images import CLIENT_IMAGE
from twinlab.host.labsite import ROOT
from twinlab.host.layout import Layout, labels
from twinlab.measure import resets

INSIDE = ROOT / "scripts/twinlab/inside"
_CAPTURE = """
rm -f {file}.log
tcpdump -i eth0 -Z root -U --immediate-mode -B 8192 -s {snapshot} -w {file} '{wanted}' \\
    >/dev/null 2>{file}.log &
for _ in $(seq 600); do grep -qs 'listening on' {file}.log && exit; sleep 0.05; done
cat {file}.log >&2
exit 1
"""


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
        return docker_popen("exec", self.container, *command)

    def capture(self, wanted: str, file: str, *, snapshot: int = 96) -> None:
        """Record packets from now on until the client ends: tcpdump(1) listens when this returns.

        wanted: a filter expression, pcap-filter(7). snapshot: bytes of each packet; 0: all of it.
        """
        self.sh(_CAPTURE.format(wanted=wanted, file=file, snapshot=snapshot))

    def captured(self, file: str, wanted: str = "", *options: str) -> str:
        """A line for each of these packets that `capture` has recorded so far. options: of tcpdump(1)."""
        return self.exec("tcpdump", "-n", *options, "-r", file, wanted).out

    def resets(self, file: str, server: str) -> str:
        """A line for each RST of this server's address that could have been noticed (measure.resets), in what
        `capture` has recorded of TCP with it."""
        lines = self.captured(file, f"host {server} and {resets.WANTED}").splitlines()
        return "\n".join(resets.noticed(lines, server))

    def logs(self, since: float = 0.0) -> str:
        """What it has printed, all or since an epoch time; that it is gone, when it is."""
        try:
            return engine.logs(self.container, since=since)
        except LabError as exc:
            return f"{exc}\n"

    @property
    def alive(self) -> bool:
        return engine.running(self.container)

    @property
    def address(self) -> str:
        found = engine.container(self.container)
        if found is None:
            raise LabError(f"{self.container} is gone")
        return "".join(one["IPAddress"] for one in found["NetworkSettings"]["Networks"].values())

    def remove(self) -> None:
        docker("rm", "-f", "-v", self.container, check=False)


class Options(TypedDict, total=False):
    """How a client is made. mac, ip: its own (Docker chooses otherwise); dns: its name servers."""

    mac: str | None
    name: str | None
    ip: str | None
    dns: Sequence[str]
    image: str
    extra: Sequence[str]
    """More options of `docker run`."""


def _made(
    layout: Layout, how: Sequence[str], command: Sequence[str], options: Options
) -> tuple[str, list[str]]:
    """A new container's name, and the docker command that makes it."""
    container = layout.container(options.get("name") or f"client-{secrets.token_hex(3)}")
    words = [
        "run", *how, "--name", container, *labels(layout.name), "--network", layout.lan_network,
        "--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW", "-v", f"{INSIDE}:/lab:ro",
    ]  # fmt: skip
    for option, value in (("--mac-address", options.get("mac")), ("--ip", options.get("ip"))):
        words += [option, value] if value else []
    for server in options.get("dns", ()):
        words += ["--dns", server]
    return container, [*words, *options.get("extra", ()), options.get("image", CLIENT_IMAGE), *command]


def run(
    layout: Layout,
    command: Sequence[str],
    *,
    check: bool = True,
    timeout_s: float = 300,
    **options: Unpack[Options],
) -> Result:
    """Run one command in a new client and remove it."""
    container, words = _made(layout, ("--rm",), command, options)
    try:
        return docker(*words, check=check, timeout_s=timeout_s)
    finally:
        docker("rm", "-f", "-v", container, check=False)


def start(layout: Layout, *command: str, **options: Unpack[Options]) -> Client:
    """Start a client in the background; the lab's `down` removes it at the latest."""
    container, words = _made(layout, ("-d",), command, options)
    docker(*words)
    return Client(container)


@contextmanager
def machine(layout: Layout, *command: str, **options: Unpack[Options]) -> Iterator[Client]:
    """A client that stays until the end of the block; without a command it just waits."""
    made = start(layout, *command, **options)
    try:
        yield made
    finally:
        made.remove()
