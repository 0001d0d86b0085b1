"""The sidecar's image, twice, on a private network: real messages, addresses, engine and signals.

Each sidecar manages a dhcpd through the real engine, and the other daemons run beside it; the compose
project's name tells the two servers apart, since both use one engine here.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from imagestack import (
    PORT_FLOOR,
    Container,
    Place,
    arguments,
    docker,
    mounts_of,
    private_network,
    remove,
    start_engine_proxy,
    wait,
)
from twinboot.daemons import EVERYWHERE
from twinlab.host.engine import pause
from twinlab.host.images import VERSION
from twinlab.host.shell import ask

SITE = """
version: 1
cluster: {cluster}
domain: example.lan
servers:
  server1: {{address: {net}.251, interface: eth0}}
  server2: {{address: {net}.252, interface: eth0}}
groups:
  first: {{address: {net}.253, order: [server1, server2], services: [dhcpd]}}
  second: {{address: {net}.254, order: [server2, server1]}}
subnets: [{{network: {net}.0/24, profile: rh9}}]
trees: {{rh9: {{path: rh9, kernel: images/pxeboot/vmlinuz, initrd: images/pxeboot/initrd.img}}}}
profiles: {{rh9: {{tree: rh9, version: RHEL9, method: ftp}}}}
heartbeat: {{timers: {{initdead_s: 2, failback_delay_s: 1}}}}
"""


class Server:
    """One server: its sidecar, its dhcpd and its engine proxy."""

    def __init__(self, name: str, prefix: str, image: str) -> None:
        self.name = name
        self.project = f"{prefix}-{name}"
        self.sidecar = Container(f"{prefix}-{name}-sidecar")
        self.dhcpd = Container(f"{prefix}-{name}-dhcpd")
        self.proxy = Container(f"{prefix}-{name}-engine-proxy")
        self.image = image

    def twinboot(self, *words: str) -> str:
        done = self.sidecar.exec("twinboot", *words, check=False)
        return done.stdout + done.stderr

    def status(self) -> dict[str, Any]:
        if not self.sidecar.running():
            return {"state": "down"}
        try:
            found: dict[str, Any] = json.loads(self.twinboot("status", "--json"))
        except ValueError:
            return {"state": "down"}
        return found

    def holds(self, address: str) -> bool:
        """By the kernel's word, from /proc: the image has no `ip`."""
        if not self.sidecar.running():
            return False
        return f"|-- {address}\n" in ask(self.sidecar.name, "cat /proc/net/fib_trie").out


class Pair:
    def __init__(self, one: Server, two: Server, net: str) -> None:
        self.one, self.two = one, two
        self.first, self.second = f"{net}.253", f"{net}.254"

    def settled(self) -> bool:
        own = self.one.holds(self.first) and self.two.holds(self.second)
        alone = not self.two.holds(self.first) and not self.one.holds(self.second)
        return own and alone and self.one.dhcpd.running() and not self.two.dhcpd.running()

    def logs(self) -> str:
        return "\n".join(
            f"--- {s.name}\n{s.sidecar.output()}\n{s.twinboot('status')}" for s in (self.one, self.two)
        )


def start(server: Server, model: dict[str, Any], place: Place, config: Path, address: str) -> None:
    """Render, start the daemons and make dhcpd, start the sidecar as compose would.

    A container of its own holds the network, as a host does: it outlives each of the others.
    """
    holder = f"{place.prefix}-{server.name}-network"
    docker("run", "-d", "--name", holder, "--network", place.network, "--ip", address, "--sysctl", PORT_FLOOR,
           "--init", "--entrypoint", "sleep", server.image, "infinity")  # fmt: skip
    inside = ("--network", f"container:{holder}")
    etc, pub = f"{place.etc}:/etc/twinboot", f"{place.pub}:/srv/pub"
    env = ("-e", f"TWINBOOT_SERVER={server.name}")
    docker("run", "--rm", "-v", f"{config}:/config:ro", "-v", etc, "-v", pub, *env, server.image, "render")

    def create(name: str, service: str, *options: str) -> None:
        spec = model[service]
        settings = arguments(spec, mounts_of(service, place, f"{name}-leases"), floor=False)
        docker("create", "--name", name, *inside, *settings, *options, spec["image"])

    labels = ("-l", f"com.docker.compose.project={server.project}", "-l", "com.docker.compose.service=dhcpd")
    create(server.dhcpd.name, "dhcpd", *labels)
    for one in EVERYWHERE:
        create(f"{place.prefix}-{server.name}-{one.name}", one.name)
        docker("start", f"{place.prefix}-{server.name}-{one.name}")
    _, proxy = start_engine_proxy(server.proxy.name, model["engine-proxy"], server.project)
    kept = [f"{server.dhcpd.name}-leases:/var/lib/dhcp", f"{server.sidecar.name}-state:/var/lib/twinboot"]
    mounts = [f"{config}:/config:ro", f"{etc}:ro", pub, proxy, *kept]
    docker("run", "-d", "--name", server.sidecar.name, *inside, *env,
           *arguments(model["sidecar"], mounts, floor=False), server.image)  # fmt: skip


