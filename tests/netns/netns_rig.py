"""Servers without containers: the agent itself, in network namespaces joined by a LAN and a crossover cable.

    server1 eth0 --.                        .-- eth0 server2        eth1 -- eth1: crossover, 10.0.0.0/24
                   +-- bridge in `switch` --+
                   '-- eth0 client (192.168.0.9)

Needs root (see conftest.py). Names of namespaces carry this process's id, so that several rigs can stand side
by side.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SITE = """
version: 1
cluster: rig
domain: example.lan
servers:
  server1:
    address: 192.168.0.251
    interface: eth0
    links: {crossover: {kind: udp, address: 10.0.0.1, interface: eth1}, lan: {kind: udp}}
  server2:
    address: 192.168.0.252
    interface: eth0
    links: {crossover: {kind: udp, address: 10.0.0.2, interface: eth1}, lan: {kind: udp}}
groups:
  first: {address: 192.168.0.253, order: [server1, server2], services: [dhcpd]}
  second: {address: 192.168.0.254, order: [server2, server1]}
subnets:
  - {network: 192.168.0.0/24, router: 192.168.0.1}
heartbeat: {timers: {initdead_s: 2.0, failback_delay_s: 1.0}}
"""
VIPS = {"first": "192.168.0.253", "second": "192.168.0.254"}
LIMIT_S = 60.0
"""Far above what anything here takes: a server that starts late finds its group taken, and gets it back some
11 s after it is heard (a daemon that nobody could probe for 10 s counts as good)."""
CLONE_NEWNET = 0x40000000
SIOCGIFCONF = 0x8912
IFREQ = struct.Struct("16s4x4s16x")
"""struct ifreq with an IPv4 address: name; family and port; address; the rest of its union."""
LAUNCH = """
import sys
from pathlib import Path
from twinboot.agent import start
from twinboot.agent.health import monitors
from twinboot.agent.configuration import AgentFiles
from twinboot.agent.start import main
from twinboot.core.model import ServiceState
monitors.service_probes = lambda *_: {}  # no daemons run here: an unknown one counts as good
class Containers:  # there is no engine here, either
    def __init__(self, socket):
        self.running = set()
    def states(self, services):
        return {name: ServiceState.RUNNING if name in self.running else ServiceState.STOPPED
                for name in services}
    def start(self, service):
        self.running |= {service} - {"render"}  # that one does its work and ends
    restart = start
    def stop(self, service):
        self.running.discard(service)
    def dialects(self, services):
        return {}
    def present(self, services):
        return frozenset(services)
    def create(self, service):
        pass
    try_configuration = create
    def close(self):
        pass
start.EngineProxyClient = Containers
base = Path(sys.argv[1])
leases, state = base / "dhcp", base / "state"
for folder in (leases, state, base / "steer", base / "page-ipc"):
    folder.mkdir(exist_ok=True)
sys.exit(main(files=AgentFiles(
    config=base, current=base / "current", control=base / "control.sock", leases=leases, state=state,
    steer=base / "steer", reports=base / "report.sock", page=base / "page-ipc" / "sidecar.sock")))
"""


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def inside(namespace: str) -> list[str]:
    """The command prefix that runs a command in a namespace."""
    return ["nsenter", f"--net=/run/netns/{namespace}"]


@contextmanager
def entered(namespace: str) -> Iterator[None]:
    """This thread is in the namespace (setns(2)): sockets that it makes belong there for good."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{namespace}") as there:
        assert libc.setns(there.fileno(), CLONE_NEWNET) == 0
        try:
            yield
        finally:
            assert libc.setns(home.fileno(), CLONE_NEWNET) == 0


def addresses_of(sock: socket.socket, interface: str) -> list[str]:
    """The IPv4 addresses of an interface (netdevice(7), SIOCGIFCONF); takes no process, as `ip` would."""
    room = array.array("B", bytes(64 * IFREQ.size))
    asked = struct.pack("iL", len(room), room.buffer_info()[0])
    used = struct.unpack("iL", fcntl.ioctl(sock, SIOCGIFCONF, asked))[0]
    found = (IFREQ.unpack_from(room, at) for at in range(0, used, IFREQ.size))
    return [socket.inet_ntoa(address) for name, address in found if name.rstrip(b"\0").decode() == interface]


class Server:
    """One server: its namespace, its files and its agent."""

    def __init__(self, name: str, namespace: str, base: Path) -> None:
        self.name = name
        self.namespace = namespace
        self.base = base
        self.log = base / "log"
        self.agent: subprocess.Popen[bytes] | None = None
        with entered(namespace):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def ip(self, words: str) -> str:
        return run(*inside(self.namespace), "ip", *words.split())

    def start(self) -> None:
        env = {**os.environ, "TWINBOOT_SERVER": self.name, "DOCKER_HOST": "unix:///nonexistent.sock"}
        with self.log.open("ab") as out:
            self.agent = subprocess.Popen(
                [*inside(self.namespace), sys.executable, "-c", LAUNCH, str(self.base)],
                stdout=out, stderr=out, env=env,
            )

    def send_signal(self, number: signal.Signals) -> None:
        assert self.agent is not None
        self.agent.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM, limit_s: float = 10) -> int:
        assert self.agent is not None
        self.agent.send_signal(number)
        return self.agent.wait(limit_s)

    def addresses(self) -> list[str]:
        """On its LAN."""
        return addresses_of(self._socket, "eth0")

    def holds(self, group: str) -> bool:
        return VIPS[group] in self.addresses()

    def release(self) -> None:
        """Its namespace may end: what a socket of ours belongs to stays."""
        self._socket.close()

    def ask(self, command: str, **more: Any) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(LIMIT_S)
            sock.connect(str(self.base / "control.sock"))
            sock.sendall(json.dumps({"cmd": command, **more}).encode() + b"\n")
            reply: dict[str, Any] = json.loads(sock.makefile().readline())
        return reply

    def state(self) -> str:
        try:
            return str(self.ask("status")["state"])
        except OSError:
            return "down"


