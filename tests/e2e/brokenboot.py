"""A machine whose server dies or hands over while it boots: where it was, and how it went on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twinlab import Lab
from twinlab.host import netboot, testlab
from twinlab.host.booting import Booting
from twinlab.host.labsite import merge

HOST, GROUP, HOME, TAKER = "cli129", "first", "server1", "server2"
OPEN_RATE = "200mbit"
BOOT_S = 420.0
MB = 1_000_000
SHIM, GRUB, KERNEL, INITRD = 1 * MB, 2.4 * MB, 12.2 * MB, 40.8 * MB
"""Of Debian's netboot archive."""


@dataclass(frozen=True, slots=True)
class Moment:
    """rate: of the machine's cable until the fault comes. after: bytes that it has got by then."""

    rate: str
    after: float


def moments(*files: tuple[str, float, str], share: float = 0.4) -> Mapping[str, Moment]:
    """For each file, with its size and its rate, the moment at which this share of it has come."""
    found, before = {}, 0.0
    for name, size, rate in files:
        found[name] = Moment(rate, before + share * size)
        before += size
    return found


_LINUX = (("kernel", KERNEL, "8mbit"), ("initrd", INITRD, "20mbit"))
_EFI = (("shim", SHIM, "400kbit"), ("grub", GRUB, "1mbit"), *_LINUX)
_ARM64 = (("kernel", 37.7 * MB, "20mbit"), ("initrd", 42.4 * MB, "20mbit"))
"""Slow enough for a power-off that takes some seconds on a busy machine."""


@dataclass(frozen=True, slots=True)
class Site:
    """A site with one machine. said: what of it is another than in the example."""

    architecture: str = "x64"
    said: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Machine:
    """files: what it loads, one after the other, with sizes, and the cable's rates meanwhile."""

    firmware: str
    files: tuple[tuple[str, float, str], ...]
    site: Site
    nic: str = "virtio"

    @property
    def stages(self) -> Mapping[str, Moment]:
        """The middle of each file."""
        return moments(*self.files)


_PLAIN, _PLAIN_ARM64 = Site(), Site("arm64")
_LPXELINUX = Site(said={"boot": {"bios": "lpxelinux", "ipxe": "lpxelinux"}})
_IPXE = Site(said={"boot": {"bios": "ipxe", "uefi": "ipxe", "ipxe": "ipxe"}})
MACHINES = {
    "bios": Machine("bios", _LINUX, _PLAIN),
    "uefi": Machine("uefi", _EFI, _PLAIN),
    "uefi-secure": Machine("uefi-secure", _EFI, _PLAIN),
    "uefi-http": Machine("uefi-http", _EFI, _PLAIN),
    "ipxe": Machine("ipxe", _LINUX, _PLAIN),
    "bios-e1000": Machine("bios", _LINUX, _PLAIN, nic="e1000"),
    "uefi-e1000": Machine("uefi", _EFI, _PLAIN, nic="e1000"),
    "lpxelinux": Machine("bios", _LINUX, _LPXELINUX),
    "undionly": Machine("bios", _LINUX, _IPXE),
    "snponly": Machine("uefi", _LINUX, _IPXE),
    "arm64": Machine("arm64", (*_EFI[:2], *_ARM64), _PLAIN_ARM64),
    "uboot": Machine("uboot", _ARM64, _PLAIN_ARM64, nic="e1000"),
}
"""By firmware, loader and card; those of one site are beside each other."""


class Labs:
    """One lab at a time: of the site that was asked for last."""

    def __init__(self, name: str, say: Callable[[str], None]) -> None:
        self.say = say
        self.lab = Lab(testlab.name(name), say)
        self.site: Site | None = None

    def ready(self, site: Site) -> Lab:
        """The lab of this site, each group at its home."""
        if site is not self.site:
            self.down()
            trees = netboot.build_netboot(self.say, site.architecture)
            patch = merge(netboot.site_patch({HOST: {}}, site.architecture), site.said)
            self.lab.up(trees=trees, patch=patch)
            self.site = site
        self.lab.end_hold_downs()
        self.lab.wait_owned({"first": HOME, "second": TAKER})
        return self.lab

    def down(self) -> None:
        self.site = None
        self.lab.down()


@dataclass(frozen=True, slots=True)
class Outcome:
    """kernel_s: from the fault to the kernel. began: how often the firmware began after the fault."""

    had: int
    kernel_s: float
    began: int
    console: str

    def __str__(self) -> str:
        how = f"after the firmware began {self.began} times more" if self.began else "without a new start"
        return f"broken after {self.had} bytes; kernel after {self.kernel_s:.1f} s, {how}"


def break_boot(lab: Lab, kind: Machine, moment: Moment, fault: str) -> Outcome:
    """Boot a machine, have this fault at this moment, and wait for its kernel."""
    client = lab.boot(HOST, kind.firmware, BOOT="auto", MEMORY_MB="1024", DISK_MB="16", NIC=kind.nic)
    machine = Booting(client)
    try:
        machine.limit(moment.rate)
        machine.wait_for_bytes(round(moment.after), "its moment", BOOT_S)
        began, had, struck = machine.starts(), machine.received(), time.monotonic()
        with lab.fault(fault, HOME):
            assert not machine.kernels(), "the boot was over before the fault"
            machine.limit(OPEN_RATE)
            machine.wait_for_kernel(BOOT_S)
            took = time.monotonic() - struck
        return Outcome(had, took, machine.starts() - began, machine.console())
    except BaseException:
        print(machine.console()[-4000:])
        raise
    finally:
        machine.remove()
