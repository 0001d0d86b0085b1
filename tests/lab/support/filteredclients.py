"""Clients behind NAT, and behind a packet filter of their own that passes only what is established."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from twinlab import Lab
from twinlab.host.client import Client
from twinlab.host.engine import Result, docker, docker_popen
from twinlab.programs.middleboxes import INSIDE, NAT, STRICT_FILTER


@dataclass(frozen=True)
class InnerClient(Client):
    """A client in a network namespace within its container, which is its router."""

    def exec(self, *command: str, check: bool = True, timeout_s: float = 120) -> Result:
        return docker("exec", self.container, *INSIDE, *command, check=check, timeout_s=timeout_s)

    def start(self, *command: str) -> subprocess.Popen[str]:
        return docker_popen("exec", self.container, *INSIDE, *command)


@contextmanager
def behind_nat(lab: Lab) -> Iterator[Client]:
    with lab.machine(extra=("--privileged",)) as router:
        router.sh(NAT)
        yield InnerClient(router.container)


@contextmanager
def with_strict_filter(lab: Lab) -> Iterator[Client]:
    with lab.machine() as client:
        client.sh(STRICT_FILTER)
        yield client


FILTERED: dict[str, Callable[[Lab], AbstractContextManager[Client]]] = {
    "NAT": behind_nat, "its own strict filter": with_strict_filter,
}
