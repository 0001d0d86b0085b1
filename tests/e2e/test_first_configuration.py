"""GRUB asks for its first configuration, and no server answers just then: it asks again, and for how long.

There is no configuration yet that could make it patient. By PXE GRUB has a network of its own from then on;
by HTTP boot it goes on with the firmware's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from brokenboot import BOOT_S, HOME, HOST, TAKER
from twinlab import Lab
from twinlab.host import images, netboot, testlab
from twinlab.host.booting import Booting
from twinlab.host.engine import docker
from twinlab.host.wait import until

HOLD = """
table bridge held {
    counter asked { }
    chain way {
        type filter hook forward priority 0
        iifname vmtap udp dport 69 @th,80,32 0x2f646562 counter name asked drop
        iifname vmtap tcp dport 80 @th,160,72 0x48454144202f646562 counter name asked drop
    }
}
"""
"""Read requests by TFTP for "/deb...", and "HEAD /deb" by HTTP: in the folder that is built into GRUB."""
PROMPT = "Minimal BASH-like line editing"
"""Stands above `grub>`, which the container's log shows when its line has an end."""
FILE_ASKS = 40
"""How often GRUB asks for one file, within 32 s (GRUB_NET_TRIES of include/grub/net.h)."""
pytestmark = pytest.mark.long


def say(text: str) -> None:
    print(f"first configuration: {text}", flush=True)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    made = Lab(testlab.name("firstconf"), say)
    made.down()
    try:
        yield made.up(trees=netboot.build_netboot(say), patch=netboot.site_patch({HOST: {}}))
    finally:
        made.down()


class Unheard:
    """A machine whose GRUB is not heard. Its firmware and shim are."""

    def __init__(self, lab: Lab, firmware: str) -> None:
        self.machine = Booting(lab.boot(HOST, firmware, BOOT="auto", MEMORY_MB="1024", DISK_MB="16"))
        network = f"container:{self.machine.machine.container}"
        self.gate = f"{self.machine.machine.container}-gate"
        docker("run", "-d", "--name", self.gate, "--network", network, "--cap-add", "NET_ADMIN",
               "--cap-add", "NET_RAW", images.CLIENT_IMAGE, "sleep", "3600")  # fmt: skip
        docker("exec", "-i", self.gate, "nft", "-f", "-", stdin=HOLD.encode())

    def asked(self) -> int:
        """How often GRUB has asked in vain."""
        said = docker("exec", self.gate, "nft", "list", "counter", "bridge", "held", "asked").out
        return int(said.split("packets ", 1)[1].split()[0])

    def hear_once_moved(self, address: str, mac: str) -> None:
        """From the moment on at which this server's MAC address says that it holds this address."""
        wait = f"tcpdump -c 1 -i eth0 arp and ether src {mac} and src host {address}"
        docker("exec", "-d", self.gate, "sh", "-c", f"{wait} && nft delete table bridge held")

    def hear(self) -> None:
        """From now on it is heard."""
        docker("exec", self.gate, "nft", "delete", "table", "bridge", "held")

    def remove(self) -> None:
        docker("rm", "-f", self.gate, check=False)
        self.machine.remove()


@contextmanager
def unheard(lab: Lab, firmware: str) -> Iterator[Unheard]:
    """Switched on, and GRUB has just asked for the first time."""
    lab.end_hold_downs()
    lab.wait_owned({"first": HOME, "second": TAKER})
    made = Unheard(lab, firmware)
    try:
        until(made.asked, "GRUB's first request", timeout_s=2 * BOOT_S, every_s=0.1, alive=made.machine.alive)
        yield made
    finally:
        print(made.machine.console()[-3000:])
        made.remove()


@pytest.mark.parametrize(
    ("firmware", "fault"), [("uefi", "power-off"), ("uefi-http", "power-off"), ("uefi-secure", "standby")]
)
def test_the_first_configuration_comes_from_the_taker(lab: Lab, firmware: str, fault: str) -> None:
    with unheard(lab, firmware) as grub:
        grub.hear_once_moved(lab.address("first"), lab.server(TAKER).mac)
        struck = time.monotonic()
        with lab.fault(fault, HOME):
            grub.machine.wait_for_kernel(2 * BOOT_S)
        say(f"{firmware}, {fault}: kernel after {time.monotonic() - struck:.1f} s")
        assert PROMPT not in grub.machine.console()
        assert grub.machine.starts() == 1


def test_whoever_is_never_answered_waits_for_a_hand(lab: Lab) -> None:
    """GRUB's own configuration is signed with it, and gives up then: what BOOT.md tells to type works."""
    with unheard(lab, "uefi-secure") as grub:
        begun = time.monotonic()
        until(lambda: PROMPT in grub.machine.console(), "GRUB's prompt", timeout_s=2 * BOOT_S, every_s=0.5)
        say(f"prompt after {time.monotonic() - begun:.0f} s and {grub.asked()} requests")
        assert grub.asked() >= 2 * FILE_ASKS, "a power-off needs less than it has patience for one"
        grub.hear()
        grub.machine.type("normal")
        grub.machine.wait_for_kernel(2 * BOOT_S)
        assert grub.machine.starts() == 1
