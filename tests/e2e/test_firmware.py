"""Each firmware boots Debian's netboot archive while its server dies or hands over, in each stage of it.

Real firmware in QEMU, and the loaders of the archive: shim and GRUB, PXELINUX, iPXE. Without a hand each must
end in a kernel. How long that takes is printed: where nothing is carried over, it is the firmware's patience.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from brokenboot import HOME, HOST, STAGES, TAKER, break_boot
from twinlab import Lab
from twinlab.host import netboot, testlab
from twinlab.host.labsite import merge

pytestmark = pytest.mark.long

SITES: Mapping[str, tuple[str, Mapping[str, Any], tuple[str, ...]]] = {
    "as it is": ("x64", {}, ("bios", "uefi", "uefi-secure", "uefi-http", "ipxe")),
    "lpxelinux": ("x64", {"boot": {"bios": "lpxelinux", "ipxe": "lpxelinux"}}, ("bios",)),
    "iPXE": ("x64", {"boot": {"bios": "ipxe", "uefi": "ipxe", "ipxe": "ipxe"}}, ("bios", "uefi")),
    "arm64": ("arm64", {}, ("arm64",)),
}
"""The machines' architecture, what of the site is another, and the firmware that boots there."""
CASES = [
    (site, firmware, stage, fault)
    for site, (_, said, firmwares) in SITES.items() for firmware in firmwares
    for stage in STAGES["ipxe" if said else firmware]
    for fault in (("power-off", "standby") if stage in ("grub", "initrd") else ("power-off",))
]  # fmt: skip


def say(text: str) -> None:
    print(f"firmware: {text}", flush=True)


@pytest.fixture(scope="module", params=SITES)
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    architecture, said, _ = SITES[request.param]
    made = Lab(testlab.name("firmware"), say)
    made.down()
    try:
        trees = netboot.build_netboot(say, architecture)
        yield made.up(trees=trees, patch=merge(netboot.site_patch({HOST: {}}, architecture), said))
    finally:
        made.down()


@pytest.mark.parametrize(("lab", "firmware", "stage", "fault"), CASES, indirect=["lab"])
def test_a_broken_boot_ends_in_a_kernel(lab: Lab, firmware: str, stage: str, fault: str) -> None:
    lab.end_hold_downs()
    lab.wait_owned({"first": HOME, "second": TAKER})
    chosen = (lab.site.get("boot") or {}).get("bios")
    found = break_boot(lab, firmware, STAGES["ipxe" if chosen else firmware][stage], fault)
    say(f"{firmware}{f', {chosen}' if chosen else ''}, {stage}, {fault}: {found}")
    if firmware == "uefi-secure":
        assert "secureboot: Secure boot enabled" in found.console
