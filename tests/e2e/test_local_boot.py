"""A machine that boots from the network first, and is to start from its disk, does so: the second of its two.

The disk is installed by the stand-in; then the same disks are a machine's that the site does not know, in a
subnet that says `unknown: disk`. BIOS goes on to the disk by itself; under UEFI GRUB, or iPXE, must start it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from twinlab import Lab
from twinlab.demo.machines import virtual
from twinlab.demo.timeline import Timeline
from twinlab.host import client, images, labsite, testlab
from twinlab.host.booting import Booting
from twinlab.host.engine import docker
from twinlab.host.wait import until

HOST, STRANGER = "cli128", "52:54:00:00:09:99"
INSTALL_S, BOOT_S = 900.0, 420.0
FIRST_BOOT = "standin: event=first-boot"
pytestmark = pytest.mark.long


def say(text: str) -> None:
    print(f"local: {text}", flush=True)


@pytest.fixture(scope="module")
def lab(trees: Path) -> Iterator[Lab]:
    made = Lab(testlab.name("local"), say)
    made.down()
    subnets = [{**one, "unknown": "disk"} for one in labsite.read(labsite.DEFAULT_SITE)["subnets"]]
    try:
        yield made.up(trees=trees, patch={"subnets": subnets})
    finally:
        made.down()


@pytest.mark.parametrize(
    ("firmware", "said"),
    [
        ("uefi-secure", "Twinboot: starting (hd1,gpt1)/EFI/debian/shimx64.efi"),
        ("bios", "it starts from its disk"),
    ],
)
def test_the_disk_is_started_by_way_of_the_network(lab: Lab, firmware: str, said: str) -> None:
    macs = {server.mac: name for name, server in lab.servers.items()}
    first = virtual(lab, HOST, Timeline(), macs, "100mbit", firmware=firmware, BOOT="auto")
    try:
        first.wait_for("first-boot", timeout_s=INSTALL_S)
        first.meter.stop()
        docker("stop", first.container.container)
        extra = ["--device", "/dev/net/tun", "--volumes-from", first.container.container]
        for word in (f"MAC={STRANGER}", f"FIRMWARE={firmware}", "BOOT=net", "EMPTY_DISK_MB=64"):
            extra += ["--env", word]
        second = Booting(client.start(lab.layout, name="stranger", image=images.VM_IMAGE, extra=extra))
        try:
            until(lambda: FIRST_BOOT in second.console(), "the disk", timeout_s=BOOT_S)
            assert said in second.console(), "it was the firmware that found the disk, after the network"
        finally:
            print(second.console()[-3000:])
            second.remove()
    finally:
        first.meter.stop()
        first.container.remove()
