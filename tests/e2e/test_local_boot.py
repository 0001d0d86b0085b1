"""A machine that boots from the network first, and is to start from its disk, does so: the second of its two.

The disk is installed by the stand-in; then the same disks are a machine's that the site does not know, in a
subnet that says `unknown: disk`. A BIOS goes on to the disk by itself; under UEFI GRUB, or iPXE, must start
it; iPXE passes over an empty disk before it under BIOS, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from twinlab import Lab
from twinlab.demo.machines import Machine, virtual
from twinlab.demo.timeline import Timeline
from twinlab.host import client, images, labsite, testlab
from twinlab.host.booting import Booting
from twinlab.host.engine import docker
from twinlab.host.wait import until

HOST, NEWCOMER = "cli128", "52:54:00:00:09:99"
INSTALL_S, BOOT_S = 900.0, 420.0
FIRST_BOOT = "standin: event=first-boot"
SITES: Mapping[str, Mapping[str, Any]] = {
    "as it is": {}, "iPXE": {"boot": {"bios": "ipxe", "uefi": "ipxe", "ipxe": "ipxe"}},
}  # fmt: skip
pytestmark = pytest.mark.long


def say(text: str) -> None:
    print(f"local: {text}", flush=True)


@dataclass(frozen=True, slots=True)
class Start:
    """A disk that was installed on one firmware is started by another. said: by what on the way. empty: where
    the empty disk is in the boot order; the installed one is the second."""

    site: str
    installed_on: str
    firmware: str
    said: str
    empty: int = 5


BY_GRUB = "Twinboot: starting (hd1,gpt1)/EFI/debian/shimx64.efi"
BY_IPXE = r"Booting \EFI\debian\shimx64.efi from SAN device 0x00"
BY_NUMBER = "Booting from SAN device 0x81"
BY_FIRMWARE = "BdsDxe: starting"
STARTS = {
    "uefi-secure": Start("as it is", "uefi-secure", "uefi-secure", BY_GRUB),
    "uefi-http": Start("as it is", "uefi", "uefi-http", BY_GRUB),
    "bios": Start("as it is", "bios", "bios", "it starts from its disk"),
    "snponly": Start("iPXE", "uefi", "uefi", BY_IPXE),
    "undionly": Start("iPXE", "bios", "bios", BY_NUMBER, empty=2),
}


class Machines:
    """One lab at a time, and the machine that was installed in it last."""

    def __init__(self, trees: Path) -> None:
        self.trees, self.lab = trees, Lab(testlab.name("local"), say)
        self.has: tuple[str, str] | None = None
        self.machine: Machine | None = None

    def installed(self, site: str, firmware: str) -> Machine:
        """Installed in the lab of this site, and switched off."""
        if self.machine is None or self.has != (site, firmware):
            self._remove()
            if self.has is None or self.has[0] != site:
                self._up(SITES[site])
            self.has = site, firmware
            self.lab.server(1).sidecar("twinboot", "install", HOST)  # once more, maybe
            macs = {server.mac: name for name, server in self.lab.servers.items()}
            made = self.machine = virtual(
                self.lab, HOST, Timeline(), macs, "100mbit", firmware=firmware, BOOT="auto"
            )
            made.wait_for("first-boot", timeout_s=INSTALL_S)
            made.meter.stop()
            docker("stop", made.container.container)
        return self.machine

    def _up(self, said: Mapping[str, Any]) -> None:
        self.lab.down()
        subnets = [{**one, "unknown": "disk"} for one in labsite.read(labsite.DEFAULT_SITE)["subnets"]]
        self.lab.up(trees=self.trees, patch={"subnets": subnets, **said})

    def _remove(self) -> None:
        if self.machine is not None:
            self.machine.meter.stop()
            self.machine.container.remove()
        self.machine = None

    def down(self) -> None:
        self._remove()
        self.lab.down()


@pytest.fixture(scope="module")
def machines(trees: Path) -> Iterator[Machines]:
    made = Machines(trees)
    try:
        yield made
    finally:
        made.down()


@pytest.mark.parametrize("name", STARTS)
def test_the_disk_is_started_by_way_of_the_network(machines: Machines, name: str) -> None:
    start = STARTS[name]
    first = machines.installed(start.site, start.installed_on)
    extra = ["--device", "/dev/net/tun", "--volumes-from", first.container.container]
    words = {
        "MAC": NEWCOMER, "FIRMWARE": start.firmware, "BOOT": "net", "EMPTY_DISK_MB": "64",
        "EMPTY_DISK_PLACE": str(start.empty),
    }  # fmt: skip
    for key, value in words.items():
        extra += ["--env", f"{key}={value}"]
    image = images.VM_IMAGE
    second = Booting(client.start(machines.lab.layout, name="newcomer", image=image, extra=extra))
    try:
        until(lambda: FIRST_BOOT in second.console(), "the disk", timeout_s=BOOT_S)
        _, found, since = second.console().partition(start.said)
        assert found, "it was the firmware that found the disk, after the network"
        assert BY_FIRMWARE not in since.partition(FIRST_BOOT)[0], "not its loader: the next boot entry"
    finally:
        print(second.console()[-3000:])
        second.remove()
