"""A machine is installed once: also when its server dies between the end of its install and its next start.

In the long cases the machine is the stand-in in a container (tests/standin): it boots as a PXE ROM and
PXELINUX do, asks, installs from the real servers and reports. The short one says what an installer would say.
That its disk is started is seen in what its boot loader is told.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from labhelp import EVEN, ODD, host, machines, own_lab
from twinlab import Lab
from twinlab.demo.machines import Machine, contained
from twinlab.demo.standin import build_standin, client_image
from twinlab.demo.timeline import Timeline
from twinlab.host.client import Client
from twinlab.host.server import Server
from twinlab.host.wait import until

HOST, TOKEN = "cli128", "0123456789abcdef"
INSTALL_S, SPREAD_S = 300.0, 30.0


def say(text: str) -> None:
    print(f"lab: {text}", flush=True)


@pytest.fixture(scope="module")
def pair() -> Iterator[Lab]:
    with own_lab("once", trees=build_standin(say)) as made:
        yield made


def wait_state(server: Server, state: str, timeout_s: float = SPREAD_S) -> None:
    until(lambda: machines(server).get(HOST, {}).get("state") == state, f"{server.name}: {HOST} is {state}",
          timeout_s=timeout_s)


def boots(lab: Lab, group: str) -> str:
    """What PXELINUX is told at a group's address, in a word."""
    with lab.machine() as client:
        mac = str(lab.site["hosts"][HOST]["mac"]).replace(":", "-")
        got = client.sh(
            f"tftp {lab.address(group)} -m binary -c get pxelinux.cfg/01-{mac} cfg; cat cfg", check=False
        )
    if "LOCALBOOT" not in got.out:
        return "nothing"
    return "install" if "vmlinuz" in got.out else "disk"


def start(lab: Lab) -> Machine:
    """The machine is switched on, with its first boot device the network."""
    macs = {server.mac: name for name, server in lab.servers.items() if server.power == "running"}
    return contained(lab, HOST, Timeline(), macs, "500mbit", image=client_image())


def switch_off(machine: Machine) -> None:
    machine.meter.stop()
    machine.container.remove()


def test_what_is_installed_starts_its_disk_on_every_server(lab: Lab) -> None:
    one, two = lab.server(1), lab.server(2)
    try:
        until(lambda: boots(lab, "second") == "install", "an install is offered", timeout_s=SPREAD_S)
        with host(lab, EVEN) as itself, host(lab, ODD) as neighbour:
            def said(client: Client, event: str) -> str:
                url = f"http://{lab.address('second')}/report/{HOST}/{event}?token={TOKEN}"
                return client.sh(f"curl -s --max-time 20 '{url}'").out.strip()

            assert said(neighbour, "start").startswith("no "), "a neighbour begins no install"
            assert said(itself, "done").startswith("no "), "none has begun"
            assert said(itself, "start") == "go"
            assert {boots(lab, group) for group in lab.addresses} == {"disk"}, "it erases once"
            assert said(neighbour, "done").startswith("no "), "a neighbour ends no install"
            assert said(itself, "done") == "ok"
            with lab.fault("power-off", "server2"):
                lab.wait_owned(dict.fromkeys(lab.addresses, "server1"))
                assert machines(one)[HOST]["state"] == "done"
                assert boots(lab, "second") == "disk"
                assert said(itself, "start").startswith("no "), "its server's death makes it no new machine"
        for server in (one, two):
            server.docker("restart", "twinboot-sidecar-1")
        lab.wait_owned()
        for server in (one, two):
            wait_state(server, "done", timeout_s=60)
        assert {boots(lab, group) for group in lab.addresses} == {"disk"}
    finally:
        one.sidecar("twinboot", "install", HOST)
    assert {boots(lab, group) for group in lab.addresses} == {"install"}


@pytest.mark.long
def test_a_machine_installs_once(pair: Lab) -> None:
    one, two = pair.server(1), pair.server(2)
    until(lambda: boots(pair, "second") == "install", "the first install is offered", timeout_s=SPREAD_S)
    assert machines(one)[HOST]["state"] == "waiting"

    machine = start(pair)
    machine.wait_for("install-start", timeout_s=INSTALL_S)
    for server in (one, two):
        wait_state(server, "packages")
    assert boots(pair, "second") == "disk", "one that starts anew in mid-install is not erased once more"
    machine.wait_for("complete", timeout_s=INSTALL_S)
    switch_off(machine)
    with pair.fault("power-off", "server2"):
        pair.wait_owned(dict.fromkeys(pair.addresses, "server1"))
        assert machines(one)[HOST]["state"] == "done"
        assert boots(pair, "second") == "disk"
        again = start(pair)
        until(lambda: again.failed, "the machine has started anew", timeout_s=INSTALL_S)
        assert "names no kernel" in str(again.failed), again.failed
        switch_off(again)
    wait_state(two, "done", timeout_s=120)

    for server in (one, two):
        server.docker("restart", "twinboot-sidecar-1")
    pair.wait_owned()
    for server in (one, two):
        wait_state(server, "done", timeout_s=60)
    assert {boots(pair, group) for group in pair.addresses} == {"disk"}
    assert machines(one)["cli129"]["boots"] == "install", "the other host was never installed"


@pytest.mark.long
def test_a_neighbour_neither_begins_nor_ends_it(pair: Lab) -> None:
    url = f"http://{pair.address('first')}/report/{HOST}"
    with host(pair, ODD) as neighbour:
        for event in ("start", "done", "error", "progress"):
            said = neighbour.sh(f"curl -s '{url}/{event}?token=0123456789abcdef'").out
            assert said.startswith("no "), said
    with host(pair, EVEN) as itself:
        assert itself.sh(f"curl -s '{url}/done?token=0123456789abcdef'").out.startswith("no ")
        assert itself.sh(f"curl -s '{url}/start?token=short'").out.startswith("no a token")
        assert itself.sh(f"curl -s '{url}/start?token=0123456789abcdef'").out.startswith("no it is installed")


@pytest.mark.long
def test_an_operator_asks_for_another_install(pair: Lab) -> None:
    pair.wait_owned()
    one, two = pair.server(1), pair.server(2)
    refused = one.sidecar("twinboot", "install", "nobody", check=False)
    assert refused.code == 1
    assert "nobody" in refused.err
    one.sidecar("twinboot", "install", HOST)
    assert {boots(pair, group) for group in pair.addresses} == {"install"}
    two.sidecar("twinboot", "local", HOST)
    assert {boots(pair, group) for group in pair.addresses} == {"disk"}
    two.sidecar("twinboot", "install", HOST)
    machine = start(pair)
    machine.wait_for("complete", timeout_s=INSTALL_S)
    switch_off(machine)
    assert machines(two)[HOST]["state"] == "done"
    assert {boots(pair, group) for group in pair.addresses} == {"disk"}
