"""One server of a lab, from outside: commands in it, its view of the site, its bytes on the wire.

A server is a container with a Docker engine inside; `exec` is a shell on the machine, `compose` is
what its operator would type in compose/, `sidecar` is a command inside the sidecar's container.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from twinlab.host import engine
from twinlab.host.engine import CommandError, LabError, Result, docker
from twinlab.host.shell import ask

SIDECAR_CONTAINER = "twinboot-sidecar-1"
TAKEOVER = "twinboot-takeover-1"
COMPOSE_DIR = "/opt/twinboot/compose"
ENGINE_DISK = "/var/lib/docker"

# By its control socket: without the engine, which may hang, and with no interpreter to start for each look.
# A frozen process (state D) is not asked: it would not answer.
STATUS_SCRIPT = """
pid=$(pgrep -of 'twinboot[. a-z]* agent') && [ "$(ps -o s= $pid)" != D ] &&
echo '{"cmd": "status"}' | timeout 6 socat -t 6 - UNIX-CONNECT:/proc/$pid/root/run/twinboot/control.sock
"""


def container_of(service: str) -> str:
    """The name of a service's container on a server."""
    return f"twinboot-{service}-1"


@dataclass(frozen=True)
class Server:
    """`name` is the site file's name of it, `container` the outer engine's."""

    name: str
    container: str
    lan: IPv4Network

    def exec(self, *command: str, check: bool = True, timeout_s: float = 60) -> Result:
        """Run a command on the server."""
        return docker("exec", self.container, *command, check=check, timeout_s=timeout_s)

    def compose(self, *args: str, check: bool = True, timeout_s: float = 120) -> Result:
        """`docker compose ARGS` on the server."""
        here = ("exec", "-w", COMPOSE_DIR, self.container, "docker", "compose")
        return docker(*here, *args, check=check, timeout_s=timeout_s)

    def docker(self, *args: str, check: bool = True, timeout_s: float = 60) -> Result:
        """`docker ARGS` with the server's own engine."""
        return self.exec("docker", *args, check=check, timeout_s=timeout_s)

    def sidecar(self, *command: str, check: bool = True) -> Result:
        """Run a command in the sidecar's container, such as `twinboot standby`."""
        return self.docker("exec", SIDECAR_CONTAINER, *command, check=check)

    @property
    def power(self) -> str:
        """The outer container's state: created, running, paused, exited ... or `gone`."""
        return engine.power(self.container)

    def booted(self) -> bool:
        """Whether its engine is up (and, after the first boot, its stack was started)."""
        there = ask(self.container, "cd /run; ls lab-failed lab-ready 2>&-").out.split()
        if "lab-failed" in there:
            raise LabError(f"the stack did not start on {self.name}")
        return "lab-ready" in there

    def status(self) -> dict[str, Any] | None:
        """What `twinboot status --json` says of its sidecar, or None when that does not answer."""
        try:
            said = ask(self.container, STATUS_SCRIPT)
            value = json.loads(said.out) if said.ok else None
        except (LabError, ValueError):
            return None
        if not isinstance(value, dict) or value.pop("ok", False) is not True:
            return None
        return value

    def history(self) -> list[dict[str, Any]]:
        """The moves that its sidecar remembers, the newest last."""
        moves: list[dict[str, Any]] = json.loads(self.sidecar("twinboot", "history", "--json").out)["moves"]
        return moves

    def logs(self, service: str = "sidecar", tail: int = 200) -> str:
        """The last lines of a service's log."""
        plain = ("--no-color", "--no-log-prefix", "--tail", str(tail))
        said = self.compose("logs", *plain, service, check=False)
        return without_ansi(said.out + said.err)

    def addresses(self) -> dict[str, list[str]]:
        """IPv4 addresses by interface, as the kernel has them now."""
        found: dict[str, list[str]] = {}
        said = ask(self.container, "ip -j -4 address")
        if not said.ok:
            raise CommandError(said)
        for link in json.loads(said.out or "[]"):
            if link:
                found[link["ifname"]] = [a["local"] for a in link.get("addr_info", []) if "local" in a]
        return found

    @property
    def mac(self) -> str:
        """Hardware address of its LAN interface; it must be running."""
        return self.exec("cat", "/sys/class/net/eth0/address").out.strip()

    def has(self, address: str) -> bool:
        """Whether this server's kernel holds the address."""
        return any(address in held for held in self.addresses().values())

    def containers(self) -> dict[str, str]:
        """State of each of Twinboot's containers here, by compose service."""
        said = self.docker(
            "ps", "-a", "--filter", "label=com.docker.compose.project=twinboot",
            "--format", '{{.Label "com.docker.compose.service"}} {{.State}}',
        )  # fmt: skip
        return dict(line.split() for line in said.out.splitlines() if line.strip())

    def started_at(self) -> dict[str, str]:
        """When each of Twinboot's containers started, to tell that one was left alone."""
        ids = self.docker("ps", "-aq", "--filter", "label=com.docker.compose.project=twinboot").out.split()
        text = '{{index .Config.Labels "com.docker.compose.service"}} {{.Id}}@{{.State.StartedAt}}'
        said = self.docker("inspect", "-f", text, *ids)
        return dict(line.split() for line in said.out.splitlines())

    def wire_bytes(self) -> dict[tuple[str, str], int]:
        """IP bytes sent on the LAN since this server's power came on, by (own address, client address)."""
        said = self.exec("nft", "-j", "list", "set", "netdev", "lab", "served", check=False)
        if not said.ok:
            raise LabError(f"{self.name}: no byte counters: {said.err.strip()}")
        counted: dict[tuple[str, str], int] = {}
        for item in json.loads(said.out)["nftables"]:
            for entry in item.get("set", {}).get("elem", []):
                own, client = entry["elem"]["val"]["concat"]
                if IPv4Address(client) in self.lan:
                    counted[own, client] = entry["elem"]["counter"]["bytes"]
        return counted

    def report(self) -> str:
        """What a person wants to see when a test has failed."""
        parts = [f"===== {self.name} ({self.container}: {self.power})"]
        if self.power != "gone":
            parts.append(engine.logs(self.container, tail=20))
        if self.power == "running":
            for command in (("ip", "-br", "-4", "address"), ("docker", "ps", "-a")):
                said = self.exec(*command, check=False)
                parts.append(f"--- {' '.join(command)}\n{said.out}{said.err}")
            logs = self.compose("logs", "--no-color", "--tail", "200", check=False).out
            parts.append("--- logs\n" + without_ansi(logs))
        return "\n".join(parts)


def without_ansi(text: str) -> str:
    """Compose clears lines even where there is no terminal and no colour is asked for."""
    return re.sub(r"\033\[[0-9;]*[A-Za-z]", "", text)
