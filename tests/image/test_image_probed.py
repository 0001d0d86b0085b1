"""The sidecar's own clients at every image: served, not served, hanging; and no line in the log of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from imagestack import Container, Place, Start, docker, wait

SERVER, VIP = 251, 253
Namespace = Callable[..., Container]

# Asks in the network of a container, as the agent does on a server.
ASK = """
import json, sys, time
from ipaddress import IPv4Address
from twinboot.adapters import clients, dhcpd
vip = IPv4Address(sys.argv[2])
probe = {
    "tftp": lambda: clients.serves_tftp("pxelinux.cfg/default"),
    "vsftpd": clients.serves_ftp,
    "httpd": lambda: clients.serves_http("ks/rh9-first.ks"),
    "bind": lambda: clients.serves_dns("ftp.example.lan", [vip]),
    "dhcpd": lambda: dhcpd.serves_dhcp("eth0", vip),
}[sys.argv[1]]
faults = [probe() for _ in range(int(sys.argv[3]))]
print(json.dumps(faults))
"""
SERVICES = ("tftp", "vsftpd", "httpd", "bind", "dhcpd")


def ask(service: str, inside: Container, place: Place, times: int = 1) -> list[str]:
    """The faults that the probe found."""
    pid = str(inside.inspect()["State"]["Pid"])
    done = subprocess.run(
        ("nsenter", "--net", "--target", pid,
         sys.executable, "-c", ASK, service, place.address(VIP), str(times)),
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    faults: list[str] = json.loads(done.stdout)
    return faults


def daemons(server: Container) -> list[str]:
    """Processes of the container on this machine, all but its init and its shells."""
    rows = docker("top", server.name, "-eo", "pid,comm").stdout.splitlines()[1:]
    pids = [row.split() for row in rows]
    known = ("tini", "sh", "busybox", "grep", "sleep", "entrypoint.sh")
    return [pid for pid, command in pids if command not in known]


@pytest.mark.parametrize("service", SERVICES)
def test_probes_find_what_a_client_would(
    service: str, place: Place, with_address: Namespace, start: Start
) -> None:
    namespace = with_address(SERVER, VIP)
    assert ask(service, namespace, place) != [""], "nothing runs there yet"
    server = start(service, inside=namespace).healthy()
    before = server.output()
    assert ask(service, namespace, place, 20) == [""] * 20
    assert server.output() == before, "a probe is no news"
    subprocess.run(("kill", "-STOP", *daemons(server)), check=True)
    try:
        (hanging,) = ask(service, namespace, place)
        assert "no answer within" in hanging
    finally:
        subprocess.run(("kill", "-CONT", *daemons(server)), check=True)
    wait("it serves again", lambda: ask(service, namespace, place) == [""], 10)
    docker("kill", server.name)
    assert ask(service, namespace, place)[0]


def test_a_probe_of_dhcpd_gives_no_lease_and_stays_on_the_server(
    place: Place, with_address: Namespace, start: Start, client: Container
) -> None:
    namespace = with_address(VIP)
    server = start("dhcpd", inside=namespace).healthy()
    client.exec("sh", "-c", "timeout 20 tcpdump -U -n -i eth0 -w /tmp/seen 'udp port 67' 2>/tmp/ready & true")
    wait("tcpdump listens", lambda: "listening" in client.exec("cat", "/tmp/ready").stdout, 10)
    assert ask("dhcpd", namespace, place, 5) == [""] * 5
    leases = server.exec("cat", "/var/lib/dhcp/dhcpd.leases").stdout
    assert "lease " not in leases.replace("lease file", "")
    # That the witness is not blind: a client's own DISCOVER is seen.
    client.exec("busybox", "udhcpc", "-i", "eth0", "-f", "-q", "-n", "-t", "1", check=False)
    seen = client.exec("tcpdump", "-n", "-r", "/tmp/seen").stdout.splitlines()
    assert seen
    assert not [line for line in seen if f"{place.address(VIP)}.68 > " in line], seen


def test_what_is_published_wrongly_is_told(place: Place, with_address: Namespace, start: Start) -> None:
    namespace = with_address(SERVER)
    start("bind", inside=namespace).healthy()
    pid = str(namespace.inspect()["State"]["Pid"])
    code = "from twinboot.adapters.probes.clients import serves_dns; print(serves_dns('nobody.example.lan'))"
    done = subprocess.run(
        ("nsenter", "--net", "--target", pid, sys.executable, "-c", code),
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "nobody.example.lan: NXDOMAIN\n"
