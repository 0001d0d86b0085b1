"""`make upgrade` on one of two servers, with images from a registry: there, back by itself, and not at all.

The registry is Debian's, on the server's own loopback interface, from which an engine pulls without TLS.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from downloadhelp import Fetch
from labhelp import ODD, host
from twinboot import daemons
from twinlab import Lab
from twinlab.host import images, testlab, wait
from twinlab.host.engine import Result, docker
from twinlab.host.layout import LABEL
from twinlab.host.server import COMPOSE_DIR, Server

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
REGISTRY = "127.0.0.1:5000"
IMAGES = (*(one.image_name for one in daemons.DAEMONS), daemons.PAGE, "sidecar")
REGISTRY_IMAGE = f"twinboot-test/registry:{images.VERSION}"
PROJECT = str(Path(COMPOSE_DIR).parent)
GOOD, BROKEN, MISSING = "9.9.1", "9.9.2", "9.9.3"


def scripts() -> bytes:
    """What an operator has beside compose/, as a tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("upgrade", "settings.sh", "sidecar.sh", "twinboot"):
            archive.add(ROOT / "scripts" / name, f"scripts/{name}")
    return buffer.getvalue()


def publish(server: Server, version: str, changed: str = "", change: str = "") -> None:
    """Push every image under this version; `changed` is built with one more line of a Dockerfile."""
    for name in IMAGES:
        tag = f"{REGISTRY}/twinboot/{name}:{version}"
        lines = [f"FROM twinboot/{name}:{images.VERSION}", f"ENV TWINBOOT_VERSION={version}"]
        lines += [change] if name == changed else []
        build = f"printf '%s\\n' \"$0\" | DOCKER_BUILDKIT=0 docker build -q -t {tag} -"
        server.exec("sh", "-c", build, "\n".join(lines))
        server.docker("push", "-q", tag, timeout_s=120)
        server.docker("rmi", tag)


def upgrade(server: Server, version: str, **environment: str) -> Result:
    settings = [f"{key}={value}" for key, value in environment.items()]
    command = ("env", "-C", PROJECT, *settings, "scripts/upgrade", version)
    return server.exec(*command, check=False, timeout_s=300)


def without_dhcpd(server: Server) -> dict[str, str]:
    """When each container was started, but that of the service that moves."""
    return {name: at for name, at in server.started_at().items() if name != "dhcpd"}


def setting(server: Server, name: str) -> str:
    return server.exec("sed", "-n", f"s/^{name}=//p", f"{COMPOSE_DIR}/.env").out.strip()


@pytest.fixture(scope="module")
def upgraded(trees: Path) -> Iterator[Lab]:
    lab = Lab(testlab.name("upgrade"), print)
    lab.down()
    images.build_test_image(REGISTRY_IMAGE, print, again=True)
    with lab.up(trees=trees):
        server = lab.server(1)
        docker("run", "-d", "--name", f"{lab.name}-registry", "--label", f"{LABEL}={lab.name}",
               "--network", f"container:{server.container}", REGISTRY_IMAGE)  # fmt: skip
        docker("cp", "-", f"{server.container}:{PROJECT}", stdin=scripts())
        server.exec("sh", "-c", f"echo TWINBOOT_REGISTRY={REGISTRY} >>{COMPOSE_DIR}/.env")
        wait.until(lambda: server.exec("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/5000", check=False).ok,
                   "the registry", timeout_s=30)
        publish(server, GOOD)
        publish(server, BROKEN, "tftp", 'ENTRYPOINT ["sleep", "infinity"]')
        yield lab


