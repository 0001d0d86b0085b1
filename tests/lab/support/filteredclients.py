"""Clients behind NAT, and behind a packet filter of their own that passes only what is established."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from twinlab import Lab
from twinlab.host.client import Client
from twinlab.host.engine import Result, docker, docker_popen

_NAT = """
ip netns add inside
ip link add eth1 type veth peer name eth0 netns inside
ip link set eth1 up
ip addr add 10.1.1.1/24 dev eth1
ip -n inside link set lo up
ip -n inside link set eth0 up
ip -n inside addr add 10.1.1.2/24 dev eth0
ip -n inside route add default via 10.1.1.1
sysctl -qw net.ipv4.ip_forward=1
nft 'add table ip nat
     add chain ip nat post { type nat hook postrouting priority 100; }
     add rule ip nat post oif eth0 masquerade
     add chain ip nat forward { type filter hook forward priority 0; policy drop; }
     add rule ip nat forward ct state invalid drop
     add rule ip nat forward iif eth1 accept
     add rule ip nat forward ct state established,related accept'
"""
_STRICT = """
nft 'add table ip strict
     add chain ip strict input { type filter hook input priority 0; policy drop; }
     add rule ip strict input iif lo accept
     add rule ip strict input ct state invalid drop
     add rule ip strict input ct state established,related accept'
"""


@dataclass(frozen=True)
class InnerClient(Client):
    """A client in a network namespace within its container, which is its router."""

    def exec(self, *command: str, check: bool = True, timeout_s: float = 120) -> Result:
        return docker("exec", self.container, *_INSIDE, *command, check=check, timeout_s=timeout_s)

    def start(self, *command: str) -> subprocess.Popen[str]:
        return docker_popen("exec", self.container, *_INSIDE, *command)


_INSIDE = ("nsenter", "--net=/run/netns/inside")


@contextmanager
def behind_nat(lab: Lab) -> Iterator[Client]:
    with lab.machine(extra=("--privileged",)) as router:
        router.sh(_NAT)
        yield InnerClient(router.container)


@contextmanager
def with_strict_filter(lab: Lab) -> Iterator[Client]:
    with lab.machine() as client:
        client.sh(_STRICT)
        yield client


FILTERED: dict[str, Callable[[Lab], AbstractContextManager[Client]]] = {
    "NAT": behind_nat, "its own strict filter": with_strict_filter,
}
