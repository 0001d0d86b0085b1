"""Secure Boot refuses a kernel that nobody signed, and the operator reads why, before and after."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokenboot import BOOT_S, HOST
from twinlab import Lab
from twinlab.host import netboot, testlab
from twinlab.host.booting import Booting
from twinlab.host.labsite import ROOT
from twinlab.host.wait import until

KERNEL = f"{netboot.TREE}/{netboot.inside()}/linux"
pytestmark = pytest.mark.long


def say(text: str) -> None:
    print(f"unsigned: {text}", flush=True)


def unsigned(program: bytes) -> bytes:
    """An EFI program without its signatures: they stand at its end (PE format, certificate table)."""
    (head,) = struct.unpack_from("<I", program, 0x3C)
    at = head + 24 + 112 + 4 * 8  # optional header of 64-bit programs, data directory 4
    where, _size = struct.unpack_from("<II", program, at)
    assert 0 < where < len(program), "it is not signed"
    return (program[:at] + bytes(8) + program[at + 8:])[:where]


@pytest.fixture(scope="module")
def trees() -> Path:
    """The netboot archive, its kernel without signatures and its initrd without content."""
    built, made = netboot.build_netboot(say), ROOT / "build/netboot-unsigned"
    for path in built.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            copy = made / path.relative_to(built)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.unlink(missing_ok=True)
            os.link(path, copy)
    kernel = made / KERNEL
    kernel.unlink()
    kernel.write_bytes(unsigned((built / KERNEL).read_bytes()))
    return made


@pytest.fixture(scope="module")
def lab(trees: Path) -> Iterator[Lab]:
    made = Lab(testlab.name("unsigned"), say)
    made.down()
    try:
        yield made.up(trees=trees, patch=netboot.site_patch({HOST: {}}))
    finally:
        made.down()


def test_an_unsigned_kernel_is_refused_and_both_say_why(lab: Lab) -> None:
    server = lab.server(1)
    checked = server.sidecar("twinboot", "check", check=False).out
    assert f"{KERNEL}" in checked
    assert "linux by nobody" in checked
    machine = Booting(lab.boot(HOST, "uefi-secure", BOOT="auto", MEMORY_MB="1024", DISK_MB="16"))
    try:
        until(lambda: "bad shim signature" in machine.console(), "shim's word", timeout_s=BOOT_S)
        until(lambda: "Secure Boot is on" in machine.console(), "GRUB's word", timeout_s=BOOT_S)
        assert machine.kernels() == 0
    finally:
        print(machine.console()[-2000:])
        machine.remove()
