"""GRUB reads a file by HTTP through a power-off: it keeps its server's MAC address until the file is whole.

A virtual machine with UEFI firmware, GRUB's own network stack on it; GRUB says the file's SHA-256 on its
serial line.
"""

from __future__ import annotations

import pytest
from labhelp import ODD, lan_address
from twinlab import Lab
from twinlab.host.client import Client
from twinlab.host.wait import until

BOTH_ON_2 = {"first": "server2", "second": "server2"}
COMMANDS = """
net_add_addr lan efinet0 {own}
echo grub-begins
hashsum --hash sha256 (http,{server})/trees/rh9/big.bin
echo grub-ends
sleep 1
halt
"""
BIG_BYTES = 60 << 20


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "counter", "on"), [("power-off", "accepted", 2), ("standby", "forwarded", 1)]
)
def test_grub_reads_a_file_to_its_end(lab: Lab, big_sha256: str, fault: str, counter: str, on: int) -> None:
    commands = COMMANDS.format(own=lan_address(lab, ODD), server=lab.address("first"))
    machine = lab.boot(f"cli{ODD}", "uefi", BOOT="disk", GRUB=commands, MEMORY_MB="768")
    try:
        until(lambda: "grub-begins" in machine.logs(), "GRUB", timeout_s=180)
        begun, part = received(machine), "a part of the file"
        until(lambda: received(machine) - begun > BIG_BYTES // 6, part, timeout_s=120, every_s=0.1)
        assert "grub-ends" not in machine.logs(), "too quick for this test"
        with lab.fault(fault, 1):
            lab.wait_owned(BOTH_ON_2)
            until(lambda: "grub-ends" in machine.logs(), "the end", timeout_s=400, every_s=0.5)
            assert big_sha256 in machine.logs(), machine.logs()[-2000:]
            status = lab.server(on).status()
            assert status is not None
            assert status["stale_arp_frames"][counter] > 100, "it had learned of the move"
    finally:
        machine.remove()


def received(machine: Client) -> int:
    """Bytes that the virtual machine has got: what its tap has sent to it."""
    return int(machine.exec("cat", "/sys/class/net/vmtap/statistics/tx_bytes").out)
