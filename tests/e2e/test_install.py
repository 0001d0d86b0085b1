"""A virtual machine boots from the network and installs itself, while its server may die.

The machine is QEMU with its own firmware; the installer is the stand-in made of Anaconda's parts
(tests/standin). What counts as a whole install is its own report, compared with the tree's checksums:
every package, every byte, and a first boot from the disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from twinlab import Lab
from twinlab.demo.machines import Machine, virtual
from twinlab.demo.standin import expected
from twinlab.demo.timeline import Timeline
from twinlab.host import testlab
from twinlab.host.labsite import ROOT
from twinlab.host.wait import until

NAME = testlab.name("e2e")
RATE = "50mbit"
INSTALL_S = 900.0


def say(text: str) -> None:
    print(f"e2e: {text}", flush=True)


@contextmanager
def reported(lab: Lab) -> Iterator[None]:
    """A failure inside comes with the report of every server."""
    try:
        yield
    except BaseException:
        print(lab.report())
        raise


@pytest.mark.parametrize(
    ("mode", "host", "firmware", "fault", "after_mb"),
    [
        ("parity", "cli129", "bios", "power-off", 20),
        ("parity", "cli129", "uefi-secure", "power-off", 20),
        ("parity", "cli128", "bios", None, 0),
        ("parity", "cli128", "uefi", None, 0),
        ("parity", "cli128", "bios", "power-off", 2),
        ("parity", "cli129", "bios", "power-off", 50),
        ("parity", "cli129", "bios", "standby", 20),
        ("dns", "cli129", "bios", None, 0),
        ("dns", "cli129", "bios", "power-off", 20),
    ],
)
def test_a_machine_installs(
    trees: Path, mode: str, host: str, firmware: str, fault: str | None, after_mb: int
) -> None:
    with ExitStack() as stack:
        lab = Lab(NAME, say)
        lab.down()
        stack.callback(lab.down)
        stack.enter_context(reported(lab))
        lab.up(trees=trees, site=ROOT / f"config/examples/{mode}.yaml")
        macs = {server.mac: name for name, server in lab.servers.items()}
        machine = virtual(lab, host, Timeline(), macs, RATE, firmware=firmware, BOOT="auto")
        stack.callback(machine.meter.stop)
        if fault is not None:
            machine.wait_for("install-start", timeout_s=INSTALL_S)
            strike(lab, machine, busiest(lab, machine), fault, after_mb * 1_000_000)
        machine.wait_for("complete", timeout_s=INSTALL_S)
        machine.wait_for("first-boot", timeout_s=INSTALL_S)
        packages, size, digest = expected(trees)
        verified = machine.events["verified"]
        assert verified["packages"] == str(packages)
        assert verified["bytes"] == str(size)
        assert verified["sha256"] == digest
        if fault is None and mode == "parity":
            served, own = machine.meter.bytes(), "server2" if host == "cli128" else "server1"
            assert served[own] > 0.999 * sum(served.values()), f"the other is asked for little: {served}"


def busiest(lab: Lab, machine: Machine) -> str:
    """The server that this machine has most of its bytes from."""
    served = machine.meter.bytes()
    return max(lab.servers, key=lambda name: served.get(name, 0))


def strike(lab: Lab, machine: Machine, victim: str, fault: str, after_bytes: int) -> None:
    """The fault, so many bytes of packages further on; healed when the machine has all its packages.

    Not earlier: librepo gives up on a source after four broken transfers in all (its option
    ALLOWEDMIRRORFAILURES), and a move breaks up to three at once.
    """
    start = machine.meter.total
    until(
        lambda: machine.meter.total - start > after_bytes or machine.done,
        f"{after_bytes} bytes of packages", timeout_s=INSTALL_S, every_s=0.05,
    )  # fmt: skip
    assert not machine.has("downloaded"), "all packages came before the fault"
    taker = next(name for name in lab.servers if name != victim)
    before = machine.meter.bytes().get(taker, 0)
    with lab.fault(fault, victim):
        lab.wait_owned(dict.fromkeys(lab.addresses, taker))
        machine.wait_for("downloaded", timeout_s=INSTALL_S)
        assert machine.meter.bytes().get(taker, 0) > before + 1_000_000
