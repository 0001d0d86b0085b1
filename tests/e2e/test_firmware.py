"""Each firmware boots Debian's netboot archive while its server dies or hands over, in each stage of it.

Real firmware in QEMU, and the loaders of the archive: shim and GRUB, PXELINUX, iPXE, U-Boot. Without a hand
each must end in a kernel. How long that takes is printed: where nothing is carried over, it is the firmware's
patience.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from brokenboot import MACHINES, Labs, break_boot

pytestmark = pytest.mark.long

CASES = [
    (name, stage, fault)
    for name, machine in MACHINES.items() for stage in machine.stages
    for fault in (("power-off", "standby") if stage in ("grub", "initrd") else ("power-off",))
]  # fmt: skip


def say(text: str) -> None:
    print(f"firmware: {text}", flush=True)


@pytest.fixture(scope="module")
def labs() -> Iterator[Labs]:
    made = Labs("firmware", say)
    try:
        yield made
    finally:
        made.down()


@pytest.mark.parametrize(("name", "stage", "fault"), CASES)
def test_a_broken_boot_ends_in_a_kernel(labs: Labs, name: str, stage: str, fault: str) -> None:
    machine = MACHINES[name]
    found = break_boot(labs.ready(machine.site), machine, machine.stages[stage], fault)
    say(f"{name}, {stage}, {fault}: {found}")
    if name == "uefi-secure":
        assert "secureboot: Secure boot enabled" in found.console
