"""The image power, as hardened as compose runs it, with emulated BMCs: sushy-tools, OpenIPMI's simulator."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from imagestack import Container, Place, arguments, docker, wait
from twinboot.power.logic import targets
from twinboot.power.logic.targets import Target, Targets
from twinlab.host.images import BMC_IMAGE, POWER_GROUP, build_test_image

REDFISH, TWO_SYSTEMS, NOBODY, HANGING, IPMI, NO_IPMI = 8001, 8002, 8003, 8004, 623, 6231
USER, PASSWORD = "twinboot", "swordfish"
BMC = 31
ASK = """
import json, socket, sys, threading
def ask(question, found):
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(100)
        asking.connect("/run/power/power.sock")
        asking.sendall(json.dumps(question).encode() + b"\\n")
        found[question["host"]] = json.loads(asking.makefile().readline())
found = {}
threads = [threading.Thread(target=ask, args=(one, found)) for one in json.loads(sys.argv[1])]
for one in threads: one.start()
for one in threads: one.join()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def bmcs(place: Place) -> Container:
    """Machines behind BMCs of both kinds."""
    build_test_image(BMC_IMAGE, print, again=True)
    name = f"{place.prefix}-bmcs"
    docker("run", "-d", "--name", name, "--network", place.network, "--ip", place.address(BMC), BMC_IMAGE)
    made = Container(name)
    made.exec("mkdir", "/tls")
    made.exec(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "/tls/key.pem", "-out",
        "/tls/cert.pem", "-days", "30", "-subj", "/CN=bmc", "-addext",
        f"subjectAltName=IP:{place.address(BMC)}",
    )  # fmt: skip
    for command in (
        ("redfish", str(REDFISH), USER, PASSWORD, "one"),
        ("redfish", str(TWO_SYSTEMS), USER, PASSWORD, "a", "b"),
        ("ipmi", str(IPMI), USER, PASSWORD), ("hanging", str(HANGING)),
    ):  # fmt: skip
        docker("exec", "-d", name, *command)
    for port in (REDFISH, TWO_SYSTEMS, HANGING):
        connect = f"import socket; socket.create_connection(('127.0.0.1', {port}))"
        wait(f"port {port}", lambda connect=connect: not made.exec(  # type: ignore[misc]
            "python3", "-c", connect, check=False).returncode)
    return made


def hosts(place: Place, bmcs: Container) -> dict[str, Target]:
    """One of each way in which it may go."""
    shown = bmcs.exec("openssl", "x509", "-in", "/tls/cert.pem", "-noout", "-fingerprint", "-sha256").stdout
    fingerprint = shown.strip().rpartition("=")[2].replace(":", "").lower()

    def target(kind: str, port: int, secret: str = "good", **more: str) -> Target:
        return Target(kind, f"{place.address(BMC)}:{port}", USER, f"secrets/power/{secret}", **more)

    return {
        "by-authority": target("redfish", REDFISH, verify="secrets/power/ca.pem"),
        "by-fingerprint": target("redfish", REDFISH, verify=fingerprint),
        "by-http": target("redfish", REDFISH, verify="off", firmware="uefi-http"),
        "system-b": target("redfish", TWO_SYSTEMS, verify="off", system="b"),
        "ipmi": target("ipmi", IPMI),
        "other-fingerprint": target("redfish", REDFISH, verify="0" * 64),
        "no-authority": target("redfish", REDFISH),
        "wrong-password": target("redfish", REDFISH, "bad", verify="off"),
        "no-such-system": target("redfish", TWO_SYSTEMS, verify="off", system="c"),
        "which-system": target("redfish", TWO_SYSTEMS, verify="off"),
        "dead": target("redfish", NOBODY, verify="off"),
        "hanging": target("redfish", HANGING, verify="off"),
        "ipmi-wrong-password": target("ipmi", IPMI, "bad"),
        "ipmi-dead": target("ipmi", NO_IPMI),
        "no-secret": target("ipmi", IPMI, "none"),
    }


