"""Daemons that do not serve: repaired where they are, or their groups handed over; never for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from alarmhelp import alarm_keys
from labhelp import MACS, ODD, discover
from loghelp import (
    ALL_ON_2,
    HOME,
    LogWindow,
    forget_losses,
    health,
    nothing_moves,
    view,
    wait_health,
    wait_lines,
)
from twinboot.daemons import BY_NAME, DHCPD, EVERYWHERE, names
from twinlab import Lab
from twinlab.host.server import Server
from twinlab.host.wait import until


@pytest.fixture(autouse=True)
def fresh(lab: Lab) -> Iterator[None]:
    yield
    forget_losses(lab)


def container(service: str) -> str:
    return f"twinboot-{service}-1"


@contextmanager
def refusing(*servers: Server) -> Iterator[None]:
    """vsftpd runs, restarts included, and whoever comes to it is turned away."""
    rules = (
        "add table inet refuse; add chain inet refuse in { type filter hook input priority 0; };"
        " add rule inet refuse in tcp dport 21 reject with tcp reset"
    )
    for server in servers:
        server.exec("nft", rules)
    try:
        yield
    finally:
        for server in servers:
            server.exec("nft", "delete table inet refuse")


def test_every_daemon_is_found_good(lab: Lab) -> None:
    wait_health(lab.server(1), "dhcpd", "good")
    for server in lab.servers.values():
        for service in names(EVERYWHERE):
            wait_health(server, service, "good")
    shown = lab.server(1).sidecar("twinboot", "status").out
    assert "hold-down" in shown
    for service in (one.name for one in EVERYWHERE if one.publishes):
        asked = [line for line in lab.server(1).logs(service).splitlines() if "127.0.0.1" in line]
        assert asked == [], "probes are no news"
    assert f"DHCPINFORM from {lab.address('first')} " not in lab.server(1).logs("dhcpd")


def test_a_killed_daemon_is_started_again(lab: Lab) -> None:
    server, window = lab.server(1), LogWindow(lab)
    server.docker("kill", container("vsftpd"))  # after this the engine itself does not start it again
    wait_lines(lambda: window.lines("service-restarted", "service=vsftpd", server=1), "the repair")
    wait_health(server, "vsftpd", "good")
    assert server.containers()["vsftpd"] == "running"
    # Where the engine itself takes seconds, the group may have gone to the peer meanwhile, and comes back.
    assert not window.moves() or window.lines("daemon-broken", "service=vsftpd", server=1)
    lab.wait_owned(HOME)


@pytest.mark.parametrize(
    "service",
    [
        pytest.param(service, marks=[] if service == "tftp" else [pytest.mark.long])
        for service in sorted({*names(EVERYWHERE)} - {"vsftpd"})
    ],
)
def test_a_daemon_that_hangs_is_repaired(lab: Lab, service: str) -> None:
    server = lab.server(1)
    window = LogWindow(lab)
    wait_health(server, service, "good")
    server.exec("pkill", "-STOP", "-x", BY_NAME[service].process)
    wait_lines(lambda: window.lines("service-restarted", f"service={service}", server=1), "the repair")
    wait_health(server, service, "good")
    assert window.lines("daemon-failing", f"service={service}", server=2) == []
    lab.wait_owned(HOME)


@pytest.mark.long
def test_a_dhcpd_that_hangs_is_repaired(lab: Lab) -> None:
    server, window = lab.server(1), LogWindow(lab)
    wait_health(server, "dhcpd", "good")
    server.exec("pkill", "-STOP", "-x", DHCPD.process)
    wait_lines(lambda: window.lines("service-restarted", "service=dhcpd"), "the repair")

    def answered() -> bool:
        return len(discover(lab, "--mac", MACS[ODD])["offers"]) == 1

    until(answered, "one answer to a DISCOVER", timeout_s=30)


@pytest.mark.long
def test_a_daemon_beyond_repair_moves_the_groups_and_they_come_back(lab: Lab) -> None:
    server, window = lab.server(1), LogWindow(lab)
    with refusing(server):
        lab.wait_owned(ALL_ON_2)
        assert health(server, "vsftpd") == "broken"
        for one in lab.servers.values():
            assert ("service-broken", "server1/vsftpd") in alarm_keys(view(one))
        with lab.machine() as client:
            for address in lab.addresses.values():
                client.sh(f"curl -sSf -o t ftp://{address}/trees/rh9/.treeinfo")
        assert window.lines("service-restarted", "service=vsftpd", server=1), "repair came first"
    lab.wait_owned(HOME)
    wait_health(server, "vsftpd", "good")


@pytest.mark.long
def test_a_daemon_broken_on_both_moves_nothing(lab: Lab) -> None:
    with nothing_moves(lab), refusing(lab.server(1), lab.server(2)):
        for number in (1, 2):
            wait_health(lab.server(number), "vsftpd", "broken")
        assert lab.owners() == {group: [name] for group, name in HOME.items()}
    for number in (1, 2):
        wait_health(lab.server(number), "vsftpd", "good")


def test_a_dhcpd_beyond_repair_moves_its_group_alone(lab: Lab) -> None:
    server = lab.server(1)
    flag = "/run/dhcpd-hangs"
    hang = f"while [ -e {flag} ]; do pkill -STOP -x {DHCPD.process}; sleep 0.1; done"
    server.exec("sh", "-c", f"touch {flag}; ({hang}) >/dev/null 2>&1 &")
    try:
        lab.wait_owned(ALL_ON_2)

        def offers() -> list[str]:
            return [offer["server_id"] for offer in discover(lab, "--mac", MACS[ODD])["offers"]]

        # The one that hangs takes its time to be stopped, and only then the other one starts.
        until(lambda: offers() == [lab.address("first")], "an offer of the taker", timeout_s=20)
    finally:
        server.exec("rm", "-f", flag)  # it comes home when the sidecar forgets; by itself in a minute


def test_an_image_swapped_in_operation_moves_nothing(lab: Lab) -> None:
    server = lab.server(1)
    image = server.docker("inspect", "-f", "{{.Config.Image}}", container("vsftpd")).out.strip()
    server.docker("tag", image, "mine/vsftpd:2")
    variable = "TWINBOOT_VSFTPD_IMAGE=mine"
    try:
        with nothing_moves(lab) as window:
            server.exec("sh", "-c", f"echo {variable}/vsftpd:2 >>/opt/twinboot/compose/.env")
            server.compose("up", "-d", "--no-deps", "vsftpd")
            wait_health(server, "vsftpd", "good")
            started = server.started_at()["vsftpd"]
            wait_health(server, "vsftpd", "good")
            assert server.started_at()["vsftpd"] == started, "nobody restarted what compose had made"
            used = server.docker("inspect", "-f", "{{.Config.Image}}", container("vsftpd")).out.strip()
            assert used == "mine/vsftpd:2"
            assert window.lines("service-restarted", server=1) == []
    finally:
        server.exec("sed", "-i", f"/^{variable}/d", "/opt/twinboot/compose/.env")
        server.compose("up", "-d", "--no-deps", "vsftpd")
