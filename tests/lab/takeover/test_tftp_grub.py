"""GRUB reads a file by TFTP while its server dies. It says nothing again, and gives a file up after 32 s."""

from __future__ import annotations

import re

import pytest
from labhelp import ODD, lan_address
from twinlab import Lab
from twinlab.faults import cable
from twinlab.host.client import Client
from twinlab.host.wait import until

FILE, RATE = "trees/rh9/big.bin", "30mbit"
COMMANDS = """
net_add_addr lan efinet0 {own}
echo grub-begins
hashsum --hash sha256 (tftp,{server})/{file}
echo grub-ends
sleep 1
halt
"""
BEGIN_BYTES = 6 << 20

pytestmark = pytest.mark.long


@pytest.mark.parametrize("fault", ["power-off", "standby"])
def test_grub_goes_on(lab: Lab, big_sha256: str, fault: str) -> None:
    commands = COMMANDS.format(own=lan_address(lab, ODD), server=lab.address("first"), file=FILE)
    machine = lab.boot(f"cli{ODD}", "uefi", BOOT="disk", GRUB=commands, MEMORY_MB="768")
    try:
        cable.limit(machine.container, "eth0", RATE)
        until(lambda: "grub-begins" in machine.logs(), "GRUB", timeout_s=180)
        begun, part = received(machine), "a part of the file"
        until(lambda: received(machine) - begun > BEGIN_BYTES, part, timeout_s=120, every_s=0.1)
        assert "grub-ends" not in machine.logs(), "too quick for this test"
        with lab.events() as log, lab.fault(fault, 1):
            lab.wait_owned({"first": "server2", "second": "server2"})
            until(lambda: "grub-ends" in machine.logs(), "the end", timeout_s=400, every_s=0.5)
            said = re.sub(r"\x1b\[[0-9;]*[A-Za-z]|[\r\n]", "", machine.logs())
            assert big_sha256 in said, said[-600:]
            assert [event.fields["file"].lstrip("/") for event in log.named("tftp-taken-over")] == [FILE]
    finally:
        machine.remove()


def received(machine: Client) -> int:
    """Bytes that the virtual machine has got: what its tap has sent to it."""
    return int(machine.exec("cat", "/sys/class/net/vmtap/statistics/tx_bytes").out)