@pytest.fixture(scope="module")
def power(
    place: Place, bmcs: Container, model: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Container:
    """As compose runs it, but for its network."""
    top = tmp_path_factory.mktemp("power")
    top.chmod(0o755)
    rendered, secrets = top / "etc/current/sidecar/power.json", top / "secrets"
    rendered.parent.mkdir(parents=True)
    rendered.write_text(targets.encode(Targets(hosts(place, bmcs), 0.0)))
    secrets.mkdir()
    ca = bmcs.exec("cat", "/tls/cert.pem").stdout
    for name, text in (("good", f"{PASSWORD}\n"), ("bad", "wrong\n"), ("ca.pem", ca)):
        (secrets / name).write_text(text)
    docker("run", "--rm", "-v", f"{secrets}:/secrets", BMC_IMAGE, "sh", "-c",
           f"chown -R 0:{POWER_GROUP} /secrets && chmod 0750 /secrets && chmod 0640 /secrets/*")  # fmt: skip
    return start(place, model, top / "etc", secrets)


def start(place: Place, model: dict[str, Any], etc: Path, secrets: Path) -> Container:
    name = f"{place.prefix}-power-{time.monotonic_ns()}"
    docker("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o",
           "o=size=64k,mode=0750,uid=968,gid=0", f"{name}-volume")  # fmt: skip
    mounts = [f"{etc}:/etc/twinboot:ro", f"{secrets}:/config/secrets/power:ro", f"{name}-volume:/run/power"]
    docker("run", "-d", "--name", name, "--network", place.network,
           *arguments(model["power"], mounts), model["power"]["image"])  # fmt: skip
    return Container(name)


Ask = Callable[..., dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def ask(power: Container) -> Ask:
    """ask(action, *hosts, firmware=) -> what becomes of each; all at once. Asked as the sidecar does: as root
    without any capability."""
    power.healthy()

    def run(action: str, *names: str, firmware: str = "") -> dict[str, dict[str, Any]]:
        questions = [{"do": action, "host": name, "firmware": firmware} for name in names]
        said = power.exec("python3", "-c", ASK, json.dumps(questions), user="0").stdout
        found: dict[str, dict[str, Any]] = json.loads(said)
        return found

    return run


def changes(bmcs: Container, port: int) -> list[tuple[str, Any]]:
    """What a Redfish BMC was told, without logins."""
    lines = bmcs.exec("cat", f"/var/log/redfish-{port}").stdout.splitlines()
    told = [json.loads(line) for line in lines]
    return [(one["path"], one["body"]) for one in told if "Sessions" not in one["path"]]


def test_network_boot_is_set_once_and_the_machine_started(ask: Ask, bmcs: Container) -> None:
    found = ask("network", "by-authority", "system-b", "ipmi", firmware="uefi")
    assert {name: one["said"] for name, one in found.items()} == dict.fromkeys(
        found, "network boot set once, switched on")
    once = {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}
    one, system_b = "/redfish/v1/Systems/one", "/redfish/v1/Systems/b"
    assert changes(bmcs, REDFISH) == [
        (one, {"Boot": once}), (f"{one}/Actions/ComputerSystem.Reset", {"ResetType": "On"})
    ], "once, and the mode is left as it is"
    assert changes(bmcs, TWO_SYSTEMS)[0] == (system_b, {"Boot": once})
    assert bmcs.exec("cat", f"/var/log/ipmi-{IPMI}").stdout.splitlines() == ["boot pxe", "power 1"]
    assert ask("status", "ipmi")["ipmi"]["said"] == "on"
    assert ask("network", "by-http", firmware="bios")["by-http"]["ok"]
    assert changes(bmcs, REDFISH)[2][1]["Boot"]["BootSourceOverrideTarget"] == "UefiHttp"
    assert ask("network", "ipmi")["ipmi"]["said"] == "network boot set once, restarted"


def test_what_was_typed_wrong_is_told_and_nothing_is_restarted(ask: Ask, bmcs: Container) -> None:
    said = f"/var/log/ipmi-{IPMI}"
    wait("the last restart", lambda: bmcs.exec("cat", said).stdout.rstrip().endswith("power 1"))
    before = changes(bmcs, TWO_SYSTEMS), bmcs.exec("cat", said).stdout
    wrong = {
        "other-fingerprint": "certificate", "no-authority": "certificate", "wrong-password": "password",
        "no-such-system": "no-system", "which-system": "no-system", "ipmi-wrong-password": "password",
        "no-secret": "secret", "dead": "unreachable", "nobody": "unknown-host",
    }  # fmt: skip
    found = ask("network", *wrong)
    assert {name: one["reason"] for name, one in found.items()} == wrong
    shown = re.search(r"[0-9a-f]{64}", found["no-authority"]["said"])
    assert shown, "the certificate that is to be named"
    assert hosts_fingerprint(bmcs) == shown[0]
    assert "a, b" in found["which-system"]["said"]
    assert (changes(bmcs, TWO_SYSTEMS), bmcs.exec("cat", said).stdout) == before
    assert ask("status", "by-fingerprint")["by-fingerprint"]["ok"]


def hosts_fingerprint(bmcs: Container) -> str:
    said = bmcs.exec("openssl", "x509", "-in", "/tls/cert.pem", "-noout", "-fingerprint", "-sha256").stdout
    return said.strip().rpartition("=")[2].replace(":", "").lower()


@pytest.mark.long
def test_bmcs_that_hang_hold_up_nobody(ask: Ask, power: Container) -> None:
    slow = ask("status", "hanging", "ipmi-dead", "ipmi", "by-fingerprint")
    assert {name: one["reason"] for name, one in slow.items()} == {
        "hanging": "silent", "ipmi-dead": "unreachable", "ipmi": "", "by-fingerprint": ""}
    assert power.exec("healthcheck.sh", user="968").returncode == 0


def test_it_has_no_rights_and_tells_no_password(ask: Ask, power: Container) -> None:
    ask("status", "ipmi", "by-authority", "wrong-password")
    script = "for f in /proc/[0-9]*/status; do cat $f; done"
    status = power.exec("sh", "-c", script, user="968").stdout
    assert set(re.findall(r"^Uid:\t(\d+)", status, re.M)) == {str(POWER_GROUP)}
    assert {int(one, 16) for one in re.findall(r"^Cap(?:Eff|Bnd|Prm):\t(\w+)", status, re.M)} == {0}
    assert PASSWORD not in power.output()
    assert power.exec("touch", "/x", check=False, user="968").returncode
    assert power.exec("cat", "/config/secrets/power/good", user="968").stdout.strip() == PASSWORD
    assert power.exec("cat", "/config/secrets/power/good", user="33", check=False).returncode, "nobody else"


def test_contract(model: dict[str, Any], place: Place, tmp_path: Path, power: Container) -> None:
    found = json.loads(docker("image", "inspect", model["power"]["image"]).stdout)[0]["Config"]
    assert found["User"] == "968:968"
    assert found["StopSignal"] == "SIGTERM"
    assert found["Healthcheck"]["Test"][0] == "CMD"
    assert found["Labels"]["org.opencontainers.image.title"] == "twinboot power"
    assert power.exec("find", "/", "-xdev", "-type", "f", "-perm", "/6000").stdout == ""
    tmp_path.chmod(0o755)
    empty = start(place, model, tmp_path, tmp_path)
    assert empty.exit_code() == 2
    assert "is missing: the service 'render' writes it; run that first" in empty.stdout()
    power.healthy()
    docker("stop", "-t", "10", power.name)
    assert power.exit_code() in (0, 143)
    docker("start", power.name)
    power.healthy()
