"""Machines are restarted for their install: real servers, emulated BMCs (sushy-tools, ipmi_sim)."""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from labhelp import EVEN, host, lan_address
from twinlab import Lab
from twinlab.host import client as clients
from twinlab.host import testlab
from twinlab.host.client import Client
from twinlab.host.engine import docker
from twinlab.host.images import BMC_IMAGE, build_test_image
from twinlab.host.server import Server
from twinlab.host.wait import until

pytestmark = pytest.mark.long

USER, PASSWORD = "twinboot", "swordfish"
BMC = 70
REDFISH, HANGING, NOBODY, IPMI = 8001, 8002, 8003, 623
SPREAD_S = 30.0
TOKEN = "0123456789abcdef"


def say(text: str) -> None:
    print(f"lab: {text}", flush=True)


@dataclass(frozen=True)
class Rack:
    lab: Lab
    bmcs: Client

    def typed(self, *words: str, server: int = 1) -> tuple[int, dict[str, str]]:
        """Exit code, and what is said of each host."""
        said = self.lab.server(server).docker(
            "exec", "twinboot-sidecar-1", "twinboot", *words, check=False, timeout_s=200)
        lines = re.findall(r"^([a-z0-9-]+): (.*)$", said.out, re.M)
        return said.code, dict(lines)

    def ipmi(self) -> list[str]:
        """What the machine behind IPMI was told."""
        return self.bmcs.sh(f"cat /var/log/ipmi-{IPMI} 2>/dev/null", check=False).out.splitlines()

    def redfish(self) -> list[Any]:
        """And what the one behind Redfish was."""
        said = self.bmcs.sh(f"cat /var/log/redfish-{REDFISH} 2>/dev/null", check=False).out.splitlines()
        told = [json.loads(line) for line in said]
        return [one["body"] for one in told if "Sessions" not in one["path"]]


def machine(server: Server, name: str) -> dict[str, Any]:
    said = server.sidecar("twinboot", "machine", name, "--json", check=False)
    found: dict[str, Any] = json.loads(said.out) if said.ok else {}
    return found


@pytest.fixture(scope="module")
def rack() -> Iterator[Rack]:
    build_test_image(BMC_IMAGE, say)
    pem = docker("run", "--rm", BMC_IMAGE, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                 "-keyout", "/dev/stdout", "-out", "/dev/stdout", "-days", "30", "-subj", "/CN=bmc").out
    certificate = pem[pem.index("-----BEGIN CERTIFICATE"):]
    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest()

    def power(port: int, kind: str = "redfish", secret: str = "good", **more: str) -> dict[str, str]:
        file = f"secrets/power/{secret}"
        return {"kind": kind, "address": f"192.168.0.{BMC}:{port}", "password_file": file, **more}

    def entry(number: int, **more: str) -> dict[str, Any]:
        return {"mac": f"52:54:00:00:02:{number}", "address": f"192.168.0.{number}", "profile": "rh9", **more}

    hosts: dict[str, Any] = {
        "cli128": {"power": power(REDFISH, verify=fingerprint)},
        "cli129": {"power": power(IPMI, "ipmi")},
        "hanging": {**entry(71), "power": power(HANGING, verify="off")},
        "dead": {**entry(72), "power": power(NOBODY, verify="off")},
        "wrong": {**entry(73), "power": power(REDFISH, secret="bad", verify="off", system="one")},
        "bare": entry(74),
    }
    site = {"power": {"user": USER, "interval_s": 0.2}, "hosts": hosts}
    secrets = {"power/good": f"{PASSWORD}\n".encode(), "power/bad": b"wrong\n"}
    lab = Lab(testlab.name("power"), say)
    lab.down()
    try:
        lab.up(patch=site, bmc_secrets=secrets)
        bmcs = clients.start(lab.layout, "sleep", "infinity", name="bmcs", image=BMC_IMAGE,
                             ip=lan_address(lab, BMC))  # fmt: skip
        docker("exec", "-i", bmcs.container, "sh", "-c", "mkdir /tls && tee /tls/key.pem >/tls/cert.pem",
               stdin=pem.encode())  # fmt: skip
        for command in (f"redfish {REDFISH} {USER} {PASSWORD} one", f"hanging {HANGING}",
                        f"ipmi {IPMI} {USER} {PASSWORD}"):  # fmt: skip
            docker("exec", "-d", bmcs.container, "sh", "-c", command)
        made = Rack(lab, bmcs)
        for name in ("cli128", "cli129"):
            until(lambda name=name: made.typed("power", name)[1].get(name) in ("on", "off"),
                  f"the BMC of {name} answers", timeout_s=60)  # type: ignore[misc]
        yield made
    finally:
        lab.down()


