"""A machine that nobody knows waits in its loader, is enrolled, and boots its profile without another start.

A real iPXE, QEMU's boot ROM, reads the machine's SMBIOS and tells it. Judge: the kernel's own command line.
"""

from __future__ import annotations

import pytest
from enrollhelp import exported, put_scripts, twinboot, unknown
from twinlab import Lab
from twinlab.host import images, netboot, testlab, vm
from twinlab.host.booting import Booting
from twinlab.host.wait import until

pytestmark = pytest.mark.long
MAC, SERIAL = "52:54:00:00:42:77", "SER 42/7&x=1"
UUID = "564d2c3a-9f1b-4c57-8e0d-2f6a7b8c9d10"
BOOT_S = 600.0


def say(text: str) -> None:
    print(f"enrolled: {text}", flush=True)


def test_an_unknown_machine_waits_is_enrolled_and_boots() -> None:
    folder = netboot.inside()
    patch = {
        "boot": {"ipxe": "ipxe"},
        "trees": {netboot.TREE: {
            "path": netboot.TREE, "kernel": f"{folder}/linux", "initrd": [f"{folder}/initrd.gz"]
        }},
        "profiles": {"rescue": {
            "tree": netboot.TREE, "installer": "custom", "prompt": False, "console": {"device": "ttyS0"},
            "kernel_args": ["rescue/enable=true", "me={host},{address}"],
        }},
    }  # fmt: skip
    images.ensure(say)
    lab = Lab(testlab.name("enrolled"), say)
    lab.down()
    with lab:
        site = netboot.build_netboot(say)
        lab.up(trees=site, patch=patch)
        put_scripts(lab)
        one, two = lab.server(1), lab.server(2)
        # whoever has no entry waits: an edited file that goes along
        one.exec("sed", "-i", "s/unknown: install/unknown: wait/", "/opt/twinboot/config/site.yaml")
        applied = twinboot(one, "apply", "--yes")
        assert applied.ok, applied.out + applied.err
        smbios = f"type=1,manufacturer=Maker & Sons,product=R 640,serial={SERIAL},uuid={UUID}"
        newcomer = {"hosts": {"newcomer": {"mac": MAC}}}
        started = vm.boot(lab.layout, newcomer, "newcomer", "bios", say=say, MEMORY_MB="1024", DISK_MB="16",
                          SMBIOS=smbios)  # fmt: skip
        machine = Booting(started)
        try:
            until(lambda: unknown(two).get(MAC, {}).get("serial"), "it has told its serial number",
                  timeout_s=BOOT_S, alive=machine.alive)  # fmt: skip
            found = unknown(two)[MAC]
            assert (found["serial"], found["maker"], found["product"]) == (SERIAL, "Maker & Sons", "R 640")
            assert found["uuid"] == UUID
            assert machine.kernels() == 0
            done = twinboot(two, "enroll", MAC, "--name", "rescued", "--profile", "rescue", "--yes")
            assert done.ok, done.out + done.err
            machine.wait_for_kernel(BOOT_S)
            words = machine.console().split()
            assert any(word.startswith("me=rescued,") for word in words)
            assert MAC not in unknown(one)
            say(f"booted as {exported(one)['rescued']}")
        except BaseException:
            print(machine.console()[-3000:])
            raise
        finally:
            machine.remove()
