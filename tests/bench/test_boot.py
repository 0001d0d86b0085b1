"""From power-on to kernel, for each firmware, boot loader and transport, with figures.

Each machine boots Debian's netboot archive (53 MB of kernel and initrd) in QEMU, one after the other. Prints
the seconds from power-on to the loader's message, which are the firmware's own for the most part, and from
there to the kernel's first line. `make bench-boot RUNS=3 LOADERS="PXELINUX;GRUB by HTTP boot"`.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from twinlab import Lab
from twinlab.host import netboot, testlab
from twinlab.host.booting import Booting
from twinlab.host.labsite import merge
from twinlab.host.wait import until

HOST = "cli129"
RUNS = int(os.environ.get("BENCH_RUNS") or 1)
WANTED = [one for one in (os.environ.get("BENCH_LOADERS") or "").split(";") if one]
BOOT_S = 600.0
LOADED_BYTES = 52_933_158
RESULTS = Path(__file__).parents[2] / "build/bench/boot.json"
MESSAGE = "this machine will be installed with"

SITES: Mapping[str, Mapping[str, Any]] = {
    "as it is": {},
    "lpxelinux": {"boot": {"bios": "lpxelinux", "ipxe": "lpxelinux"}},
    "iPXE": {"boot": {"bios": "ipxe", "uefi": "ipxe", "ipxe": "ipxe"}},
}
LOADERS = {
    "PXELINUX, all by TFTP": ("as it is", "bios"),
    "lpxelinux, kernel and initrd by HTTP": ("lpxelinux", "bios"),
    "iPXE of a BIOS machine's ROM": ("iPXE", "bios"),
    "shim and GRUB": ("as it is", "uefi"),
    "shim and GRUB, Secure Boot": ("as it is", "uefi-secure"),
    "shim and GRUB by HTTP boot": ("as it is", "uefi-http"),
    "snponly.efi": ("iPXE", "uefi"),
    "iPXE of a UEFI machine's own": ("as it is", "ipxe"),
}
"""By what is printed: the site, and the machine's firmware."""


def test_boot() -> None:
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    wanted = {name: how for name, how in LOADERS.items() if not WANTED or any(one in name for one in WANTED)}
    lab = Lab(testlab.name("benchboot"), print)
    for site in dict.fromkeys(site for site, _ in wanted.values()):
        lab.down()
        with lab:
            patch = merge(netboot.site_patch({HOST: {}}), SITES[site])
            lab.up(trees=netboot.build_netboot(print), patch=patch)
            for _ in range(RUNS):
                for name, (where, firmware) in wanted.items():
                    if where == site:
                        found[name].append(timed(lab, firmware))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1))
    print("\n| loader | power-on to its message, s | from there to the kernel, s | Mbit/s |")
    print("|---|---|---|---|")
    for name, runs in found.items():
        before, after = (median(one[at] for one in runs) for at in (0, 1))
        print(f"| {name} | {before:.1f} | {after:.1f} | {LOADED_BYTES * 8 / after / 1e6:.0f} |")


def timed(lab: Lab, firmware: str) -> tuple[float, float]:
    """Seconds from power-on to the loader's message, and from there to the kernel."""
    machine = Booting(lab.boot(HOST, firmware, MEMORY_MB="1024", DISK_MB="16"))
    try:
        at = [time.monotonic()]
        for text in (MESSAGE, "Linux version "):
            until(lambda text=text: text in machine.console(), text, timeout_s=BOOT_S, every_s=0.1)  # type: ignore[misc]
            at.append(time.monotonic())
        return at[1] - at[0], at[2] - at[1]
    finally:
        machine.remove()
