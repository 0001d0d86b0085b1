"""Clients whose TCP knows no options, as in firmware and boot loaders, with a hole at the power-off.

Each client misses one segment of each connection until its server is dead, and holds all that came after it,
as far as its window allows. Without SACK it does not say so.
"""

from __future__ import annotations

import re
from contextlib import ExitStack

import pytest
from downloadhelp import Fetch
from twinlab import Lab
from twinlab.host.client import Client
from twinlab.host.wait import until

BOTH_ON_2 = {"first": "server2", "second": "server2"}
CLIENTS = {
    "without-sack": ("tcp_sack",),
    "without-options": ("tcp_sack", "tcp_window_scaling", "tcp_timestamps"),
}
RATE_BYTES = 4 << 20
"""The file lasts for 15 s: both downloads are under way when the holes are made, on a busy machine, too."""
HOLE = """
table ip hole {
    set begun { type inet_service; flags dynamic; }
    set lost { typeof tcp sequence; flags dynamic; }
    chain input {
        type filter hook input priority 0;
        ip saddr %s ip length > 1000 jump data
    }
    chain data {
        tcp sequence @lost counter drop
        tcp dport @begun return
        add @begun { tcp dport } add @lost { tcp sequence } counter drop
    }
}
"""
"""The first segment with data from now on is missing on each connection, however often it is sent."""


def make_holes(client: Client, address: str, connections: int) -> None:
    """Wait until each connection has a hole, and its server sends the missing segment again."""
    client.sh(f"nft -f - <<'END'\n{HOLE % address}\nEND")

    def missing() -> bool:
        said = client.sh("nft list chain ip hole data").out
        again, first = (int(found) for found in re.findall(r"counter packets (\d+)", said))
        return min(again, first) >= connections

    until(missing, "a hole in each connection", timeout_s=30, every_s=0.02)


@pytest.mark.long  # tests/netns/test_options_net.py has connections with every option and none, by the kernel
@pytest.mark.parametrize("which", CLIENTS)
def test_a_client_that_does_not_say_what_it_holds(lab: Lab, big_sha256: str, which: str) -> None:
    address = lab.address("first")
    extra = [word for name in CLIENTS[which] for word in ("--sysctl", f"net.ipv4.{name}=0")]
    with ExitStack() as stack:
        client = stack.enter_context(lab.machine(extra=extra))
        fetches = [
            Fetch.start(lab, client, "curl", scheme, address, RATE_BYTES) for scheme in ("http", "ftp")
        ]
        for fetch in fetches:
            fetch.under_way(1 << 20)
        make_holes(client, address, len(fetches))
        with lab.fault("power-off", 1):
            client.sh("nft delete table ip hole")
            lab.wait_owned(BOTH_ON_2)
            for fetch in fetches:
                fetch.finish(big_sha256)
        for fetch in fetches:
            assert fetch.resets() == "", fetch.name
            print(which, fetch.name, f"silent for {fetch.silence_s():.2f} s")
            assert fetch.silence_s() < 15, fetch.name
