"""GRUB reads a file by TFTP while its server dies. It says nothing again, and gives a file up after 32 s."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

import pytest
from labhelp import lan_address
from twinlab import Lab
from twinlab.faults import cable
from twinlab.host.wait import until

FILE = "trees/rh9/big.bin"
COMMANDS = """echo begun
net_add_addr lan efinet0 {own}
hashsum --hash sha256 (tftp,{server})/{file}
echo ended
sleep 1
halt
"""
BEGIN_BYTES = 4 << 20

pytestmark = pytest.mark.long


@pytest.mark.parametrize("fault", ["power-off", "standby"])
def test_grub_goes_on(lab: Lab, big_sha256: str, fault: str) -> None:
    own = str(IPv4Address(lan_address(lab, 60)))
    commands = COMMANDS.format(own=own, server=lab.address("first"), file=FILE)
    machine = lab.boot("cli129", "uefi", BOOT="disk", GRUB=commands)
    try:
        cable.limit(machine.container, "eth0", "30mbit")
        with lab.events() as log:
            until(lambda: lab.wire_bytes()["server1"].get(own, 0) > BEGIN_BYTES, "GRUB to read",
                  timeout_s=120, every_s=0.2)
            assert "ended" not in machine.logs(), "too quick for this test"
            with lab.fault(fault, 1):
                lab.wait_owned({"first": "server2", "second": "server2"})
                until(lambda: "ended" in machine.logs() or not machine.alive, "GRUB's end", timeout_s=180)
                said = re.sub(r"\x1b\[[0-9;]*[A-Za-z]|[\r\n]", "", machine.logs())
                assert big_sha256 in said, said[-600:]
                assert [event.fields["file"].lstrip("/") for event in log.named("tftp-taken-over")] == [FILE]
    finally:
        machine.remove()
