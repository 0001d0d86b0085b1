"""Machines with UEFI boot by Debian's own shim, GRUB and kernel while their server dies or hands over.

QEMU with OVMF; the kernel says on its console whether Secure Boot let all of them pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from twinlab import Lab
from twinlab.faults import cable
from twinlab.host.client import Client
from twinlab.host.wait import until

SECURE, PLAIN = "uefi131", "uefi132"
HOMES = {SECURE: ("first", "server1", "server2"), PLAIN: ("second", "server2", "server1")}
MENU, KERNEL = "Booting `install'", "Linux version"
RATE, BEGIN_BYTES, KERNEL_BYTES = "12mbit", 2 << 20, 12 << 20
"""How fast the kernel comes, and how much of it before its server goes."""
BOOT_S = 240.0


@contextmanager
def booting(lab: Lab, host: str, firmware: str) -> Iterator[Client]:
    """A machine of which GRUB begins to load the kernel."""
    machine = lab.boot(host, firmware, MEMORY_MB="768", DISK_MB="16")
    try:
        until(lambda: MENU in said(machine), "GRUB's menu", timeout_s=BOOT_S, every_s=0.1)
        cable.limit(machine.container, "eth0", RATE)
        yield machine
    finally:
        machine.remove()


def said(machine: Client) -> str:
    """Its console without colours and places on the screen."""
    return re.sub(r"\x1b\[[0-9;?=]*[A-Za-z]|[\r\x00]", "", machine.logs())


def received(machine: Client) -> int:
    """Bytes that the virtual machine has got: what its tap has sent to it."""
    return int(machine.exec("cat", "/sys/class/net/vmtap/statistics/tx_bytes").out)


@pytest.mark.parametrize(
    ("host", "firmware", "fault"), [(SECURE, "uefi-secure", "power-off"), (PLAIN, "uefi", "standby")]
)
def test_grub_gets_its_kernel(lab: Lab, host: str, firmware: str, fault: str) -> None:
    group, home, taker = HOMES[host]
    with booting(lab, host, firmware) as machine:
        begun = received(machine)
        until(lambda: received(machine) - begun > BEGIN_BYTES, "a part of it", timeout_s=60, every_s=0.05)
        with lab.events() as log, lab.fault(fault, home):
            lab.wait_owned({group: taker})
            until(lambda: KERNEL in said(machine), "the kernel", timeout_s=BOOT_S, every_s=0.2)
            until(lambda: "secureboot: " in said(machine), "its word on Secure Boot", timeout_s=BOOT_S)
            console = said(machine)
            assert ("secureboot: Secure boot enabled" in console) is (firmware == "uefi-secure"), console
            assert f"BOOT_IMAGE=(http,{lab.address(group)})/trees/netboot/" in console
            assert "another try" not in console, "GRUB began anew"
            wanted = {"address": lab.address(group)}
            taken = until(lambda: log.named("connections-taken-over", **wanted), "its taker", timeout_s=20)
            assert {event.server for event in taken} == {taker}
