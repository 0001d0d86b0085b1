"""A machine whose server dies or hands over while it boots: where it was, and how it went on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from twinlab import Lab
from twinlab.host.booting import Booting

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
_ARM64 = (*_EFI[:2], ("kernel", 37.7 * MB, "20mbit"), ("initrd", 42.4 * MB, "20mbit"))
FILES = {
    "bios": _LINUX, "ipxe": _LINUX, "uefi": _EFI, "uefi-secure": _EFI, "uefi-http": _EFI, "arm64": _ARM64,
}
"""Slow enough for a power-off that takes some seconds on a busy machine."""
STAGES: Mapping[str, Mapping[str, Moment]] = {name: moments(*files) for name, files in FILES.items()}


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


def break_boot(lab: Lab, firmware: str, moment: Moment, fault: str) -> Outcome:
    """Boot a machine, have this fault at this moment, and wait for its kernel."""
    machine = Booting(lab.boot(HOST, firmware, BOOT="auto", MEMORY_MB="1024", DISK_MB="16"))
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
