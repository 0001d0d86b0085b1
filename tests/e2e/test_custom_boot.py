"""Machines boot what is no installer: Debian's memory test, and a kernel with arguments of one's own.

Real firmware in QEMU. Judges: memtest86+ itself, which says on the serial line that it tests; the kernel,
which prints its command line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from twinlab import Lab
from twinlab.host import images, netboot, testlab
from twinlab.host.booting import Booting
from twinlab.host.wait import until

pytestmark = pytest.mark.long
HOST, OTHER = "cli129", "cli128"
BOOT_S = 600.0
MEMTEST_SAYS = "Memtest86"


def say(text: str) -> None:
    print(f"custom: {text}", flush=True)


@contextmanager
def lab_of(trees: Path, patch: Mapping[str, Any]) -> Iterator[Lab]:
    images.ensure(say)
    lab = Lab(testlab.name("custom"), say)
    lab.down()
    with lab:
        yield lab.up(trees=trees, patch=patch)


def profile_of(tree: str, **values: Any) -> dict[str, Any]:
    return {"tree": tree, "installer": "custom", "prompt": False, "console": {"device": "ttyS0"}, **values}


def test_memtest86_tests_the_memory_with_either_firmware() -> None:
    trees = netboot.build_trees("memtest", "Debian's memtest86+", say)
    machines = {HOST: ("bios", "bin"), OTHER: ("uefi", "efi")}
    patch = {
        "trees": {f"memtest-{firmware}": {
            "path": "memtest", "kernel": f"memtest86+x64.{kind}", "initrd": []
        } for firmware, kind in machines.values()},
        "profiles": {f"memtest-{firmware}": profile_of(f"memtest-{firmware}")
                     for firmware, _ in machines.values()},
        "hosts": {host: {"profile": f"memtest-{firmware}"} for host, (firmware, _) in machines.items()},
    }  # fmt: skip
    with lab_of(trees, patch) as lab:
        for host, (firmware, _) in machines.items():
            machine = Booting(lab.boot(host, firmware, MEMORY_MB="256", DISK_MB="16"))
            try:
                until(lambda machine=machine: MEMTEST_SAYS in machine.console(), f"memtest86+ on {firmware}",
                      timeout_s=BOOT_S, every_s=0.5, alive=machine.alive)  # type: ignore[misc]  # fmt: skip
            except BaseException:
                print(machine.console()[-3000:])
                raise
            finally:
                machine.remove()
            say(f"{firmware}: memtest86+ runs")


@pytest.mark.parametrize("firmware", ["bios", "uefi", "ipxe"])
def test_a_kernel_with_initrds_and_arguments_of_ones_own(firmware: str) -> None:
    """What placeholders became stands in the command line that the kernel prints."""
    folder = netboot.inside()
    patch = {
        "trees": {netboot.TREE: {
            "path": netboot.TREE, "kernel": f"{folder}/linux", "initrd": [f"{folder}/initrd.gz"]
        }},
        "profiles": {"rescue": profile_of(
            netboot.TREE, kernel_args=["rescue/enable=true", "from={tree}", "me={host},{address},{mac}"]
        )},
        "hosts": {HOST: {"profile": "rescue"}},
    }  # fmt: skip
    with lab_of(netboot.build_netboot(say), patch) as lab:
        host = lab.site["hosts"][HOST]
        machine = Booting(lab.boot(HOST, firmware, MEMORY_MB="1024", DISK_MB="16"))
        try:
            machine.wait_for_kernel(BOOT_S)
            words = machine.console().split()
        finally:
            machine.remove()
        assert f"me={HOST},{host['address']},{host['mac']}" in words
        assert f"from=http://{lab.address('first')}/trees/{netboot.TREE}" in words
        assert "rescue/enable=true" in words