def test_another_version_with_downloads_under_way(upgraded: Lab, big_sha256: str) -> None:
    """Their address goes to the peer and comes back; every byte right, and not one reset."""
    server = upgraded.server(1)
    peer = without_dhcpd(upgraded.server(2))
    with host(upgraded, ODD) as client:
        fetches = [Fetch.start(upgraded, client, program, scheme, upgraded.address("first"), 1 << 20)
                   for scheme, program in (("http", "curl"), ("ftp", "lftp"))]
        for fetch in fetches:
            fetch.under_way(1 << 20)
        done = upgrade(server, GOOD)
        assert done.code == 0, done.out + done.err
        for fetch in fetches:
            fetch.finish(big_sha256)
            assert fetch.resets() == "", fetch.name
    assert f"pulling from {REGISTRY}" in done.out
    assert f"make upgrade VERSION={GOOD}" in done.out, "what to type on the next server"
    status = server.status()
    assert status is not None
    assert status["version"] == GOOD
    assert (setting(server, "TWINBOOT_VERSION"), setting(server, "TWINBOOT_VERSION_BEFORE")) == (GOOD, "")
    running = server.docker("ps", "--format", "{{.Image}}").out.split()
    assert {one for one in running if "registry" not in one} == {
        f"{REGISTRY}/twinboot/{name}:{GOOD}" for name in IMAGES}
    upgraded.wait_owned({"first": "server1", "second": "server2"})
    assert without_dhcpd(upgraded.server(2)) == peer, "the peer only took over meanwhile"

    again = upgrade(server, GOOD)
    assert again.code == 0
    assert "already" in again.out


def test_a_version_that_is_not_well_is_taken_back(upgraded: Lab) -> None:
    server = upgraded.server(1)
    before = server.status()
    done = upgrade(server, BROKEN, WELL_S="20")
    assert done.code == 1, done.out + done.err
    assert f"version {BROKEN} is not well" in done.err
    assert "tftp" in done.err
    status = server.status()
    assert status is not None
    assert before is not None
    assert status["version"] == before["version"]
    assert setting(server, "TWINBOOT_VERSION") == before["version"]
    assert setting(server, "TWINBOOT_VERSION_BEFORE") == ""
    upgraded.wait_owned({"first": "server1", "second": "server2"})


def test_an_upgrade_that_is_interrupted_is_taken_back(upgraded: Lab) -> None:
    server = upgraded.server(1)
    before = setting(server, "TWINBOOT_VERSION")
    log = ">/tmp/upgrade.log 2>&1 </dev/null"
    server.exec("sh", "-c", f"cd {PROJECT}; setsid scripts/upgrade {BROKEN} {log} & echo $! >/tmp/pid")
    begun = "the new version to begin"
    wait.until(lambda: setting(server, "TWINBOOT_VERSION") == BROKEN, begun, timeout_s=60)
    server.exec("sh", "-c", "kill -TERM $(cat /tmp/pid)")
    wait.until(lambda: "again" in server.exec("cat", "/tmp/upgrade.log").out, "the way back", timeout_s=120)
    assert setting(server, "TWINBOOT_VERSION") == before
    assert setting(server, "TWINBOOT_VERSION_BEFORE") == ""


@pytest.mark.parametrize(("version", "said"), [
    (MISSING, "cannot be pulled"), ("", "no version"), ("a b", "cannot be a version")])
def test_what_cannot_be_had_changes_nothing(upgraded: Lab, version: str, said: str) -> None:
    server = upgraded.server(1)
    before = server.started_at(), server.exec("cat", f"{COMPOSE_DIR}/.env").out
    done = upgrade(server, version)
    assert done.code == 2
    assert said in done.err
    assert (server.started_at(), server.exec("cat", f"{COMPOSE_DIR}/.env").out) == before


def test_without_a_peer_that_takes_over_nothing_begins(upgraded: Lab) -> None:
    server = upgraded.server(1)
    upgraded.server(2).sidecar("twinboot", "standby")
    try:
        before = server.started_at()
        done = upgrade(server, BROKEN)
        assert done.code == 2
        assert "cannot hand over" in done.err
        assert server.started_at() == before
    finally:
        upgraded.server(2).sidecar("twinboot", "resume")