class Rig:
    """The namespaces, cables and servers. Call close() whatever happens."""

    def __init__(self, base: Path, site: str = SITE) -> None:
        """site: a site file's text, with the servers and groups of SITE."""
        self._site = site
        self._prefix = f"twt{os.getpid()}"
        self._namespaces: list[str] = []
        self.servers: dict[str, Server] = {}
        try:
            self._build(base)
        except BaseException:
            self.close()
            raise

    def _build(self, base: Path) -> None:
        from twinboot.adapters import keys
        from twinboot.site import loads

        switch = self._namespace("switch")
        run("ip", "-n", switch, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", switch, "link", "set", "br0", "up")
        key = base / "key"
        keys.generate(key)
        for number in (1, 2):
            name = f"server{number}"
            home = base / name
            (home / "current" / "sidecar").mkdir(parents=True)
            (home / "current" / "sidecar" / "site.json").write_text(loads(self._site).to_json())
            (home / "secrets").mkdir(mode=0o700)
            (home / "secrets" / "heartbeat.key").write_text(key.read_text())
            (home / "secrets" / "heartbeat.key").chmod(0o600)
            self.servers[name] = Server(name, self._namespace(name), home)
            self.plug(name, f"192.168.0.{250 + number}/24")
        self.client = self._namespace("client")
        self.plug("client", "192.168.0.9/24")
        ends = [server.namespace for server in self.servers.values()]
        cable = ("type", "veth", "peer", "name", "eth1", "netns", ends[1])
        run("ip", "-n", ends[0], "link", "add", "eth1", *cable)
        for number, end in enumerate(ends, 1):
            run("ip", "-n", end, "addr", "add", f"10.0.0.{number}/24", "dev", "eth1")
            run("ip", "-n", end, "link", "set", "eth1", "up")
        # the kernel gathers changes of links for up to a second: a cut before then would be no change at all
        until(lambda: all("state UP" in run("ip", "-n", end, "link", "show", "eth1") for end in ends),
              "the cable is up", self)  # fmt: skip

    def start(self) -> None:
        """Start both agents, and wait until each is active and holds its own group."""
        for server in self.servers.values():
            server.start()
        until(self.settled, "each is active and holds its own group", self)

    def owners(self) -> dict[str, list[str]]:
        """By group, the servers that hold it."""
        return {group: [one.name for one in self.servers.values() if one.holds(group)] for group in VIPS}

    def settled(self) -> bool:
        """Each server is active, and holds its own group and no other."""
        one, two = self.servers.values()
        home = {"first": [one.name], "second": [two.name]}
        return self.owners() == home and one.state() == two.state() == "active"

    def _namespace(self, name: str) -> str:
        full = f"{self._prefix}-{name}"
        run("ip", "netns", "add", full)
        self._namespaces.append(full)
        run("ip", "-n", full, "link", "set", "lo", "up")
        return full

    def plug(self, name: str, address: str) -> None:
        switch, here = f"{self._prefix}-switch", f"{self._prefix}-{name}"
        run("ip", "-n", switch, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", here)
        run("ip", "-n", switch, "link", "set", name, "master", "br0", "up")
        run("ip", "-n", here, "addr", "add", address, "dev", "eth0")
        run("ip", "-n", here, "link", "set", "eth0", "up")

    def unplug(self, server: str, *, down: bool = True) -> None:
        """Pull the server's LAN cable, or plug it in again."""
        run("ip", "-n", f"{self._prefix}-switch", "link", "set", server, "down" if down else "up")

    def cut_crossover(self, *, down: bool = True) -> None:
        self.servers["server1"].ip(f"link set eth1 {'down' if down else 'up'}")

    def drop_heartbeats(self, *, on: bool = True) -> None:
        """Drop every heartbeat on the LAN and on the crossover cable; all else on the LAN passes."""
        chain = "chain input { type filter hook input priority 0; udp dport 694 drop; }"
        rules = f"table inet no_heartbeats {{ {chain}; }}"
        for server in self.servers.values():
            run(*inside(server.namespace), "nft", rules if on else "delete table inet no_heartbeats")

    def close(self) -> None:
        for server in self.servers.values():
            if server.agent is not None and server.agent.poll() is None:
                server.agent.send_signal(signal.SIGCONT)
                server.agent.kill()
                server.agent.wait(LIMIT_S)
            server.release()
        for name in self._namespaces:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

    def logs(self) -> str:
        """The logs of all servers and their addresses, for a failed test."""
        parts = []
        for server in self.servers.values():
            log = server.log.read_text() if server.log.exists() else ""
            parts.append(f"--- {server.name}\n{log}{server.ip('-4 -o addr')}")
        return "\n".join(parts)


def until(condition: Callable[[], bool], what: str, rig: Rig, limit_s: float = LIMIT_S) -> float:
    """Poll until true; returns the seconds it took, fails with all logs."""
    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > limit_s:
            raise AssertionError(f"not in {limit_s} s: {what}\n{rig.logs()}")
        time.sleep(0.01)
    return time.monotonic() - begin
