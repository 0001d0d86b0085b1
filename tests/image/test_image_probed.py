"""The sidecar's own clients at every image: served, not served, hanging; and no line in the log of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from imagestack import DAEMONS, Container, Place, Start, docker, wait
from longcases import long_but
from twinboot import daemons
from twinlab.host.engine import pause

SERVER, VIP = 251, 253
REPEATED_BLOCK = "read(ack): Connection refused"
Namespace = Callable[..., Container]
Ask = Callable[..., list[str]]

# Asks in the network of a container, as the agent does on a server.
ASK = """
import json, sys, time
from ipaddress import IPv4Address
from types import SimpleNamespace
from twinboot.agent.health.probes import PROBES
from twinboot.agent.settings import ServiceProbeTargets
from twinboot.daemons import BY_NAME
vip = IPv4Address(sys.argv[2])
settings = SimpleNamespace(
    service_probes=ServiceProbeTargets("pxelinux.cfg/default", "ks/rh9-first.ks", "ftp.example.lan"),
    lan=SimpleNamespace(interface="eth0"), vips={"first": SimpleNamespace(address=vip)},
)
probe = PROBES[BY_NAME[sys.argv[1]].probe](settings, vip, lambda: "trees/rh9/.treeinfo")
faults = [probe() for _ in range(int(sys.argv[3]))]
print(json.dumps(faults))
"""


@pytest.fixture
def python(model: dict[str, Any]) -> Callable[..., str]:
    """python(inside, code, *words): what it prints in the sidecar's image, in the network of a container."""

    beside: dict[str, Container] = {}

    def run(inside: Container, *words: str) -> str:
        if inside.name not in beside:
            beside[inside.name] = Container(f"{inside.name}-sidecar")
            docker(
                "run", "-d", "--name", beside[inside.name].name, "--network", f"container:{inside.name}",
                "--entrypoint", "sleep", model["sidecar"]["image"], "infinity",
            )  # fmt: skip
        return beside[inside.name].exec("python3", "-c", *words).stdout

    return run


@pytest.fixture
def ask(place: Place, python: Callable[..., str]) -> Ask:
    """ask(service, inside, times=1): the faults that the probe found."""

    def run(service: str, inside: Container, times: int = 1) -> list[str]:
        faults: list[str] = json.loads(python(inside, ASK, service, place.address(VIP), str(times)))
        return faults

    return run


@pytest.mark.parametrize("service", DAEMONS)
def test_probes_find_what_a_client_would(
    service: str, ask: Ask, with_address: Namespace, start: Start
) -> None:
    namespace = with_address(SERVER, VIP)
    assert ask(service, namespace) != [""], "nothing runs there yet"
    server = start(service, inside=namespace).healthy()
    before = server.output()
    assert ask(service, namespace, 20) == [""] * 20
    # A busy tftpd repeats its block to a probe that has left.
    said = [line for line in server.output().removeprefix(before).splitlines() if REPEATED_BLOCK not in line]
    assert said == [], "a probe is no news"
    pause(server.name)
    try:
        (hanging,) = ask(service, namespace)
        assert "no answer within" in hanging
    finally:
        docker("unpause", server.name)
    wait("it serves again", lambda: ask(service, namespace) == [""], 10)
    docker("kill", server.name)
    assert ask(service, namespace)[0]


@pytest.mark.parametrize("service", long_but(
    lambda service: service == "httpd", [one.name for one in daemons.DAEMONS if one.publishes]))
def test_a_tree_that_the_daemon_does_not_serve_is_a_fault(
    service: str, ask: Ask, place: Place, with_address: Namespace, start: Start
) -> None:
    namespace = with_address(SERVER, VIP)
    start(service, inside=namespace).healthy()
    file = place.trees / "rh9/.treeinfo"
    assert ask(service, namespace) == [""]
    try:
        file.chmod(0o600)
        (fault,) = ask(service, namespace)
        assert fault
        (place.trees / "rh9").chmod(0o700)
        assert ask(service, namespace) != [""]
    finally:
        (place.trees / "rh9").chmod(0o755)
        file.chmod(0o644)
    wait("it serves again", lambda: ask(service, namespace) == [""], 10)


def test_a_probe_of_dhcpd_gives_no_lease_and_stays_on_the_server(
    place: Place, ask: Ask, with_address: Namespace, start: Start, client: Container
) -> None:
    namespace = with_address(VIP)
    server = start("dhcpd", inside=namespace).healthy()
    client.exec("sh", "-c", "timeout 20 tcpdump -U -n -i eth0 -w /tmp/seen 'udp port 67' 2>/tmp/ready & true")
    wait("tcpdump listens", lambda: "listening" in client.exec("cat", "/tmp/ready").stdout, 10)
    assert ask("dhcpd", namespace, 5) == [""] * 5
    leases = server.exec("cat", "/var/lib/dhcp/dhcpd.leases").stdout
    assert "lease " not in leases.replace("lease file", "")
    # That the witness is not blind: a client's own DISCOVER is seen.
    client.exec("busybox", "udhcpc", "-i", "eth0", "-f", "-q", "-n", "-t", "1", check=False)
    seen = client.exec("tcpdump", "-n", "-r", "/tmp/seen").stdout.splitlines()
    assert seen
    assert not [line for line in seen if f"{place.address(VIP)}.68 > " in line], seen


def test_what_is_published_wrongly_is_told(
    python: Callable[..., str], with_address: Namespace, start: Start
) -> None:
    namespace = with_address(SERVER)
    start("bind", inside=namespace).healthy()
    code = "from twinboot.adapters.probes.clients import probe_dns; print(probe_dns('nobody.example.lan'))"
    assert python(namespace, code) == "nobody.example.lan: NXDOMAIN\n"
