"""A machine whose own address nobody holds any more: it takes everything from the other group's.

The second line of defence: here no server takes the address of the dead one, for its group has no other. What
the machine has by then is kernel and initrd. Its kickstart file, its second stage and its packages must
come from the second address, without a word of anybody.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from twinlab import Lab
from twinlab.demo.machines import virtual
from twinlab.demo.standin import expected
from twinlab.demo.timeline import Timeline
from twinlab.host import testlab
from twinlab.host.wait import until

HOST, HOME, OTHER = "cli129", "server1", "server2"
PATIENT_S = 900.0
ALONE = {
    "groups": {
        "first": {"order": [HOME], "services": []},
        "second": {"order": [OTHER, HOME], "services": ["dhcpd"]},
    }
}
"""The first group's address goes where its one server goes; dhcpd is on the other."""


def say(text: str) -> None:
    print(f"second line: {text}", flush=True)


@pytest.mark.long
def test_a_machine_without_its_own_address_installs_from_the_other(trees: Path) -> None:
    lab = Lab(testlab.name("second"), say)
    lab.down()
    try:
        lab.up(trees=trees, patch=ALONE)
        play(lab, trees)
    except BaseException:
        print(lab.report())
        raise
    finally:
        lab.down()


def play(lab: Lab, trees: Path) -> None:
    macs = {server.mac: name for name, server in lab.servers.items()}
    machine = virtual(lab, HOST, Timeline(), macs, "50mbit", BOOT="auto")
    try:
        machine.wait_for("stage1", "the installer's first stage", timeout_s=PATIENT_S)
        assert not machine.has("kickstart-fetched"), "the kickstart file came before the fault"
        with lab.fault("power-off", HOME):
            until(lambda: lab.owners() == {"first": [], "second": [OTHER]}, "an address without a server",
                  timeout_s=30)
            machine.wait_for("downloaded", timeout_s=PATIENT_S)
            assert lab.owners()["first"] == []
            machine.wait_for("complete", timeout_s=PATIENT_S)
        machine.wait_for("first-boot", timeout_s=PATIENT_S)
        packages, size, digest = expected(trees)
        verified = machine.events["verified"]
        assert (verified["packages"], verified["bytes"]) == (str(packages), str(size))
        assert verified["sha256"] == digest
        assert lab.address("second") in machine.events["kickstart-fetched"]["url"]
    finally:
        print(machine.container.logs()[-4000:])
        machine.meter.stop()
        machine.container.remove()
