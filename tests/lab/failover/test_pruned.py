"""A stand-by that could not take over: mended before anybody needs it, or told and gone past."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from alarmhelp import alarm_keys, alarm_texts
from labhelp import MACS, ODD, discover
from loghelp import ALL_ON_2, HOME, forget_losses, nothing_moves, view, wait_health
from twinboot.daemons import EVERYWHERE, names
from twinlab import Lab
from twinlab.host.server import Server, container_of
from twinlab.host.wait import until

LONG = pytest.mark.long
SOON_S = 40.0


@pytest.fixture(autouse=True)
def fresh(lab: Lab) -> Iterator[None]:
    yield
    forget_losses(lab)


def readiness(asked: Server, of: Server, group: str = "first") -> Any:
    return view(asked)["groups"][group]["readiness"][of.name]


def wait_ready(lab: Lab, of: Server, ready: bool) -> None:
    """All servers say so of this one."""
    for asked in lab.servers.values():
        what = f"{asked.name} to say ready={ready} of {of.name}"
        until(lambda one=asked: readiness(one, of)["ready"] is ready, what, timeout_s=SOON_S)


def exists(server: Server, service: str) -> bool:
    return server.docker("inspect", container_of(service), check=False).ok


def test_all_are_ready_and_say_their_version(lab: Lab) -> None:
    for server in lab.servers.values():
        wait_ready(lab, server, True)
        version = view(server)["version"]
        for peer in lab.servers.values():
            if peer.name != server.name:
                assert view(peer)["peers"][server.name]["version"] == version
    shown = lab.server(1).sidecar("twinboot", "status").out
    assert "could take over" in shown


def test_a_pruned_stand_by_gets_its_dhcpd_back_and_takes_over(lab: Lab) -> None:
    one, two = lab.server(1), lab.server(2)
    wait_ready(lab, two, True)
    made_like = ("inspect", "-f", "{{json .HostConfig}} {{json .Config.Cmd}}", container_of("dhcpd"))
    created = two.docker(*made_like).out
    with nothing_moves(lab):
        two.docker("container", "prune", "-f")
        until(lambda: exists(two, "dhcpd"), "dhcpd's container to be made again", timeout_s=SOON_S)
        assert two.docker(*made_like).out == created
        wait_ready(lab, two, True)
        assert not [key for key in alarm_keys(view(two)) if key[1].startswith("server2")]
    with lab.fault("power-off", one.name):
        lab.wait_owned(ALL_ON_2)
        until(lambda: discover(lab, "--mac", MACS[ODD])["offers"], "server2 to serve DHCP", timeout_s=SOON_S)
    lab.wait_owned(HOME, timeout_s=90)


@LONG
def test_pruned_the_moment_before_the_power_goes(lab: Lab) -> None:
    """Nobody has noticed yet: the start of dhcpd itself makes the container."""
    one, two = lab.server(1), lab.server(2)
    wait_ready(lab, two, True)
    two.docker("container", "prune", "-f")
    with lab.fault("power-off", one.name):
        lab.wait_owned(ALL_ON_2)
        until(lambda: discover(lab, "--mac", MACS[ODD])["offers"], "server2 to serve DHCP", timeout_s=SOON_S)
    lab.wait_owned(HOME, timeout_s=90)


@pytest.mark.parametrize(
    "service", [pytest.param(one, marks=[] if one == "vsftpd" else LONG) for one in names(EVERYWHERE)]
)
def test_any_daemon_that_was_removed_comes_back(lab: Lab, service: str) -> None:
    server = lab.server(2)
    wait_health(server, service, "good")
    server.docker("rm", "-f", container_of(service))
    until(lambda: exists(server, service), f"{service}'s container to be made again", timeout_s=SOON_S)
    wait_health(server, service, "good")
    lab.wait_owned(HOME, timeout_s=90)


@pytest.mark.long
def test_what_only_compose_can_make_is_told_on_both_and_no_planned_move_goes_there(lab: Lab) -> None:
    one, two = lab.server(1), lab.server(2)
    with lab.fault("remove-service", two.name, "dhcpd"):
        wait_ready(lab, two, False)
        told = "its container is gone; `make up` on server2"
        for server in (one, two):  # the engine proxy's restart is told before
            until(
                lambda one=server: told in alarm_texts(view(one)).get(("not-ready", "server2/dhcpd"), ""),
                f"{server.name} to tell it", timeout_s=SOON_S,
            )
        refused = one.sidecar("twinboot", "standby", check=False)
        assert refused.code == 1
        assert "server2 would take group first and could not serve it" in refused.err
        assert "`make up` on server2" in refused.err
        assert "could not: dhcpd: its container is gone" in one.sidecar("twinboot", "status").out
        assert view(one)["state"] == "active"
        two.compose("up", "-d", "--no-deps", "dhcpd")
        wait_ready(lab, two, True)
        assert one.sidecar("twinboot", "standby", "--ask").ok
    lab.wait_owned(HOME, timeout_s=90)


@pytest.mark.long
def test_files_that_dhcpd_would_refuse_are_found_where_it_does_not_run(lab: Lab) -> None:
    two = lab.server(2)
    etc = two.docker("volume", "inspect", "-f", "{{.Mountpoint}}", "twinboot_etc").out.strip()
    before = two.exec("readlink", f"{etc}/current").out.strip()
    spoilt = f"{before}-spoilt"
    script = (
        f"cd {etc} && rm -rf {spoilt} && cp -a {before} {spoilt} && "
        f"echo 'subnet is no such' >>{spoilt}/dhcpd/dhcpd.conf && ln -sfn {spoilt} current"
    )
    two.exec("sh", "-c", script)
    try:
        wait_ready(lab, two, False)
        assert "refuses its configuration" in " ".join(readiness(lab.server(1), two)["why"])
    finally:
        two.exec("sh", "-c", f"cd {etc} && ln -sfn {before} current && rm -rf {spoilt}")
    wait_ready(lab, two, True)


@pytest.mark.long
def test_a_server_that_left_was_heard_until_then(lab: Lab) -> None:
    def all_up() -> bool:
        return {link["state"] for link in view(lab.server(1))["peers"]["server2"]["links"].values()} == {"up"}

    until(all_up, "every link to be heard", timeout_s=SOON_S)
    with lab.fault("stop-sidecar", "server2"):
        def left() -> bool:
            return bool(view(lab.server(1))["peers"]["server2"]["left"])

        until(left, "server1 to know that server2 left", timeout_s=SOON_S)
        links = view(lab.server(1))["peers"]["server2"]["links"]
        assert all(link["age_ms"] is not None for link in links.values()), links
    lab.wait_owned(HOME, timeout_s=90)
