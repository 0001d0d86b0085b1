"""What the tests of health and LAN share: the logs of a while, and the health that servers tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from twinlab import Lab
from twinlab.host.server import SIDECAR_CONTAINER, Server
from twinlab.host.wait import until

HOME = {"first": "server1", "second": "server2"}
ALL_ON_2 = {"first": "server2", "second": "server2"}
MOVES = ("group-claimed", "group-released")


class LogWindow:
    """Every sidecar's log from now on."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        now = time.time()
        self._begun = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"

    def lines(self, *words: str, server: int | None = None) -> list[str]:
        """Lines that have all these words."""
        servers = self._lab.servers.values() if server is None else [self._lab.server(server)]
        text = [line.removeprefix("\033[2K") for one in servers for line in one.logs(tail=2000).splitlines()]
        fresh = [f"{line} " for line in text if line >= self._begun]
        return [line for line in fresh if all(f"{word} " in line for word in words)]

    def moves(self) -> list[str]:
        return [line for move in MOVES for line in self.lines(move)]


@contextmanager
def nothing_moves(lab: Lab) -> Iterator[LogWindow]:
    """No group is claimed or released during the block."""
    window = LogWindow(lab)
    yield window
    assert window.moves() == []
    assert lab.owners() == {group: [server] for group, server in HOME.items()}


def forget_losses(lab: Lab) -> None:
    """Start every sidecar anew: what it knows of losses would hold groups back in the next test."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda server: server.docker("restart", SIDECAR_CONTAINER), lab.servers.values()))


def view(server: Server) -> dict[str, Any]:
    """What the server says now."""
    return until(server.status, f"{server.name} to answer", timeout_s=20)


def health(server: Server, service: str) -> str:
    return str(view(server)["daemons"].get(service, {}).get("health", ""))


def wait_health(server: Server, service: str, wanted: str, timeout_s: float = 40) -> None:
    what = f"{service} of {server.name} is {wanted}"
    until(lambda: health(server, service) == wanted, what, timeout_s=timeout_s)


def wait_lines(find: Callable[[], list[str]], what: str, timeout_s: float = 90) -> list[str]:
    return until(find, what, timeout_s=timeout_s)
