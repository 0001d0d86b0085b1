"""Ubuntu's answers, fetched from the image that serves them and obeyed by cloud-init itself: Debian's package
in a container, a stand-in for the live system of a medium. What Subiquity does after it is not here."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from imagestack import ROOT, Container, Place, Start, docker
from twinboot.adapters.steer_links import INSTALL, SteerLinks, Way
from twinboot.render import render, write
from twinboot.site import loads
from twinlab.host.images import CLOUD_INIT_IMAGE, build_test_image

HASH = "$6$salt$" + "h" * 86
SITE = ROOT / "tests/render/sites/autoinstall.yaml"
FOLDER = "/run/twinboot"
STAGES = "cloud-init init --local && cloud-init init && cloud-init modules --mode config"
STOPPED = 124
"""What timeout(1) ends with."""
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def published(place: Place, start: Start) -> Place:
    """The site of Ubuntu's four releases, with a hash in one of them, at both virtual addresses."""
    text = SITE.read_text().replace("192.168.0.", f"{place.subnet}.")
    site = loads(text)
    write(render(site, "server1", secrets={"secrets/root.hash": HASH}), place.etc, place.pub)
    SteerLinks(place.pub / "steer").set(dict.fromkeys(site.hosts, Way(INSTALL)))
    for last in (253, 254):
        start("httpd", ip=last).healthy()
    return place


@pytest.fixture(scope="module")
def live(published: Place) -> Callable[..., Container]:
    """live(address, card, boot file) -> a live system that was given the arguments of this boot file."""
    build_test_image(CLOUD_INIT_IMAGE, print)

    def booted(last: int, card: str, boot_file: str) -> Container:
        lines = (published.pub / "current/tftp/pxelinux.cfg" / boot_file).read_text().splitlines()
        arguments = next(line for line in lines if "APPEND" in line).split("APPEND ")[1]
        name = f"{published.prefix}-live-{next(_numbers)}"
        where = ("--network", published.network, "--ip", published.address(last), "--mac-address", card)
        pub = ("--volume", f"{published.pub}:/pub:ro")
        docker("run", "-d", "--name", name, *where, *pub, "-e", f"DEBUG_PROC_CMDLINE={arguments}",
               CLOUD_INIT_IMAGE)  # fmt: skip
        return Container(name)

    return booted


def rendered(place: Place, name: str, address: int | None = None) -> Any:
    """For Subiquity, as published; with an address: for this one alone."""
    private = f"private/{place.address(address)}/" if address else ""
    path = place.pub / f"current/{private}answers/autoinstall/{name}/user-data"
    return yaml.safe_load(path.read_text())["autoinstall"]


def obeyed(machine: Container, *, limit_s: int = 90) -> Any:
    """cloud-init's stages up to where Subiquity begins; what it hands on to Subiquity, None if it comes to no
    end."""
    done = machine.exec("timeout", str(limit_s), "sh", "-c", STAGES, check=False)
    if done.returncode == STOPPED:
        return None
    assert done.returncode == 0, machine.exec("tail", "-n", "30", "/var/log/cloud-init.log").stdout
    text = machine.exec("cat", "/var/lib/cloud/instance/cloud-config.txt").stdout
    return yaml.safe_load(text)["autoinstall"]


def test_a_known_machine_gets_its_own_answers(live: Callable[..., Container], published: Place) -> None:
    machine = live(129, "52:54:00:00:01:29", "host.odd")
    assert obeyed(machine) == rendered(published, "odd", 129)
    asked = machine.exec("cloud-init", "query", "-f", "{{ instance_id }} {{ local_hostname }}").stdout.split()
    assert asked == ["twinboot-ubus-odd", "odd"]
    assert f"usermod -p '{HASH}' root" in machine.exec("cat", f"{FOLDER}/setup.sh").stdout
    assert machine.exec("stat", "-c", "%a", f"{FOLDER}/setup.sh").stdout == "700\n"
    post = machine.exec("cat", f"{FOLDER}/post.sh").stdout
    assert '100% "quoted" & $HOME <b> č' in post.splitlines()
    log = machine.exec("cat", "/var/log/cloud-init.log").stdout
    assert "vendor-data" in log
    assert "[0/11] open" in log
    assert "[1/11] open" not in log, "no file was asked for twice"


@pytest.mark.parametrize("name", ["host.even", "host.tied", "host.cards"])
def test_every_release_is_told_where_its_answers_are(
    live: Callable[..., Container], published: Place, name: str
) -> None:
    host = name.removeprefix("host.")
    machine = live({"even": 128, "tied": 130, "cards": 132}[host], "02:00:00:00:77:01", name)
    assert obeyed(machine) == rendered(published, host)


@pytest.mark.long
def test_an_unknown_machine_goes_on_and_a_known_one_that_booted_as_such_does_not(
    live: Callable[..., Container], published: Place
) -> None:
    octets = (*map(int, published.subnet.split(".")), 10)
    boot_file = "".join(f"{octet:02X}" for octet in octets)
    unknown = live(10, "02:00:00:00:77:02", boot_file)
    assert obeyed(unknown) is not None
    unknown.exec("test", "-e", f"{FOLDER}/unknown")
    unknown.exec("test", "-e", f"{FOLDER}/early.sh")
    docker("rm", "-f", unknown.name)
    known = live(10, "52:54:00:00:01:33", boot_file)
    assert obeyed(known, limit_s=20) is None
    said = known.exec("cat", "/dev/console").stdout
    assert "this machine is cards" in said
    assert "Nothing was erased" in said
    assert known.exec("test", "-e", f"{FOLDER}/unknown", check=False).returncode
    # cloud-init goes on where its bootcmd was killed: Subiquity's first command stops then
    done = known.exec("sh", f"{FOLDER}/early.sh", check=False)
    assert done.returncode
    assert "nobody has looked" in known.exec("cat", "/dev/console").stdout


def test_cloud_inits_own_schema_takes_every_file(live: Callable[..., Container], published: Place) -> None:
    machine = live(11, "02:00:00:00:77:03", "host.even")
    files = sorted(path.relative_to(published.pub) for path in published.pub.rglob("*/user-data"))
    assert len(files) > 10
    for path in files:
        machine.exec("cloud-init", "schema", "--config-file", f"/pub/{path}")
    machine.exec("sh", "-c", "printf '#cloud-config\\nbootcmd: 7\\n' >/tmp/wrong")
    assert machine.exec("cloud-init", "schema", "-c", "/tmp/wrong", check=False).returncode
