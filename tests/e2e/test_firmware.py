"""Each firmware boots Debian's netboot archive while its server dies or hands over, in each stage of it.

Real firmware in QEMU, and the loaders of the archive: shim and GRUB, PXELINUX, iPXE. Without a hand each must
end in a kernel. How long that takes is printed: where nothing is carried over, it is the firmware's patience.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from brokenboot import HOME, HOST, STAGES, TAKER, break_boot
from twinlab import Lab
from twinlab.host import netboot, testlab

pytestmark = pytest.mark.long
CASES = [(firmware, stage) for firmware, stages in STAGES.items() for stage in stages]


def say(text: str) -> None:
    print(f"firmware: {text}", flush=True)


@pytest.fixture(scope="module", params=["x64", "arm64"])
def site(request: pytest.FixtureRequest) -> Iterator[tuple[str, Lab]]:
    """A lab whose host boots the archive of an architecture."""
    lab = Lab(testlab.name("firmware"), say)
    lab.down()
    try:
        trees = netboot.build_netboot(say, request.param)
        yield request.param, lab.up(trees=trees, patch=netboot.site_patch({HOST: {}}, request.param))
    finally:
        lab.down()


@pytest.mark.parametrize("fault", ["power-off", "standby"])
@pytest.mark.parametrize(("firmware", "stage"), CASES)
def test_a_broken_boot_ends_in_a_kernel(site: tuple[str, Lab], firmware: str, stage: str, fault: str) -> None:
    architecture, lab = site
    if (firmware == "arm64") is not (architecture == "arm64"):
        pytest.skip("of the other architecture")
    lab.end_hold_downs()
    lab.wait_owned({"first": HOME, "second": TAKER})
    found = break_boot(lab, firmware, STAGES[firmware][stage], fault)
    say(f"{firmware}, {stage}, {fault}: {found}")
    if firmware == "uefi-secure":
        assert "secureboot: Secure boot enabled" in found.console
