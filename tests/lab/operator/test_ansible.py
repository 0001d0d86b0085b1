"""Ansible as an operator calls it: the inventory and the playbook of config/examples, unchanged, against the
API of real servers. A machine is installed anew while the server dies that answers the playbook."""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Iterator

import pytest
from apihelp import API, TLS, TOKEN, audit, trusted
from labhelp import machines, own_lab
from twinlab import Lab
from twinlab.demo.machines import contained
from twinlab.demo.standin import build_standin, client_image
from twinlab.demo.timeline import Timeline
from twinlab.host import images
from twinlab.host.client import Client
from twinlab.host.engine import Result, docker
from twinlab.host.labsite import ROOT
from twinlab.host.wait import until

pytestmark = pytest.mark.long

HOST, NEIGHBOUR = "cli128", "cli129"
IMAGE = f"twinboot-test/ansible:{images.VERSION}"
LIST = "ansible-inventory -i twinboot_inventory.py --list"
INSTALL_S = 300.0
TOKEN_FILE = "/root/token"


def say(text: str) -> None:
    print(f"lab: {text}", flush=True)


@pytest.fixture(scope="module")
def pair() -> Iterator[Lab]:
    with own_lab("ansible", trees=build_standin(say), patch={"api": {**API, "read": "token"}}) as made:
        yield made


@pytest.fixture
def operator(pair: Lab) -> Iterator[Client]:
    """Their machine: the examples, the certificate and a token."""
    images.build_test_image(IMAGE, say)
    with pair.machine(image=IMAGE) as made:
        docker("cp", str(ROOT / "config/examples/ansible"), f"{made.container}:/root/twinboot")
        trusted(made, pair.server(1))
        made.sh(f"umask 077; echo {TOKEN} >{TOKEN_FILE}")
        yield made


def ansible(client: Client, lab: Lab, command: str, **settings: str) -> Result:
    """A command in the folder of the examples. settings: of the environment, in place of the usual ones."""
    usual = {"TWINBOOT_URL": f"https://{lab.address('second')}", "TWINBOOT_CA": TLS,
             "TWINBOOT_TOKEN_FILE": TOKEN_FILE, "LC_ALL": "C.UTF-8"}  # fmt: skip
    words = " ".join(f"{name}={shlex.quote(value)}" for name, value in {**usual, **settings}.items())
    return client.sh(f"cd /root/twinboot && {words} {command}", check=False, timeout_s=2 * INSTALL_S)


def reinstall(client: Client, lab: Lab, options: str, **settings: str) -> Result:
    command = f"ansible-playbook -i twinboot_inventory.py reinstall.yml {options}"
    return ansible(client, lab, command, **settings)


def test_what_would_erase_too_much_or_burn_a_token_is_refused_before_anything_is_done(
    pair: Lab, operator: Client
) -> None:
    for options, settings, said in (
        ("", {}, "name the machines with --limit: their disks are erased"),
        (f"--limit {HOST}", {"TWINBOOT_URL": f"http://{pair.address('second')}"}, "https://ADDRESS"),
        (f"--limit {HOST}", {"TWINBOOT_TOKEN_FILE": ""}, "a file with a token"),
    ):
        # the inventory of a file: the script itself refuses some of these settings
        given = f"-i {HOST},{NEIGHBOUR} {options}"
        done = ansible(operator, pair, f"ansible-playbook {given} reinstall.yml", **settings)
        assert done.code != 0
        assert said in done.out, done.out
    done = reinstall(operator, pair, "--limit nobody")
    assert done.code != 0
    assert not any("install" in action["what"] for action in audit(pair.server(1)))


def test_the_inventory_has_the_machines_by_what_they_are(pair: Lab, operator: Client) -> None:
    one, two = (pair.site["servers"][name]["address"] for name in ("server1", "server2"))
    with pair.fault("power-off", "server2"):
        done = ansible(operator, pair, LIST, TWINBOOT_URL=f"https://{two}, https://{one}")
        assert done.ok, done.out + done.err
        found = json.loads(done.out)
        assert set(found["profile_rh9"]["hosts"]) >= {HOST, NEIGHBOUR}
        assert found["_meta"]["hostvars"][HOST]["ansible_host"] == pair.site["hosts"][HOST]["address"]
    pair.wait_owned()
    done = ansible(operator, pair, LIST, TWINBOOT_TOKEN_FILE="")
    assert "401" in done.out + done.err, "reading takes a token in this site"


def test_a_machine_is_installed_anew_while_its_server_dies(pair: Lab, operator: Client) -> None:
    assert machines(pair.server(1))[HOST]["state"] == "waiting"
    for server in pair.servers.values():
        server.sidecar("twinboot", "local", HOST)
    played: list[Result] = []
    play = threading.Thread(target=lambda: played.append(reinstall(operator, pair, f"--limit {HOST}")))
    play.start()
    until(lambda: machines(pair.server(1))[HOST]["boots"] == "install", "the order", timeout_s=60)
    # it was not to be reached, and is switched on by hand
    macs = {server.mac: name for name, server in pair.servers.items()}
    machine = contained(pair, HOST, Timeline(), macs, "100mbit", image=client_image())
    try:
        machine.wait_for("install-start", timeout_s=INSTALL_S)
        with pair.fault("power-off", "server2"):
            machine.wait_for("complete", timeout_s=INSTALL_S)
            play.join(INSTALL_S)
            assert played, "the playbook ends while the server is away"
        (done,) = played
        assert done.ok, done.out + done.err
        assert "UNREACHABLE" in done.out, done.out
        assert machines(pair.server(1))[HOST]["state"] == "done"
        assert machines(pair.server(1))[NEIGHBOUR]["state"] == "waiting"
    finally:
        machine.meter.stop()
        machine.container.remove()
        play.join(INSTALL_S)