@pytest.fixture(scope="module")
def pair(images: dict[str, str], model: dict[str, Any]) -> Iterator[Pair]:
    prefix = f"imgtest-{os.getpid()}-pair"
    one, two = (Server(f"server{n}", prefix, images["sidecar"]) for n in (1, 2))
    with tempfile.TemporaryDirectory(prefix=f"{prefix}-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        network, net = private_network(prefix)
        config = folder / "config"
        try:
            config.mkdir()
            (config / "site.yaml").write_text(SITE.format(cluster=prefix, net=net))
            docker("run", "--rm", "-v", f"{config}:/config", one.image, "key")
            for server, last in ((one, 251), (two, 252)):
                home = folder / server.name
                place = Place(prefix, network, net, home / "etc", home / "pub", home / "trees")
                for part in (place.etc, place.pub, place.trees):
                    part.mkdir(parents=True)
                start(server, model, place, config, f"{net}.{last}")
            made = Pair(one, two, net)
            wait("each server holds its own group", made.settled, 30)
            yield made
        finally:
            remove(prefix)
            docker("network", "rm", network, check=False)
            shutil.rmtree(config, ignore_errors=True)


@pytest.fixture(autouse=True)
def settled(pair: Pair) -> None:
    """Every test begins with each server holding its own, and a failed one shows the logs."""
    for server in (pair.one, pair.two):
        docker("unpause", server.proxy.name, check=False)
        docker("start", server.proxy.name, server.sidecar.name)
    try:
        wait("each server holds its own group", pair.settled, 30)
    except AssertionError as exc:
        raise AssertionError(f"{exc}\n{pair.logs()}") from None


def test_status_says_who_holds_what(pair: Pair) -> None:
    status = pair.one.status()
    assert status["state"] == "active"
    assert {name: group["holder"] for name, group in status["groups"].items()} == {
        "first": "server1",
        "second": "server2",
    }
    assert status["groups"]["first"]["services"] == {"dhcpd": "running"}
    assert status["peers"]["server2"]["links"]["lan"]["state"] == "up"
    assert status["version"] == VERSION
    table = pair.one.twinboot("status")
    assert "first" in table
    assert pair.first in table
    wait("the health check passes", lambda: pair.one.sidecar.health() == "healthy")


@pytest.mark.long  # tests/netns/test_agent_net.py kills agents
def test_killed_sidecar_is_taken_over_from_and_gets_its_group_back(pair: Pair) -> None:
    docker("kill", pair.one.sidecar.name)
    wait("server2 holds both", lambda: pair.two.holds(pair.first), 10)
    wait("dhcpd runs at server2", pair.two.dhcpd.running, 10)
    docker("start", pair.one.sidecar.name)
    wait("each server holds its own again", pair.settled, 30)
    assert not pair.two.dhcpd.running()


def test_terminated_sidecar_hands_over_and_ends_in_order(pair: Pair) -> None:
    docker("kill", "--signal", "TERM", pair.one.sidecar.name)
    took = wait("server2 holds both", lambda: pair.two.holds(pair.first), 10, 0.02)
    assert pair.one.sidecar.exit_code() == 0
    assert not pair.one.dhcpd.running()
    wait("dhcpd runs at server2", pair.two.dhcpd.running, 10)
    said = pair.two.sidecar.output()
    claimed = [line for line in said.splitlines() if "group-claimed group=first" in line][-1]
    assert "dead" not in claimed, f"no hand-over, but a time-out ({took:.2f} s): {claimed}"


def test_standby_and_resume_wait_until_done(pair: Pair) -> None:
    assert pair.one.twinboot("standby") == "on standby; moved: first to server2\n"
    assert pair.two.holds(pair.first)
    assert not pair.one.dhcpd.running()
    assert "no other server could take group" in pair.two.twinboot("standby")
    said = pair.one.twinboot("resume")
    assert "first is held by server1" in said
    assert "server1" in pair.two.twinboot("status")


def test_killed_dhcpd_is_started_again(pair: Pair) -> None:
    docker("kill", pair.one.dhcpd.name)
    wait("dhcpd runs again", pair.one.dhcpd.running, 10)


@pytest.mark.parametrize("how", ["kill", "pause"])
def test_without_its_engine_proxy_it_goes_on_and_uses_it_again_when_it_is_back(pair: Pair, how: str) -> None:
    def alarmed() -> bool:
        return any(alarm["code"] == "engine-silent" for alarm in pair.one.status().get("alarms", ()))

    if how == "kill":
        docker("kill", pair.one.proxy.name)
    else:
        pause(pair.one.proxy.name)
    wait("an alarm", alarmed, 40)  # a start that is under way has 14 s, the look after it 6 s
    assert pair.one.holds(pair.first), pair.logs()
    docker("start" if how == "kill" else "unpause", pair.one.proxy.name)
    wait("no alarm", lambda: not alarmed(), 20)
    wait("dhcpd runs", lambda: pair.one.dhcpd.running() or pair.two.dhcpd.running(), 20)
    assert "group-dropped" not in pair.one.sidecar.output().split("engine-failed")[-1]


def test_it_runs_as_hardened_as_compose_says(pair: Pair) -> None:
    found = pair.one.sidecar.inspect()["HostConfig"]
    assert found["ReadonlyRootfs"]
    assert found["CapDrop"] == ["ALL"]


def test_configuration_faults_end_with_2(images: dict[str, str], tmp_path: Path) -> None:
    image = images["sidecar"]
    done = docker("run", "--rm", image, "agent", check=False)
    assert done.returncode == 2
    assert "TWINBOOT_SERVER is not set" in done.stdout
    done = docker("run", "--rm", "-e", "TWINBOOT_SERVER=server1", image, "agent", check=False)
    assert done.returncode == 2
    assert "cannot be read" in done.stdout
