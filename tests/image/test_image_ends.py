"""How a container ends, and what it does with HUP: the exit codes and signals the READMEs promise."""

from __future__ import annotations

import time

import pytest
from imagestack import Container, Start, docker, wait
from twinboot.daemons import BY_NAME, EVERYWHERE, Transport

PORT_TAKEN = {"tftp": 71, "vsftpd": 2, "httpd": 1}
LISTEN = {Transport.UDP: "UDP-RECV:{}", Transport.TCP: "TCP-LISTEN:{},fork"}  # of socat


@pytest.mark.parametrize("service", [one.name for one in EVERYWHERE if one.etc])
def test_hup_reads_again_and_goes_on(service: str, launch: Start) -> None:
    container = launch(service, options=("--health-interval", "500ms")).healthy()
    docker("kill", "-s", "HUP", container.name)
    checks = len(container.inspect()["State"]["Health"]["Log"])
    wait(
        "more health checks", lambda: len(container.inspect()["State"]["Health"]["Log"]) >= min(checks + 2, 5)
    )
    time.sleep(0.5)
    assert container.health() == "healthy"
    if service == "bind":
        assert "reloading configuration succeeded" in container.stdout()


def test_a_killed_daemon_ends_its_container(launch: Start) -> None:
    """No supervisor inside hides a dead daemon: the restart policy is compose's."""
    container = launch("dhcpd").healthy()
    container.exec("sh", "-c", "kill -KILL $(grep -lx dhcpd /proc/[0-9]*/comm | cut -d/ -f3)", user="967")
    assert container.exit_code(5.0) == 1
    assert "ended by itself with code 137" in container.stdout()


@pytest.mark.parametrize("service", PORT_TAKEN)
def test_a_taken_port_is_told(service: str, start: Start, with_address: Start) -> None:
    namespace: Container = with_address(251)
    (port,) = BY_NAME[service].ports
    listen = LISTEN[port.transport].format(port.number)
    namespace.exec(
        "sh", "-c", f"socat -u {listen},bind=0.0.0.0,reuseaddr OPEN:/dev/null >/dev/null 2>&1 &"
    )
    time.sleep(0.5)
    container = start(service, inside=namespace)
    assert container.exit_code() == PORT_TAKEN[service], container.output()[-800:]
    assert "in use" in container.stdout() or "bind" in container.stdout()
