"""Machines with UEFI boot by Debian's own shim, GRUB and kernel while their server dies or hands over.

QEMU with OVMF; the kernel says on its console whether Secure Boot let all of them pass.
"""

from __future__ import annotations

import pytest
from twinlab import Lab
from twinlab.host.booting import Booting
from twinlab.host.wait import until

SECURE, PLAIN = "uefi131", "uefi132"
HOMES = {SECURE: ("first", "server1", "server2"), PLAIN: ("second", "server2", "server1")}
RATE, BEGIN_BYTES = "12mbit", 2 << 20
"""How fast the kernel comes, 12 MB, and how much of it before its server goes."""
BOOT_S = 240.0


@pytest.mark.parametrize(
    ("host", "firmware", "fault"),
    [(SECURE, "uefi-secure", "power-off"), pytest.param(PLAIN, "uefi", "standby", marks=pytest.mark.long)],
)
def test_grub_gets_its_kernel(lab: Lab, host: str, firmware: str, fault: str) -> None:
    group, home, taker = HOMES[host]
    machine = Booting(lab.boot(host, firmware, MEMORY_MB="768", DISK_MB="16"))
    try:
        until(lambda: "Booting `install'" in machine.console(), "GRUB's menu", timeout_s=BOOT_S, every_s=0.1)
        machine.limit(RATE)
        machine.wait_for_bytes(machine.received() + BEGIN_BYTES, "a part of the kernel", 60)
        with lab.events() as log, lab.fault(fault, home):
            lab.wait_owned({group: taker})
            machine.wait_for_kernel(BOOT_S)
            until(lambda: "secureboot: " in machine.console(), "its word on Secure Boot", timeout_s=BOOT_S)
            console = machine.console()
            assert ("secureboot: Secure boot enabled" in console) is (firmware == "uefi-secure"), console
            assert f"BOOT_IMAGE=(http,{lab.address(group)})/trees/netboot/" in console
            assert "another try" not in console, "GRUB began anew"
            wanted = {"address": lab.address(group)}
            taken = until(lambda: log.named("connections-taken-over", **wanted), "its taker", timeout_s=20)
            assert {event.server for event in taken} == {taker}
    finally:
        machine.remove()
