"""Faults of ARP: a server's kernel that gets none, and a host that answers for a server's address."""

from __future__ import annotations

from collections.abc import Sequence

from twinlab.faults.scene import Scene
from twinlab.host import client, wait
from twinlab.host.client import Client
from twinlab.host.server import Server

FOREIGN_HOST = "foreign-host"
FOREIGN_MAC = "02:bd:00:00:00:01"
"""The hardware address of inside/foreign_host.py."""
_FILTER = "table arp lab_no_arp { chain input { type filter hook input priority 0; policy drop; }; }"


def filter_arp(_: Scene, server: Server, __: Sequence[str]) -> None:
    """heal.sh removes the table."""
    server.exec("nft", _FILTER)


def foreign_host(lab: Scene, _: Server, arguments: Sequence[str]) -> None:
    address = str(lab.site["groups"][arguments[0]]["address"])
    heal(lab)
    made = client.start(lab.layout, "/lab/foreign_host.py", address, name=FOREIGN_HOST)
    wait.until(lambda: "ready" in made.logs(), "the foreign host to listen", timeout_s=20)


def heal(lab: Scene) -> None:
    Client(lab.layout.container(FOREIGN_HOST)).remove()
