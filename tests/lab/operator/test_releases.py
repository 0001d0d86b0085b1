"""The last release beside the present state, as while an operator upgrades one server after the other.

The release's sidecar and takeover process are built from the commit that images/versions.env names, and run
on server2. Downloads go both ways between the two: power-off, planned move, and back.
"""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from downloadhelp import Fetch
from labhelp import EVEN, ODD, host, nobody_twice
from leasehelp import PATCH, events, holds_what_it_has
from twinlab import Lab
from twinlab.host import images, testlab, wait
from twinlab.host.engine import docker
from twinlab.host.server import COMPOSE_DIR, Server

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
RELEASE = images.versions()["RELEASE"]
COMMIT = images.versions()["RELEASE_COMMIT"]
RELEASED = f"twinboot/sidecar:{RELEASE}-released-{testlab.CHECKOUT}"
HOME = {"first": "server1", "second": "server2"}
NOT_YET = {"boot": None, "heartbeat": {"timers": {"address_lifetime_s": None}}}
"""What the release does not know, or calls otherwise: both work by the default. Such settings come into a
site file when all servers are upgraded."""

PROGRAMS = (("http", "curl"), ("ftp", "lftp"), ("ftp", "wget"))


def has_release() -> bool:
    """A shallow clone lacks the commit."""
    return subprocess.run(("git", "cat-file", "-e", f"{COMMIT}^{{commit}}"), cwd=ROOT, capture_output=True
                          ).returncode == 0


@pytest.fixture(scope="module")
def released_image(tmp_path_factory: pytest.TempPathFactory) -> str:
    if not has_release():
        pytest.skip(f"this clone lacks the commit of release {RELEASE}, {COMMIT}: git fetch --unshallow")
    there = tmp_path_factory.mktemp("released")
    with subprocess.Popen(("git", "archive", COMMIT), cwd=ROOT, stdout=subprocess.PIPE) as archive:
        assert archive.stdout is not None
        with tarfile.open(fileobj=archive.stdout, mode="r|") as files:
            files.extractall(there, filter="data")
    assert archive.returncode == 0
    docker("build", "-q", "-t", RELEASED, "--build-arg", f"BASE={images.versions()['BASE']}",
           "--build-arg", f"TWINBOOT_VERSION={RELEASE}", "--build-arg", f"REVISION={COMMIT}",
           "--build-context", f"templates={there / 'config/templates'}", str(there / "images/sidecar"),
           timeout_s=1200)  # fmt: skip
    return RELEASED


def version_of(server: Server) -> str:
    status = server.status()
    return "" if status is None else str(status["version"])


@pytest.fixture(scope="module")
def mixed(released_image: str, trees: Path) -> Iterator[Lab]:
    """server1 as it is here, server2 as it was released."""
    lab = Lab(testlab.name("releases"), print)
    lab.down()
    with lab.up(trees=trees, patch=PATCH | NOT_YET):
        old = lab.server(2)
        images.save_into(("exec", "-i", old.container, "docker", "load", "-q"), [released_image])
        old.exec("sh", "-c", f"echo TWINBOOT_SIDECAR_IMAGE={released_image} >>{COMPOSE_DIR}/.env")
        old.compose("up", "-d", "--no-build", timeout_s=300)
        wait.until(lambda: version_of(old) == RELEASE, f"{RELEASE} on server2", timeout_s=60)
        lab.wait_owned(HOME)
        yield lab


@pytest.fixture
def lab(mixed: Lab) -> Lab:
    mixed.heal()
    mixed.end_hold_downs()
    mixed.wait_owned(HOME)
    return mixed


def peers_alive(lab: Lab) -> bool:
    return all(view is not None and all(peer["state"] == "alive" for peer in view["peers"].values())
               for view in lab.status().values())


def test_both_versions_run_and_hear_each_other(lab: Lab) -> None:
    assert version_of(lab.server(1)) != version_of(lab.server(2)) == RELEASE
    wait.until(lambda: peers_alive(lab), "each to hear the other", timeout_s=10)
    listed = lab.server(2).docker("ps", "--filter", f"ancestor={RELEASED}", "--format", "{{.Names}}").out
    assert {"twinboot-sidecar-1", "twinboot-takeover-1"} <= set(listed.split())


@pytest.mark.parametrize("dying", [1, 2])
def test_downloads_outlive_the_power_of_either(lab: Lab, big_sha256: str, dying: int) -> None:
    group, number = ("first", ODD) if dying == 1 else ("second", EVEN)
    with nobody_twice(lab), host(lab, number) as client:
        address = lab.address(group)
        fetches = [Fetch.start(lab, client, program, scheme, address) for scheme, program in PROGRAMS]
        for fetch in fetches:
            fetch.under_way()
        with lab.fault("power-off", dying):
            for fetch in fetches:
                fetch.finish(big_sha256)
                assert fetch.resets() == "", fetch.name


def test_downloads_go_on_through_planned_moves_there_and_back(lab: Lab, big_sha256: str) -> None:
    with nobody_twice(lab), host(lab, ODD) as client:
        fetches = [Fetch.start(lab, client, program, scheme, lab.address("first"), 2 << 20)
                   for scheme, program in PROGRAMS]
        for fetch in fetches:
            fetch.under_way(2 << 20)
        with lab.fault("standby", 1):
            lab.wait_owned(dict.fromkeys(HOME, "server2"))
            go_on(fetches)
        lab.wait_owned(HOME)
        go_on(fetches)
        for fetch in fetches:
            fetch.finish(big_sha256)
            assert fetch.resets() == "", fetch.name


def go_on(fetches: list[Fetch]) -> None:
    """Each gets another megabyte, and is not done yet."""
    had = [fetch.size() for fetch in fetches]
    for fetch, size in zip(fetches, had, strict=True):
        fetch.under_way(size + (1 << 20))
    assert all(one.process.poll() is None for one in fetches), "the file is too short for this test"


def test_a_lease_of_either_is_known_to_the_other(lab: Lab) -> None:
    """Machines keep their addresses, whichever version gave them."""
    address = lab.address("first")
    with lab.machine() as client:
        given: dict[str, str] = {}
        for first, fault in ((1000, False), (2000, True)):
            with lab.fault("standby", 1) if fault else nullcontext():
                lab.wait_owned(dict.fromkeys(HOME, "server2") if fault else HOME)
                amount = ("--first", str(first), "--clients", "5", "--limit", "30")
                bound = client.exec("/lab/storm.py", "bind", *amount).out
                given |= {ack["mac"]: ack["address"] for ack in events(bound, "ack")}
                assert holds_what_it_has(client, given, address) == {lab.server(2 if fault else 1).mac}
        lab.wait_owned(HOME)
        assert len(set(given.values())) == len(given) == 10
        assert holds_what_it_has(client, given, address) == {lab.server(1).mac}