def test_it_is_ordered_everywhere_and_restarted_once(rack: Rack) -> None:
    code, said = rack.typed("install", "cli128", "cli129", "--now")
    assert code == 0, said
    assert said["cli128"] == said["cli129"] == "network boot set once, switched on"
    once = {"Boot": {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}}
    assert rack.redfish() == [once, {"ResetType": "On"}]
    assert rack.ipmi() == ["boot pxe", "power 1"]
    other = rack.lab.server(2)
    for name in ("cli128", "cli129"):
        until(lambda name=name: "switched on" in machine(other, name).get("words", ""),  # type: ignore[misc]
              f"server2 knows that {name} was restarted", timeout_s=SPREAD_S)
        assert machine(other, name)["boots"] == "install"
    until(lambda: rack.typed("power", "cli129")[1] == {"cli129": "on"}, "it is on", timeout_s=30)
    assert rack.typed("power", "cli129", "off", server=2)[1] == {"cli129": "switched off"}
    assert rack.ipmi()[-1] == "power 0"


def test_each_failure_is_its_own_hosts(rack: Rack) -> None:
    begun = time.monotonic()
    code, said = rack.typed("install", "hanging", "dead", "wrong", "bare", "cli129", "--now")
    assert code == 1
    assert said["cli129"].startswith("network boot set once")
    for name, words in (("hanging", "does not answer"), ("dead", "does not answer"),
                        ("wrong", "the user or the password"), ("bare", "by hand")):  # fmt: skip
        assert said[name].startswith("FAILED: "), said
        assert words in said[name]
        until(lambda name=name, words=words: words in machine(rack.lab.server(2), name).get("words", ""),
              f"server2 knows why {name} was not restarted", timeout_s=SPREAD_S)  # type: ignore[misc]
    assert time.monotonic() - begun < 60
    assert rack.lab.owners() == {"first": ["server1"], "second": ["server2"]}, "and nothing else has waited"
    assert rack.typed("power", "bare", "on")[0] == 1
    assert rack.typed("install", "nobody", "--now")[0] == 1


def test_a_machine_that_is_being_installed_is_left_alone(rack: Rack) -> None:
    url = f"http://{rack.lab.address('second')}/report/cli128/start?token={TOKEN}"
    with host(rack.lab, EVEN) as itself:
        until(lambda: itself.sh(f"curl -s --max-time 20 '{url}'").out.strip() == "go", "its install begins",
              timeout_s=30)  # fmt: skip
    before = rack.redfish()
    code, said = rack.typed("install", "cli128", "--now", server=2)
    assert code == 1
    assert "being installed (packages)" in said["cli128"]
    assert "being installed" in rack.typed("power", "cli128", "cycle")[1]["cli128"]
    assert rack.redfish() == before
    assert machine(rack.lab.server(1), "cli128")["state"] == "packages", "its install goes on"
    code, said = rack.typed("install", "cli128", "--now", "--force", server=2)
    assert code == 0, said
    assert len(rack.redfish()) == len(before) + 2
    assert machine(rack.lab.server(1), "cli128")["boots"] == "install"


def test_a_server_that_dies_in_between_leaves_the_order(rack: Rack) -> None:
    one, two = rack.lab.server(1), rack.lab.server(2)
    one.sidecar("twinboot", "local", "hanging")
    one.docker("exec", "-d", "twinboot-sidecar-1", "twinboot", "install", "hanging", "--now")
    asked = "server1 was asked to restart it, and has not said yet that it did"
    until(lambda: machine(two, "hanging").get("words") == asked, "the order is at server2", timeout_s=10)
    with rack.lab.fault("power-off", "server1"):
        rack.lab.wait_owned(dict.fromkeys(rack.lab.addresses, "server2"))
        found = machine(two, "hanging")
        assert (found["boots"], found["state"], found["words"]) == ("install", "waiting", asked)
        code, said = rack.typed("install", "cli129", "--now", server=2)
        assert code == 0, said
    rack.lab.wait_owned()


def test_without_the_service_it_is_one_line(rack: Rack) -> None:
    server = rack.lab.server(1)
    until(lambda: server.containers().get("power") == "running", "power runs", timeout_s=60)
    server.compose("stop", "power")
    try:
        code, said = rack.typed("power", "cli129")
        assert code == 1
        assert "`make up`" in said["cli129"]
    finally:
        server.compose("start", "power")
    until(lambda: rack.typed("power", "cli129")[0] == 0, "it answers again", timeout_s=60)
