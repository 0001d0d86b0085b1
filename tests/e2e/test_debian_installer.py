"""Debian's own installer, booted over the network, loads its components while its server dies.

QEMU with SeaBIOS and iPXE's ROM; kernel, initrd and all programs are those of debian-installer 13
(tests/debian). The power goes at a random moment. It must get on by itself: no dialogue (nobody answers one,
and the judge's line would never come), every component right, and no reset on its wire.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from twinlab import Lab
from twinlab.demo.machines import Machine, virtual
from twinlab.demo.timeline import Timeline
from twinlab.faults import cable
from twinlab.host import images, testlab
from twinlab.host.client import INSIDE
from twinlab.host.engine import docker
from twinlab.host.images import CLIENT_IMAGE
from twinlab.host.labsite import ROOT
from twinlab.host.layout import labels
from twinlab.host.wait import until

HOST, HOME, TAKER = "cli129", "server1", "server2"
FIRST = "192.168.0.253"
RATE = "8mbit"
BOOT_S, LOAD_S = 600.0, 600.0
MIRROR = ROOT / "build/debian"
pytestmark = pytest.mark.long


def say(text: str) -> None:
    print(f"debian: {text}", flush=True)


@pytest.fixture(scope="module")
def mirror() -> Path:
    """A folder of trees: the installer's, and few files in the place of the example's."""
    subprocess.run([str(ROOT / "tests/debian/build.sh")], check=True, cwd=ROOT, timeout=1800)
    boot = MIRROR / "rh9/images/pxeboot"
    boot.mkdir(parents=True, exist_ok=True)
    for name in ("vmlinuz", "initrd.img"):
        (boot / name).write_bytes(b"none")
    (MIRROR / "rh9/.treeinfo").write_text("[general]\nname = placeholder\n")
    images.ensure(say)
    return MIRROR


def site(method: str) -> dict[str, Any]:
    """What turns the example into a site that installs Debian on one machine."""
    arguments = [
        "auto=true", "priority=critical", "language=en", "country=US", "locale=en_US.UTF-8",
        "DEBIAN_FRONTEND=text", "TERM=dumb", "ipv6.disable=1", "console=ttyS0", f"protocol={method}",
        f"url={method}://{FIRST}/trees/debian/preseed.cfg", f"mirror/{method}/hostname={FIRST}",
        f"mirror/{method}/directory=/trees/debian",
    ]
    tree = {"path": "debian", "kernel": "linux", "initrd": "initrd.gz"}
    # RHEL6: its arguments say least to an installer that is none of Red Hat's
    profile = {"tree": "debian", "version": "RHEL6", "method": method, "prompt": False}
    return {
        "trees": {"debian": tree},
        "profiles": {"debian": {**profile, "kernel_args": arguments}},
        "hosts": {HOST: {"profile": "debian"}},
    }


@contextmanager
def captured(lab: Lab, machine: Machine) -> Iterator[str]:
    """All TCP between the machine and its address, as it passes the machine's cable; a container's name."""
    of = machine.container.container
    name = f"{of}-wire"
    docker(
        "run", "-d", "--name", name, *labels(lab.layout.name), "--network", f"container:{of}",
        "--cap-add", "NET_RAW", "-v", f"{INSIDE}:/lab:ro", CLIENT_IMAGE,
        "tcpdump", "-i", "eth0", "-Z", "root", "-s", "96", "-U", "-w", "/wire.pcap",
        f"host {lab.address('first')} and tcp",
    )  # fmt: skip
    try:
        yield name
    finally:
        docker("rm", "-f", "-v", name, check=False)


def standard(mirror: Path) -> set[str]:
    """The components that the installer loads without being asked for them."""
    index = mirror / "debian/dists/trixie/main/debian-installer/binary-amd64/Packages"
    found = [dict(re.findall(r"^([\w-]+): (.*)$", one, re.M)) for one in index.read_text().split("\n\n")]
    return {one["Package"] for one in found if one.get("Priority") in ("standard", "important", "required")}


@pytest.mark.parametrize("method", ["http", "ftp"])
def test_debian_installer_goes_on(mirror: Path, method: str) -> None:
    lab = Lab(testlab.name("debian"), say)
    lab.down()
    try:
        lab.up(trees=mirror, patch=site(method))
        play(lab, mirror, method)
    except BaseException:
        print(lab.report())
        raise
    finally:
        lab.down()


def play(lab: Lab, mirror: Path, method: str) -> None:
    macs = {server.mac: name for name, server in lab.servers.items()}
    machine = virtual(lab, HOST, Timeline(), macs, "200mbit", BOOT="net", DISK_MB="64")
    try:
        machine.wait_for("preseeded", "its answers", timeout_s=BOOT_S)
        with captured(lab, machine) as wire:
            cable.limit(machine.container.container, "eth0", RATE)
            size = sum(path.stat().st_size for path in (mirror / "debian/pool").iterdir())
            struck = list(strikes(lab, machine, size))
            machine.wait_for("verified", "the judge", timeout_s=LOAD_S)
            resets = docker("exec", wire, "tcpdump", "-nr", "/wire.pcap", "tcp[13] & 4 != 0").out.splitlines()
            silent = [silence(wire, lab.address("first"), at) for at in struck[:1]]
        found = machine.events["verified"]
        say(f"{method}: {len(struck)} times without power, first silence {silent} s, {found}")
        assert struck
        assert found["wrong"] == ""
        assert not standard(mirror) & set(found["left"].split(",")), "a component was not loaded"
        assert int(found["files"]) > 16
        assert resets == []
        before_judge = machine.container.logs().partition("judge: event=verified")[0]
        assert not re.search(r"!! ERROR|Prompt: |Press enter", before_judge), "a dialogue"
    finally:
        print(machine.container.logs()[-3000:])
        machine.meter.stop()
        machine.container.remove()


def strikes(lab: Lab, machine: Machine, size: int) -> Iterator[float]:
    """Power-offs at random moments, with a failback between them; none once all is loaded. Their times."""
    before = machine.meter.total
    for first, last in ((0.02, 0.3), (0.45, 0.9)):
        share = random.uniform(first, last)
        until(lambda to=before + share * size: machine.meter.total > to or machine.has("verified"),  # type: ignore[misc]
              f"{share:.0%} of the components", timeout_s=LOAD_S, every_s=0.02)
        if machine.has("verified"):
            return
        with lab.fault("power-off", HOME) as struck:
            say(f"power off after {(machine.meter.total - before) / size:.0%}")
            yield struck
            lab.wait_owned({"first": TAKER, "second": TAKER})
        lab.wait_owned({"first": HOME, "second": TAKER})


def silence(wire: str, address: str, after: float) -> float:
    """The longest time without data that was not the installer's own pause."""
    said = docker("exec", wire, "/lab/wireview.py", "/wire.pcap", "--server", address,
                  "--after", str(after), "--waiting").out
    return round(float(json.loads(said)["silence"] or 0), 2)
