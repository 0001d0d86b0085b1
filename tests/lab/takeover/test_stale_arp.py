"""A client that keeps the dead or former holder's MAC address: its downloads go on like everybody's.

Its neighbour entry is permanent, as GRUB's is for the whole of a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from downloadhelp import Fetch
from labhelp import ODD, host
from twinlab import Lab
from twinlab.faults import cable
from twinlab.host.client import Client
from twinlab.host.wait import until

BOTH_ON_2 = {"first": "server2", "second": "server2"}
TFTP = "atftp --option 'blksize 1408' -g -r trees/rh9/big.bin -l /got {server}"
FORWARD = "net.ipv4.ip_forward"


@pytest.fixture
def no_router(lab: Lab) -> Iterator[Lab]:
    """Servers that do not route. (The engine switches it on; its packet filter, which the lab goes without,
    then refuses what is routed.)"""
    for server in lab.servers.values():
        server.exec("sysctl", "-q", "-w", f"{FORWARD}=0")
    yield lab
    lab.heal()
    for server in lab.servers.values():
        server.exec("sysctl", "-q", "-w", f"{FORWARD}=1")


def keep_mac(lab: Lab, client: Client, server: int, address: str) -> None:
    mac = lab.server(server).exec("cat", "/sys/class/net/eth0/address").out.strip()
    client.exec("ip", "neigh", "replace", address, "lladdr", mac, "dev", "eth0", "nud", "permanent")


def frames(lab: Lab, server: int) -> dict[str, int]:
    """What the server counted of such clients."""
    status = lab.server(server).status()
    return {} if status is None else status["stale_arp_frames"]


@pytest.mark.long  # tests/netns/test_stale_arp_net.py has real agents, and frames to the dead one's MAC
@pytest.mark.parametrize(
    ("fault", "counter", "on"),
    [("power-off", "accepted", 2), ("standby", "forwarded", 1)],
)
def test_downloads_go_on(no_router: Lab, big_sha256: str, fault: str, counter: str, on: int) -> None:
    """By HTTP, FTP and TFTP at once, byte for byte, and new connections are served, too."""
    lab, address = no_router, no_router.address("first")
    with ExitStack() as stack:
        client, machine = stack.enter_context(host(lab, ODD)), stack.enter_context(lab.machine())
        for one in (client, machine):
            keep_mac(lab, one, 1, address)
        cable.limit(machine.container, "eth0", "40mbit")
        get = TFTP.format(server=address)
        machine.exec("sh", "-c", f"({get}; echo $? >/rc) >/log 2>&1 &")
        fetches = [Fetch.start(lab, client, program, scheme, address)
                   for scheme, program in (("http", "curl"), ("ftp", "lftp"))]
        for fetch in fetches:
            fetch.under_way()
        until(lambda: size(machine) > 4 << 20, "the TFTP download to be under way", timeout_s=30)
        with lab.fault(fault, 1):
            lab.wait_owned(BOTH_ON_2)
            for fetch in fetches:
                fetch.finish(big_sha256)
            until(lambda: machine.sh("cat /rc", check=False).ok, "the end of the TFTP download", timeout_s=90)
            assert big_sha256 in (said := machine.sh("cat /log; sha256sum /got").out), said
            new = client.sh(f"curl -sS -m 20 http://{address}/trees/rh9/big.bin | sha256sum", timeout_s=60)
            assert big_sha256 in new.out, new
            until(lambda: frames(lab, on).get(counter, 0) > 100, "the counter", timeout_s=10)
        for fetch in fetches:
            assert fetch.resets() == "", fetch.name


def size(client: Client) -> int:
    return int(client.sh("stat -c %s /got 2>/dev/null || echo 0").out)
