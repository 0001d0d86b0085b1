"""A machine whose server dies in the middle of its boot: each stage goes on by itself.

Real firmware (SeaBIOS, iPXE's ROM) and PXELINUX in QEMU. The server stays dead until the installer's first
stage runs. How long each stage takes is printed: it is the client's own patience, and no business of ours.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from twinlab import Lab
from twinlab.demo.machines import Machine, virtual
from twinlab.demo.timeline import Timeline
from twinlab.faults import cable
from twinlab.host import testlab
from twinlab.host.wait import until

HOST, HOME, TAKER = "cli129", "server1", "server2"
BOOT_S = 420.0
"""What is not carried over PXELINUX gives up after 131 s; then the machine starts anew."""
STAGES = {
    "boot loader": ("40kbit", "4k", 3_000, "pxelinux.0"),
    "its module": ("150kbit", "4k", 80_000, "ldlinux.c32"),
    "kernel": ("20mbit", "128k", 4_000_000, "trees/rh9/images/pxeboot/vmlinuz"),
    "initrd": ("20mbit", "128k", 25_000_000, "trees/rh9/images/pxeboot/initrd.img"),
}
"""How fast the cable is, and how large its bursts, until the power goes; after how many bytes it goes, and
what is loading then. pxelinux.0 has 42 kB, ldlinux.c32 115 kB, the kernel 14 MB, the initrd 33 MB."""
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def lab(trees: Path) -> Iterator[Lab]:
    made = Lab(testlab.name("boot"), lambda text: print(f"boot: {text}", flush=True))
    made.down()
    try:
        yield made.up(trees=trees)
    finally:
        made.down()


@pytest.fixture
def machine(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Machine]:
    """Switched on, with a cable as slow as its stage asks for."""
    lab.end_hold_downs()
    lab.wait_owned({"first": HOME, "second": TAKER})
    rate, burst, *_ = STAGES[request.node.callspec.params["stage"]]
    lab.server(1).sidecar("twinboot", "install", HOST)  # the one before may have installed it
    macs = {server.mac: name for name, server in lab.servers.items()}
    made = virtual(lab, HOST, Timeline(), macs, rate, BOOT="auto")
    try:
        cable.limit(made.container.container, "eth0", rate, burst=burst)
        yield made
    finally:
        made.meter.stop()
        made.container.remove()


@pytest.mark.parametrize("stage", STAGES)
def test_a_broken_boot_goes_on(lab: Lab, machine: Machine, stage: str) -> None:
    _, _, after_bytes, file = STAGES[stage]
    what = f"the middle of the {stage}"
    until(lambda: machine.meter.total > after_bytes, what, timeout_s=120, every_s=0.02)
    with lab.events() as log, lab.fault("power-off", HOME) as struck:
        had = machine.meter.total
        cable.limit(machine.container.container, "eth0", "100mbit")
        assert not machine.has("stage1"), "the boot was over before the power went"
        lab.wait_owned({"first": TAKER, "second": TAKER})
        resumed = until(lambda: machine.meter.resumed_after(struck + 0.3), "data again", timeout_s=BOOT_S)
        machine.wait_for("stage1", "the installer's first stage", timeout_s=BOOT_S)
        assert file in {event.fields["file"].lstrip("/") for event in log.named("tftp-taken-over")}
        print(f"{stage}: broken after {had} bytes; data again after {resumed - struck:.1f} s, "
              f"installer after {time.time() - struck:.1f} s")
