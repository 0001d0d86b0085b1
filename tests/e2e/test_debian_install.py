"""Debian 13 installs itself from Debian's own packages, while its server dies, and boots from its disk.

QEMU with its own firmware; kernel, loaders, installer and packages are Debian's (tests/debian, target
`system`), the answers Twinboot's. Judges: every step is the installer's own (nobody answers a question), and
dpkg of the installed system, which compares every file with its package.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from twinlab import Lab
from twinlab.demo import debian
from twinlab.demo.machines import Machine, virtual
from twinlab.demo.timeline import Timeline
from twinlab.host import images, testlab
from twinlab.host.wait import until

HOST, HOME, TAKER = "cli129", "server1", "server2"
BOOT_S, INSTALL_S = 900.0, 3600.0
pytestmark = pytest.mark.long


def say(text: str) -> None:
    print(f"debian: {text}", flush=True)


@pytest.fixture(scope="module")
def trees() -> Path:
    found = debian.build_debian(say)
    images.ensure(say)
    return found


@contextmanager
def reported(lab: Lab) -> Iterator[None]:
    """A failure inside comes with the report of every server."""
    try:
        yield
    except BaseException:
        print(lab.report())
        raise


@pytest.mark.parametrize("firmware", ["bios", "uefi-secure"])
def test_debian_installs_itself(trees: Path, firmware: str) -> None:
    with ExitStack() as stack:
        lab = Lab(testlab.name("debian-install"), say)
        lab.down()
        stack.callback(lab.down)
        stack.enter_context(reported(lab))
        lab.up(trees=trees, patch=debian.site_patch(HOST))
        macs = {server.mac: name for name, server in lab.servers.items()}
        start = time.monotonic()
        machine = virtual(lab, HOST, Timeline(), macs, "200mbit", firmware=firmware, **debian.MACHINE)
        stack.callback(machine.container.remove)
        stack.callback(machine.meter.stop)
        stack.callback(lambda: print(machine.container.logs()[-6000:]))
        machine.wait_for("preseeded", "its answers", timeout_s=BOOT_S)
        say(f"{firmware}: answers after {time.monotonic() - start:.0f} s")
        strike(lab, machine, debian.debs_size(trees))
        say(f"{firmware}: all is installed after {time.monotonic() - start:.0f} s")
        machine.wait_for("first-boot", "the new system", timeout_s=BOOT_S)
        found = machine.events["first-boot"]
        say(f"{firmware}: first boot after {time.monotonic() - start:.0f} s, {found}")
        assert found["host"] == HOST
        assert found["changed"] == "0", "every file is as its package has it"
        assert int(found["packages"]) > debian.PACKAGES
        assert found["address"].partition("/")[0] == lab.site["hosts"][HOST]["address"]
        assert found["method"] == "static"
        assert found["root"] == "*"


def strike(lab: Lab, machine: Machine, size: int) -> None:
    """Power off at a random moment, and on again in the midst of it, until all is installed. size: bytes of
    packages that there are."""
    before = machine.meter.total
    share = random.uniform(0.05, 0.5)
    until(lambda: machine.meter.total - before > share * size or machine.done,
          f"{share:.0%} of the packages", timeout_s=INSTALL_S, every_s=0.05)  # fmt: skip
    assert not machine.done, "all came before the fault"
    with lab.fault("power-off", HOME):
        say(f"power off after {share:.0%} of the packages")
        lab.wait_owned({"first": TAKER, "second": TAKER})
        machine.wait_for("complete", "the installer's last step", timeout_s=INSTALL_S)
